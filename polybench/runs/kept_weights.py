"""Best weights of a plan's cells, each as one safetensors file with the facts of its record."""

import os
from pathlib import Path

from polybench.core.checksum import file_sha256
from polybench.core.disk import writing
from polybench.results.headline import headline
from polybench.results.record import Record

FOLDER = "POLYBENCH_KEEP_WEIGHTS"
"""Environment variable: the folder where each cell puts its weights; it is no part of what a cell is."""


def kept_weights_variables(folder: Path | None) -> dict[str, str]:
    """The variables by which a plan's cells keep their weights.

    Args:
        folder: Where they go; None keeps none.
    """
    return {} if folder is None else {FOLDER: str(folder.absolute())}


def keep_weights(checkpoint: Path | None, record: Record | None, path: Path | None) -> Path | None:
    """Write the selected weights of a run where the plan wants them kept.

    Args:
        checkpoint: The checkpoint that was tested.
        record: The run's record.
        path: The record's file.

    Returns:
        The file; None where none is wanted, or there is no record.

    Raises:
        WriteError: If it can't be written.
    """
    folder = os.environ.get(FOLDER)
    if not folder or checkpoint is None or record is None or path is None:
        return None
    from polybench.tasks.checkpoint import KEY, AtomicCheckpointIO  # with torch
    from polybench.tasks.exported import SUFFIX, write_exported

    saved = AtomicCheckpointIO().load_checkpoint(checkpoint)
    target = Path(folder) / f"{path.stem}{SUFFIX}"
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_exported(saved["state_dict"], saved[KEY], facts_of(record, path), target)
    return target


def facts_of(record: Record, path: Path) -> dict[str, str]:
    """What a file of weights says of its record.

    Args:
        record: The record.
        path: Its file.
    """
    key, metric = headline(record)
    training_id = record.identity.training_id if record.identity is not None else ""
    return {
        "record": path.stem,
        "record_sha256": file_sha256(path),
        "training_id": training_id,
        "dataset": record.dataset.name,
        "split": record.dataset.split,
        "score": f"{key}/{metric} {record.metrics[key].values[metric].value:.4f} on the test images",
        "command": record.command,
        "git_commit": record.provenance.git_commit or "",
    }
