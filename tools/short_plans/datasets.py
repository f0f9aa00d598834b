"""Generated images of the datasets that a plan names."""

from pathlib import Path
from typing import Any

import yaml

from polybench import datasets
from polybench.data.module import SegmentationDataModule
from polybench.experiments.documents import Documents
from polybench.synth.dataset import write_dataset, write_intima_media

IMAGES = 30
"""Or all of a dataset that has fewer."""
SIZE = (128, 128)
REGIONS = (72, 88)


def write_datasets(plan: Path, out: Path) -> None:
    """Write the datasets of a plan in their own layouts.

    Args:
        plan: File of the plan.
        out: The folder above the datasets' folders; those that are there already are kept.
    """
    for name in dict.fromkeys(class_paths(plan)):
        module = getattr(datasets, name.rpartition(".")[2], None)
        if isinstance(module, type) and issubclass(module, SegmentationDataModule):
            write_dataset(module, out, n=min(IMAGES, module.card.images or IMAGES), size=SIZE)
        elif name.endswith("InterfaceDataModule"):
            write_intima_media(out, n=IMAGES, size=REGIONS)


def class_paths(plan: Path) -> list[str]:
    """The class paths of all data modules of a plan's recipes, in their order."""
    files = [text for text in _texts(yaml.safe_load(plan.read_text())) if text.endswith(".yaml")]
    found = [Documents().configuration(plan.parent / file).get("data") for file in files]
    return [name for data in found for name in _class_paths(data)]


def _class_paths(data: Any) -> list[str]:
    """Class path of a data module, and those of the modules that it holds."""
    if not isinstance(data, dict):
        return []
    own = [data["class_path"]] if "class_path" in data else []
    return [*own, *(name for value in data.get("init_args", {}).values() for name in _class_paths(value))]


def _texts(value: Any) -> list[str]:
    """All texts of a value of YAML."""
    if isinstance(value, str):
        return [value]
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in values for text in _texts(one)]
