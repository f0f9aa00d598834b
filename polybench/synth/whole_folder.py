"""Folders that appear under their name complete, or not at all."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(folder: Path, accept: Callable[[], None]) -> Iterator[Path]:
    """Write to a temporary folder and rename it.

    Args:
        folder: The final folder, which doesn't exist or is empty.
        accept: Checks a folder that another process has written meanwhile; unless it raises, that folder is kept.

    Yields:
        The temporary folder, which doesn't exist yet. On an exception it is removed.

    Raises:
        OSError: If the folder can't be created or renamed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield unfinished
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            accept()
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
