"""sha256 checksums of files."""

import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Hash a file's bytes, a block at a time.

    Args:
        path: The file.

    Returns:
        The sha256 in hexadecimal.

    Raises:
        OSError: If the file can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
