"""Estimates of the time that cells take, from the records of earlier runs."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from polybench.results.record import Record

_IMAGES = re.compile(r"(\d+) images of (\d+)x(\d+)")
_START = "encoder_weights"


class Estimates:
    """Seconds a training image of each net, measured at its size.

    Args:
        records: Records; those of runs that trained nothing are left out. Later ones win over earlier ones.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._seconds: dict[tuple[str, int], float] = {}
        for record in sorted(records, key=lambda one: one.provenance.finished_at):
            found = _IMAGES.fullmatch((record.identity and record.identity.budget_id) or "")
            if found and record.training is not None and int(found[1]):
                images, height, width = map(int, found.groups())
                pixels = height * width
                self._seconds[_net(record.config), pixels] = record.training.wall_seconds / images

    def of(self, config: Mapping[str, Any], train_images: int | None) -> float | None:
        """Seconds that a run takes, the trainings among which it chooses included, its test left out.

        Args:
            config: The run's resolved configuration.
            train_images: Images of the training subset; None where that isn't known.

        Returns:
            The measured time; from another size of the same net, in proportion to the pixels. None where no record
            tells it.
        """
        images, size = _images(config, train_images), config["data"]["init_args"].get("size")
        net = _net(config)
        measured = {pixels: seconds for (name, pixels), seconds in self._seconds.items() if name == net}
        if images is None or size is None or not measured:
            return None
        wanted = int(size[0]) * int(size[1])
        nearest = min(measured, key=lambda pixels: abs(pixels - wanted))
        return measured[nearest] * wanted / nearest * images


def _images(config: Mapping[str, Any], train_images: int | None) -> float | None:
    """Images through the net, of the run and of the choice before it."""
    images, epochs = config.get("images"), config["trainer"].get("max_epochs")
    if images is None and (epochs is None or epochs < 1 or train_images is None):
        return None
    run = images if images is not None else epochs * train_images
    choice = config.get("choose") or {}
    return float(run * (1 + len(choice.get("values", ())) * choice.get("share", 0)))


def _net(config: Mapping[str, Any]) -> str:
    """The task and its net, whatever its weights start from."""
    model = config["model"]
    net = model["init_args"].get("net")
    if isinstance(net, Mapping):
        kept = {key: value for key, value in (net.get("init_args") or {}).items() if key != _START}
        net = {"class_path": net.get("class_path"), "init_args": kept}
    return json.dumps([model["class_path"], net], sort_keys=True, default=str)
