"""What a run needs besides its images, and what its split means for its numbers, in sentences for its start."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch import LightningDataModule

from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import split_folder
from polybench.data.splits import load_split
from polybench.experiments.argv import has
from polybench.experiments.class_changes import find_class
from polybench.metrics.protocols import SCORED
from polybench.models.pretrained import OWN_FILE, Found, find
from polybench.models.pretrained.provider import IMAGENET
from polybench.tasks.loading import START_WEIGHTS
from polybench.tasks.task_data import TaskData


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
    """Return a sentence about pretrained start weights, and where they come from; None where there are none.

    Args:
        model: The configuration of a task, as plain values.

    Raises:
        ConfigError: If the configuration names a file that isn't there, or a package isn't installed.
    """
    option = random_start(model)
    if option is None:
        return None
    net = model["init_args"]["net"]
    arguments = net["init_args"]
    encoder = arguments.get("encoder_name") or arguments.get("encoder") or _pretrained_name(net["class_path"])
    weights = arguments.get("encoder_weights")
    given = arguments.get("pretrained") if weights is None else weights
    found = find(str(encoder).lower(), given if isinstance(given, str) else IMAGENET)
    if found is None:
        whose, where = f"ImageNet weights of {encoder}", "which are fetched over the network once"
    elif found.source == OWN_FILE:
        whose, where = f"weights of {encoder}", f"which are read from '{found.path}'"
    else:
        whose = f"ImageNet weights of {encoder}"
        where = f"which are on this machine ({found.source}, licence {found.licence or 'not stated'})"
    return f"The net starts from {whose}, {where}; {option} starts from random ones.{_normalisation(model, found)}"


def _pretrained_name(net: str) -> str:
    """Whose weights a net's `pretrained` gives: its class's `pretrained_name`, else the name of the class."""
    return str(getattr(find_class(net), "pretrained_name", net.rpartition(".")[2]))


def _normalisation(model: Mapping[str, Any], found: Found | None) -> str:
    """A further sentence where the task normalises images otherwise than the weights were trained with."""
    if found is None or found.known is None:
        return ""
    arguments = model["init_args"]
    wanted = {"mean": list(found.known.mean), "std": list(found.known.std)}
    wrong = {key: value for key, value in wanted.items() if key in arguments and list(arguments[key]) != value}
    options = " ".join(f"--model.{key} {str(value).replace(' ', '')}" for key, value in wrong.items())
    return f" They were trained with another normalisation of the images: add {options}." if wrong else ""


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
    """Return the names of a dataset's splits that keep all groups apart and use every image, folds last."""
    folder = split_folder(type(dataset))
    splits = [load_split(folder, path.stem) for path in sorted(folder.glob("*.csv"))]
    apart = [split for split in splits if split.group_disjoint and not split.unused]
    return [split.name for split in sorted(apart, key=lambda split: split.fold is not None)]


def size_note(data: Any, words: Sequence[str]) -> str | None:
    """Return a sentence about a stated `size` that crops of another size replace; None where there is none.

    Args:
        data: The parsed configuration of a data module.
        words: The words of the command line.
    """
    arguments = data.get("init_args") or {}
    crop, size = arguments.get("crop"), arguments.get("size")
    if not crop or not size or list(size) == [crop["size"]] * 2:
        return None
    default = inspect.signature(SegmentationDataModule).parameters["size"].default
    if list(size) == list(default) and not has(words, "--data.size", "--data.init_args.size"):
        return None
    return (
        f"The net's input is {crop['size']}x{crop['size']} by --data.crop.size; the size "
        f"{'x'.join(map(str, size))} beside it has no effect."
    )


def input_words(data: TaskData) -> str:
    """Say what a net sees of a dataset, such as "crops 128x128 at scale 1"."""
    height, width = data.size
    if data.ranked_by in SCORED:
        return f"{data.ranked_by.what} at {height}x{width}"
    if isinstance(data, SegmentationDataModule) and data.crop is not None:
        return f"crops {height}x{width} at scale {data.crop.scale:g}"
    return f"whole frames at {height}x{width}" if isinstance(data, SegmentationDataModule) else f"at {height}x{width}"
