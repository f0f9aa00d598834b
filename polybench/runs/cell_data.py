"""The data that cells see: opened, as `fit` does before it trains, or only looked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lightning.pytorch import LightningDataModule
from lightning.pytorch.cli import LightningArgumentParser

from polybench.core.errors import UserError
from polybench.data.module import SegmentationDataModule
from polybench.data.patch_module import PatchDataModule
from polybench.experiments.raised import why_not_built
from polybench.results.facts import DatasetFacts

HELD = ("source", "images")
"""Attributes of a data module that hold another one."""


@dataclass(frozen=True)
class CellData:
    """The data of a cell.

    Attributes:
        facts: What a record says of them; None where they were not opened.
        size: Height and width of what goes through the net, pixels.
        batch: Images of a training batch of one process.
        batches: Training batches of an epoch of one process, before limits; None where they can't be told.
    """

    facts: DatasetFacts | None
    size: tuple[int, int]
    batch: int
    batches: int | None


def open_data(config: Mapping[str, Any]) -> CellData:
    """Open the data of a configuration, as `fit` does before it trains; decoded images are kept for it.

    Raises:
        UserError: If the dataset, or the list of its split, isn't there, or a file is missing or broken.
    """
    module = _built(config)
    module.prepare_data()
    module.setup("fit")
    whole = isinstance(module, SegmentationDataModule | PatchDataModule)
    batches = len(module.train_dataloader()) if whole else None
    return CellData(module.facts(), tuple(module.size), module.batch_size, batches)


def open_test_data(config: Mapping[str, Any]) -> None:
    """Open the test images of a configuration alone; decoded images are kept for the test.

    Raises:
        UserError: If the dataset, or the list of its split, isn't there, or a file is missing or broken.
    """
    module = _built(config)
    module.prepare_data()
    module.setup("test")


def look_for_data(config: Mapping[str, Any]) -> CellData:
    """Look for the folders of the data of a configuration, and read no file of theirs.

    Raises:
        UserError: If a folder, or the list of the split, isn't there.
    """
    module = _built(config)
    for copy in _copies(module):
        if type(copy).generate_images is SegmentationDataModule.generate_images:
            _ = copy.directories
    return CellData(None, tuple(module.size), module.batch_size, _listed_batches(module))


def of_each(
    stages: Mapping[str, Mapping[str, Any]], opened: Callable[[Mapping[str, Any]], CellData]
) -> tuple[dict[str, CellData], dict[str, UserError]]:
    """Open the data of several stages, or look for them, those of one copy once.

    Args:
        stages: Stage -> its resolved configuration.
        opened: `open_data` or `look_for_data`.

    Returns:
        Stage -> its data, and stage -> why its data can't be opened.
    """
    known: dict[str, CellData | UserError] = {}
    for config in stages.values():
        key = repr(config["data"])
        if key not in known:
            try:
                known[key] = opened(config)
            except UserError as error:
                known[key] = error
    found = {name: known[repr(config["data"])] for name, config in stages.items()}
    data = {name: one for name, one in found.items() if isinstance(one, CellData)}
    return data, {name: one for name, one in found.items() if isinstance(one, UserError)}


def _built(config: Mapping[str, Any]) -> Any:
    """The data module of a configuration, not set up."""
    parser = LightningArgumentParser(parser_mode="omegaconf+", exit_on_error=False)
    parser.add_lightning_class_args(LightningDataModule, "data", subclass_mode=True)
    try:
        return parser.instantiate_classes(parser.parse_object({"data": config["data"]})).data
    except Exception as error:
        raise why_not_built(error) from error


def _copies(module: Any) -> Iterator[SegmentationDataModule]:
    """The datasets that a data module reads."""
    if isinstance(module, SegmentationDataModule):
        yield module
        return
    for name in HELD:
        if isinstance(held := getattr(module, name, None), LightningDataModule):
            yield from _copies(held)


def _listed_batches(module: Any) -> int | None:
    """Batches of an epoch by the list of the split; None where a copy may lack some of its images."""
    if not isinstance(module, SegmentationDataModule) or module.allow_missing or module.on_error != "raise":
        return None
    variants = len(module.policy.variants) if module.expanded else 1
    each = variants * (module.crop.per_image if module.crop is not None else 1)
    return len(module.split.ids("train")) * each // module.batch_size
