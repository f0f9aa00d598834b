"""Files that a command is to write at its end: whether they can be, said at its start."""

import os
from pathlib import Path

from polybench.errors import ConfigError


def refuse_unwritable(path: Path, option: str) -> None:
    """Make sure that a file can be written; the folders above it needn't exist.

    Args:
        path: The file.
        option: What named it, such as `--json`.

    Raises:
        ConfigError: If it is a folder, or lies in something that is none or where nothing may be written.
    """
    if path.is_dir():
        raise ConfigError(f"{option} '{path}' is a folder: name a file.")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise ConfigError(f"{option} '{path}' can't be written, since '{folder}' is no folder: choose another path.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{option} '{path}' can't be written, since '{folder}' is write-protected: choose another.")
