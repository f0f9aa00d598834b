"""Records that name a hash, found without parsing the others."""

from collections.abc import Collection
from pathlib import Path

from polybench.results.record import StoredRecord, read_record, record_paths
from polybench.results.record_text import read_text


def records_naming(root: Path, dataset: str, hashes: Collection[str]) -> list[StoredRecord]:
    """Read the records of a dataset whose text holds one of some hashes, such as that of a checkpoint.

    Args:
        root: The folder of the leaderboards.
        dataset: Name of the dataset.
        hashes: Hashes in hexadecimal.

    Raises:
        RecordError: If one of these records can't be read, or any file is no text.
    """
    texts = ((path, read_text(path)) for path in record_paths(root, dataset))
    return [read_record(path) for path, text in texts if any(one in text for one in hashes)]
