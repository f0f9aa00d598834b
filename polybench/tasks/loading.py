"""Loading of a task from its checkpoint, which contains its class, its arguments and its weights."""

import json
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser

from polybench.core.errors import ConfigError, UserError
from polybench.core.own_code import explain
from polybench.data.crops import Crop
from polybench.data.fitting import Fitting
from polybench.tasks.base import Task
from polybench.tasks.checkpoint import run_entry
from polybench.tasks.segmentation import SegmentationTask
from polybench.tasks.weights import weights_of

TRAINING_ONLY = ("optimizer", "lr_scheduler", "parameter_groups", "schedule_interval")
"""Arguments of a task without effect on predictions."""

START_WEIGHTS = {"pretrained": False, "encoder_weights": None}
"""Argument of a net for start weights -> its value for none."""

LONGEST = 300
"""Largest number of characters of a library's message."""


def run_facts(saved: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return the run's section of a checkpoint, with `model` and `size`.

    Args:
        saved: The checkpoint's content.
        path: Its file, for messages.

    Raises:
        ConfigError: If there is none.
    """
    facts = run_entry(saved)
    if not {"model", "size"} <= set(facts) or "state_dict" not in saved:
        raise ConfigError(
            f"'{path}' doesn't say which net it holds, as checkpoints of other programs and of earlier versions don't: "
            "give its recipe too, with --config, or train it again with `polybench fit`."
        )
    return facts


def build_task(saved: Mapping[str, Any], path: str) -> Task:
    """Build the task of a checkpoint and load its weights.

    Args:
        saved: The checkpoint's content.
        path: Its file, for messages.

    Raises:
        ConfigError: If its classes can't be built, or the weights don't fit.
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
        raise ConfigError(f"The task of '{path}' can't be built: {_reason(error)}") from error
    try:
        task.load_state_dict(weights_of(saved, path))
    except RuntimeError as error:
        raise ConfigError(mismatch(path, error)) from error
    return task


def predicting_task(saved: Mapping[str, Any], path: str) -> Task:
    """Build the task of a checkpoint in evaluation mode, with the size, the fitting and the crops of its images.

    Args:
        saved: The checkpoint's content.
        path: Its file, for messages.

    Raises:
        ConfigError: As `build_task` and `run_facts`.
    """
    task, facts = build_task(saved, path), run_facts(saved, path)
    height, width = facts["size"]
    task.input_size = (int(height), int(width))
    task.input_fitting = Fitting(facts.get("fit", "stretch"), facts.get("pad_value", 0))
    crop = facts.get("crop")
    if crop is not None and isinstance(task, SegmentationTask):
        arguments = dict(crop)
        task.tiles_together = int(arguments.pop("tiles_together"))
        task.input_crop = Crop(**arguments)
    return task.eval()


def _reason(error: Exception) -> str:
    """Return the message for a class that can't be built, by polybench, the user's own module or the first cause."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    sentence = next((str(link) for link in chain if isinstance(link, UserError)), None) or explain(error)
    return sentence or f"{type(chain[-1]).__name__}: {' '.join(str(chain[-1]).split())[:LONGEST].rstrip('.')}."


def mismatch(checkpoint: str, error: Exception) -> str:
    """Return the message for weights that don't fit, with the first key that differs."""
    detail = next((line.strip() for line in str(error).splitlines()[1:] if line.strip()), str(error))
    return f"The checkpoint '{checkpoint}' belongs to another net than the configuration's: {detail[:200]}"


def leave_out_start_weights(model: Any) -> None:
    """Disable start weights, since a checkpoint contains every weight and there may be no network.

    Args:
        model: The parsed configuration of a task; that of its net is changed.
    """
    init_args = model.init_args.net.get("init_args") or {}
    for key, random in START_WEIGHTS.items():
        if key in init_args:
            init_args[key] = random
