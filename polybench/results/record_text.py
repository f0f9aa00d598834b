"""The text of a record's file, read strictly: JSON of finite numbers, without a key twice in one mapping."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from polybench.core.errors import RecordError

MOST_BYTES = 32 * 2**20
"""Of a record; most have 30 KB."""
MOST_LEVELS = 50
"""Of lists and mappings inside each other."""
LARGEST = 2**63 - 1
_CONTAINERS = frozenset({dict, list})
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)
SEAL = "record_sha256"
"""The key that holds the hash of a record's other keys."""


def read_text(path: Path) -> str:
    """Read a record's file.

    Raises:
        RecordError: If it is no regular file, too large, or not UTF-8.
    """
    try:
        if not path.is_file():
            raise RecordError(f"The record '{path}' is no regular file: remove it, or restore the record.")
        if path.stat().st_size > MOST_BYTES:
            raise RecordError(f"The record '{path}' is larger than {MOST_BYTES // 2**20} MiB: restore it.")
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise RecordError(f"The record '{path}' can't be read: byte {error.start} is not UTF-8.") from error
    except OSError as error:
        raise RecordError(f"The record '{path}' can't be read: {error.strerror}.") from error


def parse(text: str) -> Any:
    """Parse JSON strictly.

    Raises:
        ValueError: If it is no JSON, has a key twice in one mapping, a number that is not finite or an integer of more
            than 64 bits, text that is no Unicode, or more than `MOST_LEVELS` levels.
    """
    try:
        data = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_integer,
            object_pairs_hook=_mapping,
        )
    except RecursionError as error:
        raise ValueError(f"it has more than {MOST_LEVELS} levels.") from error
    _check_levels(data)
    if "\\u" in text:  # the file is UTF-8, so that only an escape can be half a character
        _check_texts(data)
    return data


def seal_of(data: Mapping[str, object]) -> str:
    """The hash of a record: sha256 of its canonical JSON without `SEAL`, so that blanks and line ends don't count."""
    content = {key: value for key, value in data.items() if key != SEAL}
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()


def is_as_written(data: Mapping[str, object]) -> bool:
    """Whether a record has the hash that was written with it; records of earlier versions have none."""
    return data.get(SEAL) is None or data[SEAL] == seal_of(data)


def _check_levels(data: object) -> None:
    """Walk through all lists and mappings level by level, without recursion."""
    level, found = 0, [data] if type(data) in _CONTAINERS else []
    while found:
        level += 1
        if level > MOST_LEVELS:
            raise ValueError(f"it has more than {MOST_LEVELS} levels.")
        found = [part for one in found for part in _values(one) if type(part) in _CONTAINERS]


def _check_texts(data: object) -> None:
    """Walk through all texts, without recursion."""
    found = [data]
    while found:
        parts = [part for one in found for part in (*_values(one), *(one if isinstance(one, dict) else ()))]
        for part in parts:
            if isinstance(part, str):
                _check_unicode(part)
        found = [part for part in parts if type(part) in _CONTAINERS]


def _values(value: Any) -> Iterable[object]:
    """What is inside a list or a mapping."""
    kind = type(value)
    found: Iterable[object] = value.values() if kind is dict else value if kind is list else ()
    return found


def _check_unicode(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"it has a text with {value[error.start]!r}, which is no character.") from error


def _mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"it has the key '{next(key for key in keys if keys.count(key) > 1)}' twice.")
    return found


def _integer(text: str) -> int:
    if len(text) > len(str(LARGEST)) + 1 or abs(int(text)) > LARGEST:
        raise ValueError(f"it holds the integer {text[:20]}..., which is too large.")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"it holds the number {text[:40]}, which is too large.")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is no number.")
