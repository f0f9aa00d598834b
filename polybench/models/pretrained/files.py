"""The sha256 of a file of released weights, compared with the one that is known."""

import re
from pathlib import Path

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.pth$")
"""The first digits of the sha256 in the name of a file, by the convention of torch hub."""


def checked_sha256(path: Path, expected: str | None, advice: str) -> str:
    """Hash a file, and compare the hash with the expected one, or with that in the file's name.

    Args:
        path: The file.
        expected: Its sha256; None where it isn't known.
        advice: What to do if it is another, for the message.

    Raises:
        ConfigError: If it is another, or the file can't be read.
    """
    try:
        found = file_sha256(path)
    except OSError as error:
        raise ConfigError(f"The weights in '{path}' can't be read ({error.strerror}): {advice}.") from error
    named = _HASH_IN_NAME.search(path.name)
    right = expected or (named[1] if named else "")
    if not found.startswith(right):
        raise ConfigError(
            f"The weights in '{path}' are not those that were released (sha256 {found[:8]}... instead of "
            f"{right[:8]}...): {advice}."
        )
    return found
