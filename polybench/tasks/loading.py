"""A task out of its checkpoint, which holds its class, its arguments and its weights."""

import json
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser

from polybench.core.errors import ConfigError, UserError
from polybench.core.own_code import explain
from polybench.tasks.base import Task
from polybench.tasks.checkpoint import run_entry
from polybench.tasks.weights import weights_of

TRAINING_ONLY = ("optimizer", "lr_scheduler", "parameter_groups", "schedule_interval")
"""Arguments of a task that predictions don't depend on."""

START_WEIGHTS = {"pretrained": False, "encoder_weights": None}
"""Argument of a net that asks for start weights -> its value for none."""

LONGEST = 300
"""Characters of a library's message, beyond which it is cut."""


def run_facts(saved: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The entry of a checkpoint on its run, with `model` and `size`.

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
        raise ConfigError(f"The task of '{path}' can't be built: {_reason(error)}") from error
    try:
        task.load_state_dict(weights_of(saved, path))
    except RuntimeError as error:
        raise ConfigError(mismatch(path, error)) from error
    return task


def _reason(error: Exception) -> str:
    """The sentence for a class that can't be built: of polybench, of the user's own module, or of the first cause."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    sentence = next((str(link) for link in chain if isinstance(link, UserError)), None) or explain(error)
    return sentence or f"{type(chain[-1]).__name__}: {' '.join(str(chain[-1]).split())[:LONGEST].rstrip('.')}."


def mismatch(checkpoint: str, error: Exception) -> str:
    """One sentence for weights that don't fit; the first key that differs is named."""
    detail = next((line.strip() for line in str(error).splitlines()[1:] if line.strip()), str(error))
    return f"The checkpoint '{checkpoint}' belongs to another net than the configuration's: {detail[:200]}"


def leave_out_start_weights(model: Any) -> None:
    """Ask for no start weights: a checkpoint holds every weight, and there may be no network.

    Args:
        model: The parsed configuration of a task; its net's is changed.
    """
    init_args = model.init_args.net.get("init_args") or {}
    for key, random in START_WEIGHTS.items():
        if key in init_args:
            init_args[key] = random
