"""What a run needs besides its images, and what its split means for its numbers, in sentences for its start."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningDataModule

from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import split_folder
from polybench.data.splits import load_split
from polybench.tasks.loading import START_WEIGHTS


def random_start(model: Mapping[str, Any]) -> str | None:
    """Return the option that starts a net from random weights; None where it does already.

    Args:
        model: The configuration of a task, as plain values.

    Returns:
        An option with its value, such as `--model.net.pretrained false`.
    """
    net = (model.get("init_args") or {}).get("net")
    arguments = (net.get("init_args") or {}) if isinstance(net, Mapping) else {}
    for key, random in START_WEIGHTS.items():
        if arguments.get(key, random) != random:
            return f"--model.net.{key} {'null' if random is None else 'false'}"
    return None


def weights_note(model: Mapping[str, Any]) -> str | None:
    """Return a sentence about the start weights that are fetched over the network; None where none are."""
    option = random_start(model)
    if option is None:
        return None
    arguments = model["init_args"]["net"]["init_args"]
    encoder = arguments.get("encoder_name") or arguments.get("encoder") or "VGG19"
    return (
        f"The net starts from ImageNet weights of {encoder}, which are fetched over the network once; {option} starts "
        "from random ones."
    )


def split_note(data: LightningDataModule) -> str | None:
    """Return a sentence about a split whose subsets share groups; None for one that keeps them apart."""
    inner = getattr(data, "inner_data", None)
    dataset = getattr(data, inner) if inner else data
    if not isinstance(dataset, SegmentationDataModule) or not dataset.split.crossing:
        return None
    apart = disjoint_splits(dataset)
    option = f"--data.{inner}.split" if inner else "--data.split"
    advice = f": {option} {apart[0]} keeps them apart" if apart else ""
    return (
        f"The split '{dataset.split.name}' has images of one group, such as a sequence or a patient, in training and "
        f"test, which raises test scores{advice}."
    )


def disjoint_splits(dataset: SegmentationDataModule) -> list[str]:
    """Return the names of a dataset's splits that keep all groups apart."""
    folder = split_folder(type(dataset))
    splits = (load_split(folder, path.stem) for path in sorted(folder.glob("*.csv")))
    return [split.name for split in splits if split.group_disjoint]
