"""Estimates of the time that cells take, from the records of earlier runs."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from polybench.core.errors import ConfigError
from polybench.experiments.image_budget import length_of
from polybench.results.record import Record

if TYPE_CHECKING:
    from polybench.runs.cell_data import CellData
    from polybench.runs.run_today import RunToday

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

    def of(self, run: "RunToday", data: "CellData") -> float | None:
        """Seconds that a run takes, the trainings among which it chooses included, its test left out.

        Args:
            run: The run.
            data: Its data.

        Returns:
            The measured time; from another size of the same net, in proportion to the pixels. None where no record
            tells it, or the number of images isn't known.
        """
        images, net = images_of(run.config, data, run.processes), _net(run.config)
        measured = {pixels: seconds for (name, pixels), seconds in self._seconds.items() if name == net}
        if images is None or not measured:
            return None
        wanted = data.size[0] * data.size[1]
        nearest = min(measured, key=lambda pixels: abs(pixels - wanted))
        return measured[nearest] * wanted / nearest * images


def images_of(config: Mapping[str, Any], data: "CellData", processes: int) -> int | None:
    """Images that go through the net in a run and in the choice before it, as the run counts them.

    Args:
        config: The resolved configuration.
        data: Its data.
        processes: How many processes share a batch.

    Returns:
        The number; the most that it can be where a callback ends the run early. None where it can't be told: of data
        that were not opened and may lack images, of a run without a length, or with one in hours.
    """
    trainer, wanted = config["trainer"], config.get("images")
    together = data.batch * processes
    if wanted is None:
        batches = _batches(trainer, data.batches, processes)
        return None if batches is None else batches * together
    step, parts = together * (trainer.get("accumulate_grad_batches") or 1), config["validations"]
    choice = config.get("choose") or {}
    budgets = [wanted, *(int(wanted * choice["share"]) for _ in choice.get("values", ()))]
    try:
        return sum(length_of(images, step, parts).images for images in budgets)
    except ConfigError:  # which the run says
        return None


def _batches(trainer: Mapping[str, Any], batches: int | None, processes: int) -> int | None:
    """Batches of one process in a run whose length the trainer says."""
    if batches is None or trainer.get("max_time") is not None:
        return None
    each = _limited(batches // processes, trainer)
    epochs, steps = trainer.get("max_epochs"), trainer.get("max_steps")
    by_epochs: int | None = None if epochs in (None, -1) else epochs * each
    if each == 0 or steps in (None, -1):
        return by_epochs
    accumulated = trainer.get("accumulate_grad_batches") or 1
    whole, rest = divmod(steps, -(-each // accumulated))
    by_steps: int = whole * each + min(rest * accumulated, each)
    return by_steps if by_epochs is None else min(by_epochs, by_steps)


def _limited(batches: int, trainer: Mapping[str, Any]) -> int:
    """Batches of an epoch as the trainer limits them: a whole number counts them, a fraction is a share of them."""
    limit = trainer.get("overfit_batches") or trainer.get("limit_train_batches")
    if limit is None:
        return batches
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def _net(config: Mapping[str, Any]) -> str:
    """The task and its net, whatever its weights start from."""
    model = config["model"]
    net = model["init_args"].get("net")
    if isinstance(net, Mapping):
        kept = {key: value for key, value in (net.get("init_args") or {}).items() if key != _START}
        net = {"class_path": net.get("class_path"), "init_args": kept}
    return json.dumps([model["class_path"], net], sort_keys=True, default=str)
