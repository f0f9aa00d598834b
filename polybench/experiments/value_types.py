"""The types of options in words: what an option takes, for a message."""

import contextlib
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from inspect import isclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal

import yaml

PLAIN = (bool, int, float, str)
"""Types that a message names."""


def alternatives(kind: Any) -> tuple[Any, ...]:
    """The types of a union; a type that is none, alone."""
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, UnionType) else (kind,)


def takes_class(kind: Any) -> bool:
    """Whether an option takes a class by name and nothing else that is text: a net, an optimizer, callbacks."""
    kinds = [one for one in alternatives(kind) if one is not NoneType]
    return bool(kinds) and all(_is_class(one) or any(map(_is_class, typing.get_args(one))) for one in kinds)


def has_class(kind: Any) -> bool:
    """Whether an option takes a class, or a list of some, beside other values."""
    return any(_is_class(one) or any(map(_is_class, typing.get_args(one))) for one in alternatives(kind))


def takes_classes(kind: Any) -> bool:
    """Whether an option takes a list of classes."""
    lists = [one for one in alternatives(kind) if typing.get_origin(one) in (list, tuple, Sequence, Iterable)]
    return any(map(has_class, (item for one in lists for item in typing.get_args(one))))


def type_in_words(kind: Any, value: str) -> str:
    """What an option takes, such as `of type int, or null`; empty where that can't be said in a few words.

    Args:
        kind: Its type.
        value: What was given, from which the example of a list is made.
    """
    kinds = [one for one in alternatives(kind) if one is not NoneType and not _is_class(one)]
    choices = [item for one in kinds if typing.get_origin(one) is Literal for item in typing.get_args(one)]
    others = [one for one in kinds if typing.get_origin(one) is not Literal]
    others = [one for one in others if str not in others or not (isclass(one) and issubclass(one, Path))]
    plain = [one.__name__ for one in others if one in PLAIN]
    lists = [one for one in others if typing.get_origin(one) in (list, tuple, Sequence)]
    if len(plain) + len(lists) < len(others) or not kinds:
        return ""
    parts = [f"of type {' or '.join(plain)}"] if plain else []
    parts += [_list(value)] if lists else []
    parts += [f"one of {', '.join(map(repr, choices))}"] if choices else []
    return " or ".join(parts) + (", or null" if NoneType in alternatives(kind) else "")


def _list(value: str) -> str:
    number = value.replace(".", "", 1).isdigit()
    return f"a list, such as [{value},{value}]" if number else "a list"


def _is_class(kind: Any) -> bool:
    """Whether a type is that of a class to be built, or of a function that builds one."""
    origin = typing.get_origin(kind)
    if origin is Callable or kind is Callable:
        return True
    plain = kind is Any or origin is not None or not isclass(kind) or kind in PLAIN
    return not plain and not issubclass(kind, Path | NoneType | dict | list)


def accepts_null(kind: Any) -> bool:
    """Whether an option takes null."""
    return kind is None or kind is Any or any(one is NoneType or one is Any for one in alternatives(kind))


def only_class(kind: Any) -> type | None:
    """The class that an option takes, where it is one that has no class path in a configuration, but its arguments."""
    kinds = [one for one in alternatives(kind) if one is not NoneType]
    return kinds[0] if len(kinds) == 1 and isclass(kinds[0]) and _is_class(kinds[0]) else None


def class_in_words(kind: Any) -> str:
    """What an option takes that takes a class, or the arguments of one that has no class path."""
    only = only_class(kind)
    if only is not None and is_dataclass(only):
        return f"a mapping of {', '.join(field.name for field in fields(only))}"
    return "a class, by its name or with class_path"


def mapped_type(kind: Any) -> Any:
    """The type of the values of a mapping that an option takes; None where it takes none, or more than that."""
    kinds = [one for one in alternatives(kind) if one is not NoneType]
    is_mapping = len(kinds) == 1 and typing.get_origin(kinds[0]) in (dict, Mapping)
    return typing.get_args(kinds[0])[1] if is_mapping else None


def wrong_item(kind: Any, value: Any, accepts: Callable[[Any, Any], bool]) -> tuple[str, str] | None:
    """The first item of a list that an option can't take, and what it takes there; None where it takes no one list.

    Args:
        kind: The option's type.
        value: The list, or its text.
        accepts: Whether a type takes a value.
    """
    lists = [one for one in alternatives(kind) if typing.get_origin(one) in (list, tuple, Sequence)]
    if isinstance(value, str) and value.startswith("["):
        with contextlib.suppress(yaml.YAMLError):
            value = yaml.safe_load(value)
    if len(lists) != 1 or not isinstance(value, list):
        return None
    kinds = typing.get_args(lists[0])
    if typing.get_origin(lists[0]) is tuple and kinds[-1] is not ...:
        if len(value) != len(kinds):
            return str(value), f"a tuple with {len(kinds)} elements"
    else:
        kinds = (kinds[0],) * len(value)
    wrong = (
        (str(item), type_in_words(one, str(item)))
        for one, item in zip(kinds, value, strict=True)
        if not accepts(one, item)
    )
    return next(((item, words) for item, words in wrong if words), None)


def bases(kind: Any) -> list[Any]:
    """The classes that an option takes, or that a function builds which it takes."""
    found = [one for one in alternatives(kind) if _is_class(one)]
    makers = [typing.get_args(one)[-1] for one in found if typing.get_origin(one) is Callable]
    return [one for one in [*found, *(item for made in makers for item in alternatives(made))] if isclass(one)]
