"""Checks of the files that a command will write, before it starts."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from polybench.core.disk import probe
from polybench.core.errors import ConfigError


def refuse_unwritable(path: Path, option: str, suffix: str | None = None) -> None:
    """Make sure that a file can be written; the folders above it needn't exist.

    Args:
        path: The file.
        option: What named it, such as `--json`.
        suffix: How its name must end; None for any way.

    Raises:
        ConfigError: If its name ends otherwise, it is a folder, a device, a pipe or a socket, or lies in something that
            is no folder or where nothing may be written.
        WriteError: If the folder takes no files, as on a full disk.
    """
    if path.is_dir():
        raise ConfigError(f"{option} '{path}' is a folder: name a file.")
    if suffix is not None and path.suffix.lower() != suffix:
        raise ConfigError(f"{option} must name a {suffix} file, not '{path}'.")
    if path.exists() and not path.is_file():
        raise ConfigError(f"{option} '{path}' is no regular file: name one, or a file that isn't there yet.")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise ConfigError(f"{option} '{path}' can't be written, since '{folder}' is no folder: choose another path.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{option} '{path}' can't be written, since '{folder}' is write-protected: choose another.")
    probe(folder)


def refuse_overwriting(targets: Mapping[str, Path], inputs: Sequence[Path]) -> None:
    """Make sure that files to be written are different ones, and no inputs.

    Args:
        targets: Option -> file.
        inputs: Folders and files that are read.

    Raises:
        ConfigError: If two options name one file, or a file is one that is read, or lies in a folder that is.
    """
    resolved = {option: path.resolve() for option, path in targets.items()}
    for option, path in resolved.items():
        if path.name == "-":
            raise ConfigError(f"{option} names a file, and '-' is none: give it a name.")
        for read in inputs:
            if path == read.resolve():
                raise ConfigError(f"{option} '{targets[option]}' is a file that is read: choose another name.")
            if path.is_relative_to(read.resolve()):
                raise ConfigError(
                    f"{option} '{targets[option]}' lies in '{read}', which is read: choose another place."
                )
    if len(set(resolved.values())) < len(resolved):
        raise ConfigError(f"{' and '.join(resolved)} name the same file: give each its own.")


def probe_leaderboard(root: Path, dataset: str) -> None:
    """Make sure, before hours of training, that a record and its page can be written.

    Args:
        root: The folder of the leaderboards; it is made.
        dataset: Whose record it will be.

    Raises:
        RecordError: If an earlier record of the dataset can't be read, or contradicts its table: no page could be made.
        WriteError: If one of the folders takes no files.
    """
    from polybench.results.page import check_records  # imported when needed, so that other commands start sooner

    check_records(root, dataset)
    probe(root)
    probe(root / "records" / dataset)
