"""Lineage of a checkpoint: the runs that its weights descend from, which the checkpoint stores.

Files of polybench store them as JSON, oldest first.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.results.facts import Ancestor
from polybench.results.strict import decode
from polybench.tasks.checkpoint import BEST, LAST, run_entry

LINEAGE = "polybench_lineage"
"""Key of the ancestors as JSON, oldest first, in the metadata of a safetensors file."""


def lineage_of(saved: Mapping[str, Any], path: Path) -> tuple[Ancestor, ...]:
    """Return the lineage of a checkpoint, oldest first, with its own run last; a file of another program is its sha256.

    Args:
        saved: Its contents.
        path: Its file.

    Raises:
        ConfigError: If its entries on the lineage are invalid.
    """
    run = run_entry(saved)
    origin = run.get("origin") or {}
    try:
        own = {
            "sha256": file_sha256(path),
            **{name: origin.get(name) for name in ("task", "dataset", "stage")},
            "training_id": run.get("training_id") or None,
            "seed": run.get("seed"),
            "point": _point(saved, run),
            "folds_id": run.get("folds_id"),
        }
        return (*read_ancestors(run.get("ancestors") or saved.get(LINEAGE), path), decode(Ancestor, own))
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(_bad_lineage(path, error)) from error


def _point(saved: Mapping[str, Any], run: Mapping[str, Any]) -> Literal["selected", "end"] | None:
    """Return which of its run's checkpoints it is; None if another run of that training may lack such a checkpoint."""
    if run.get("file") == BEST:
        return "selected"
    if run.get("file") != LAST:  # what `epoch` is in a file of another program, is its own affair
        return None
    return "end" if saved.get("epoch", -1) + 1 == json.loads(run.get("length") or "{}").get("max_epochs") else None


def read_ancestors(text: object, path: object) -> tuple[Ancestor, ...]:
    """Read the ancestors that a file stores as JSON, oldest first; empty if there is no entry.

    Args:
        text: The JSON.
        path: The file, for messages.

    Raises:
        ConfigError: If it is invalid.
    """
    if not text:
        return ()
    try:
        parsed = json.loads(text) if isinstance(text, str) else text
        if not isinstance(parsed, list):
            raise ValueError("it is no list")
        return tuple(decode(Ancestor, one, f"ancestor {number}") for number, one in enumerate(parsed, start=1))
    except (ValueError, RecursionError) as error:
        raise ConfigError(_bad_lineage(path, error)) from error


def _bad_lineage(path: object, error: Exception) -> str:
    return (
        f"What '{path}' says of where its weights come from is not as polybench writes it ({error}): give another "
        "copy of the file, or a file of the weights alone."
    )
