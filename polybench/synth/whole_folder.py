"""A folder that appears under its name whole, or not at all."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(folder: Path, accept: Callable[[], None]) -> Iterator[Path]:
    """Fill a folder beside its final place and rename it.

    Args:
        folder: The final place: nothing, or an empty folder.
        accept: Looks at what another process put there meanwhile; if it returns, that stays and ours is dropped.

    Yields:
        The folder to fill, which does not exist yet. On an exception it is removed.

    Raises:
        OSError: If the folder can't be made or renamed.
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
