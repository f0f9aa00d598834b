"""A trained task from its checkpoint alone, ready to predict."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polybench.core.own_code import make_importable
from polybench.data.crops import Crop
from polybench.data.fitting import Fitting
from polybench.experiments.recorded_checkpoint import compare_with_record
from polybench.tasks import SegmentationTask
from polybench.tasks.base import Task
from polybench.tasks.checkpoint import AtomicCheckpointIO
from polybench.tasks.loading import build_task, run_facts


def load(checkpoint: str | Path, device: str = "cpu") -> Task:
    """Load a task that `polybench fit` has trained, ready to predict.

    Args:
        checkpoint: Its file, such as `runs/.../checkpoints/best.ckpt`.
        device: Where the task is put.

    Returns:
        The task in evaluation mode, with the size of its input: `task.predict_image(image)` takes an array (h, w, 3),
        uint8.

    Raises:
        ConfigError: If the file is no checkpoint, does not describe its net, or its classes can't be built.
    """
    make_importable()
    path = str(checkpoint)
    saved: Mapping[str, Any] = AtomicCheckpointIO().load_checkpoint(path)
    compare_with_record(path)
    task = build_task(saved, path)
    facts = run_facts(saved, path)
    height, width = facts["size"]
    task.input_size = (int(height), int(width))
    task.input_fitting = Fitting(facts.get("fit", "stretch"), facts.get("pad_value", 0))
    crop = facts.get("crop")
    if crop is not None and isinstance(task, SegmentationTask):
        arguments = dict(crop)
        task.tiles_together = int(arguments.pop("tiles_together"))
        task.input_crop = Crop(**arguments)
    return task.eval().to(device)
