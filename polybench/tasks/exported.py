"""Weights to take away: a safetensors file of a net's weights that says which net it is, and where they come from.

Every command that takes a checkpoint takes such a file, except to resume a training.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save

from polybench.core.atomic import atomic_writer
from polybench.core.errors import ConfigError
from polybench.core.finite import tensors_of
from polybench.core.weight_file import read_weights

SUFFIX = ".safetensors"
RUN = "polybench_run"
"""Key of the run's section, as JSON, in the metadata; it is that of a checkpoint."""


def write_exported(state: Mapping[str, Any], entry: Mapping[str, Any], facts: Mapping[str, str], path: Path) -> None:
    """Write weights with the section of their run.

    Args:
        state: The `state_dict` of a checkpoint.
        entry: The checkpoint's section on its run.
        facts: What else a reader of the file should know, such as the record's name and its score.
        path: The file, which is complete or absent.

    Raises:
        OSError: If it can't be written.
    """
    tensors = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors_of(state).items()}
    metadata = {**facts, RUN: json.dumps(dict(entry)), "format": "pt"}
    with atomic_writer(path) as file:
        file.write(save(tensors, metadata))


def read_exported(path: Path) -> dict[str, Any]:
    """Read such a file as a checkpoint's content, without the state of a trainer.

    Raises:
        ConfigError: If it can't be read, or doesn't say which net it holds.
    """
    found = read_weights(path)
    try:
        entry = json.loads(found.metadata[RUN])
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"'{path}' doesn't say which net it holds, as the file of an encoder alone doesn't: give a checkpoint, or "
            "a file that --keep_weights wrote."
        ) from error
    return {"state_dict": dict(found.content), RUN: entry}
