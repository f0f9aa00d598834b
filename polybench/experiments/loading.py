"""A trained task from its checkpoint alone, ready to predict."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polybench.core.own_code import make_importable
from polybench.experiments.recorded_checkpoint import compare_with_record
from polybench.tasks.base import Task
from polybench.tasks.checkpoint import AtomicCheckpointIO
from polybench.tasks.loading import predicting_task


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
    return predicting_task(saved, path).to(device)
