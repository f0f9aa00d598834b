"""The lock of a dataset's records and page, so that processes that end at once don't write the same thing twice."""

from pathlib import Path

from filelock import FileLock

from polybench.core.disk import make_folder


def lock_of(root: Path, dataset: str) -> FileLock:
    """The lock `root/.<dataset>.lock`, a context manager; the folder is created.

    Raises:
        WriteError: If the folder can't be made.
    """
    make_folder(root)
    return FileLock(root / f".{dataset}.lock")
