"""The sha256 of a file of released weights, compared with the one that is known."""

from pathlib import Path

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError


def checked_sha256(path: Path, expected: str | None, advice: str) -> str:
    """Hash a file, and compare the hash with the expected one; the name of a file says nothing of its content.

    Args:
        path: The file.
        expected: Its sha256, or the first digits; None where it isn't known.
        advice: What to do if it is another, for the message.

    Raises:
        ConfigError: If it is another, or the file can't be read.
    """
    try:
        found = file_sha256(path)
    except OSError as error:
        raise ConfigError(f"The weights in '{path}' can't be read ({error.strerror}): {advice}.") from error
    if expected is not None and not found.startswith(expected):
        raise ConfigError(
            f"The weights in '{path}' are not those that were released (sha256 {found[:8]}... instead of "
            f"{expected[:8]}...): {advice}."
        )
    return found
