"""A detector of candidates: a segmentation net out of its checkpoint, which saw none of the study's images."""

import json
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch

from polybench.core.errors import ConfigError
from polybench.data.images import UInt8Array
from polybench.data.own_dataset import open_split
from polybench.results.facts import Ancestor
from polybench.tasks import SegmentationTask
from polybench.tasks.base import FloatArray, Task
from polybench.tasks.checkpoint import AtomicCheckpointIO
from polybench.tasks.lineage import lineage_of
from polybench.tasks.loading import predicting_task, run_facts


class Detector(NamedTuple):
    """A detector.

    Attributes:
        predict: Foreground probabilities (h, w) of an image (h, w, 3).
        source: The run that trained it.
        seen: Groups of the images that it was trained or selected on.
    """

    predict: Callable[[UInt8Array], FloatArray]
    source: Ancestor
    seen: frozenset[str]


def load_detector(path: str) -> Detector:
    """Load the segmentation net of a checkpoint, on the processor.

    Raises:
        ConfigError: If the file is no checkpoint of a segmentation net, its classes can't be built, or it doesn't
            say which images it was trained on.
    """
    saved = AtomicCheckpointIO().load_checkpoint(path)
    task = predicting_task(saved, path)
    if not isinstance(task, SegmentationTask):
        raise ConfigError(f"'{path}' holds a {type(task).__name__}: a detector is a segmentation net.")
    return Detector(_predict(task), lineage_of(saved, Path(path))[-1], seen_groups(run_facts(saved, path), path))


def _predict(task: Task) -> Callable[[UInt8Array], FloatArray]:
    def predict(image: UInt8Array) -> FloatArray:
        with torch.inference_mode():
            return task.predict_image(image)

    return predict


def seen_groups(facts: Mapping[str, Any], path: str) -> frozenset[str]:
    """Groups of the images that the net of a checkpoint was trained or selected on.

    Args:
        facts: The run's section of the checkpoint.
        path: Its file, for messages.

    Raises:
        ConfigError: If they aren't known.
    """
    try:
        data = json.loads(facts["config"])["data"]
        module, _, name = str(data["class_path"]).rpartition(".")
        split = open_split(getattr(import_module(module), name), (data.get("init_args") or {}).get("split"))
    except (KeyError, ValueError, TypeError, AttributeError, ImportError) as error:
        raise ConfigError(
            f"'{path}' doesn't say which images its net was trained on ({type(error).__name__}), so that they may be "
            "those of the study: train a detector with polybench fit on another dataset."
        ) from error
    return frozenset(split.groups[image] for subset in ("train", "val") for image in split.ids(subset))


def refuse_seen(detector: Detector, groups: Iterable[str], path: str) -> None:
    """Refuse a detector that was trained, or selected, on images of the study.

    Args:
        detector: The detector.
        groups: The groups of the study's images.
        path: Its checkpoint, for the message.

    Raises:
        ConfigError: If it was.
    """
    shared = sorted(detector.seen & set(groups))
    if shared:
        raise ConfigError(
            f"The detector '{path}' was trained or selected on {len(shared)} groups of images of this study, such as "
            f"'{shared[0]}', whose candidates would be better than those of new images: train it on other images."
        )
