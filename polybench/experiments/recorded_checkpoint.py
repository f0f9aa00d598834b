"""Whether a checkpoint is the file that its run's record was made from."""

from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

from polybench.core.checksum import file_sha256
from polybench.core.errors import RecordError
from polybench.experiments.run_folder import KEPT_RECORD
from polybench.results.record import Record
from polybench.results.record_text import read_text
from polybench.tasks.checkpoint import BEST


def compare_with_record(checkpoint: str | Path) -> None:
    """Warn where a selected checkpoint is another file than the one whose sha256 stands in its run's record.

    It is a warning since a run that goes on replaces its checkpoint before its record. A file that was damaged is
    refused when it is loaded.

    Args:
        checkpoint: The file; one that is not `checkpoints/best.ckpt` in a run's folder with a record has no sha256.
    """
    path = Path(checkpoint)
    kept = path.absolute().parent.parent / KEPT_RECORD
    if path.stem != BEST or not kept.is_file():
        return
    try:
        recorded = Record.from_json(read_text(kept), kept).provenance.checkpoint_sha256
    except RecordError as error:
        rank_zero_warn(f"The checkpoint '{path}' can't be compared with the record of its run: {error}")
        return
    if recorded is not None and path.is_file() and file_sha256(path) != recorded:
        rank_zero_warn(
            f"'{path}' is not the checkpoint that the record '{kept}' is of: it was replaced, or its run went on. What "
            "follows is of the file as it is now."
        )
