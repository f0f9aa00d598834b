"""A task from its checkpoint alone, ready to predict."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser

from polybench.callbacks.checkpoint import AtomicCheckpointIO, said_of_run
from polybench.callbacks.weights import weights_of
from polybench.core.errors import ConfigError
from polybench.experiments.messages import mismatch
from polybench.experiments.own_code import make_importable
from polybench.experiments.parser import leave_out_start_weights
from polybench.experiments.raised import why_not_built
from polybench.experiments.recorded_checkpoint import compare_with_record
from polybench.tasks.base import Task

TRAINING_ONLY = ("optimizer", "lr_scheduler", "parameter_groups", "schedule_interval")
"""Arguments of a task that predictions don't depend on."""


def load(checkpoint: str | Path, device: str = "cpu") -> Task:
    """Load a task that `polybench fit` has trained, ready to predict.

    Args:
        checkpoint: Its file, such as `runs/.../checkpoints/best.ckpt`.
        device: Where the task is put.

    Returns:
        The task in evaluation mode, with the size of its input: `task.predict_image(image)` takes an array (h, w, 3),
        uint8.

    Raises:
        ConfigError: If the file is no checkpoint, doesn't say what it holds, or its classes can't be built.
    """
    make_importable()
    path = str(checkpoint)
    saved: Mapping[str, Any] = AtomicCheckpointIO().load_checkpoint(path)
    compare_with_record(path)
    task = task_of(saved, path)
    height, width = run_facts(saved, path)["size"]
    task.input_size = (int(height), int(width))
    return task.eval().to(device)


def run_facts(saved: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """What a checkpoint says of its run: `model`, `size`, `origin` and so on.

    Args:
        saved: The checkpoint's content.
        path: Its file, for messages.

    Raises:
        ConfigError: If it says nothing.
    """
    facts = said_of_run(saved)
    if not {"model", "size"} <= set(facts) or "state_dict" not in saved:
        raise ConfigError(
            f"'{path}' doesn't say which net it holds, as checkpoints of other programs and of earlier versions don't: "
            "give its recipe too, with --config, or train it again with `polybench fit`."
        )
    return facts


def task_of(saved: Mapping[str, Any], path: str) -> Task:
    """Build the task of a checkpoint and give it its weights.

    Args:
        saved: The checkpoint's content.
        path: Its file, for messages.

    Raises:
        ConfigError: If its classes can't be built, or the weights belong to others.
    """
    model = json.loads(run_facts(saved, path)["model"])
    init_args = {key: value for key, value in model["init_args"].items() if key not in TRAINING_ONLY}
    parser = LightningArgumentParser(parser_mode="omegaconf+", exit_on_error=False)
    parser.add_lightning_class_args(Task, "model", subclass_mode=True)
    try:
        config = parser.parse_object({"model": {**model, "init_args": init_args}})
        leave_out_start_weights(config.model)
        task: Task = parser.instantiate_classes(config).model
    except Exception as error:
        raise ConfigError(f"The task of '{path}' can't be built: {why_not_built(error)}") from error
    try:
        task.load_state_dict(weights_of(saved, path))
    except RuntimeError as error:
        raise ConfigError(mismatch(path, error)) from error
    return task
