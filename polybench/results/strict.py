"""Strict reading of JSON by pydantic: every key is known, of its type, and present unless optional."""

import json
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from polybench.core.errors import did_you_mean, shortened

T = TypeVar("T")

TOP = "the top level"
_CONFIG = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_KINDS = {
    "int_type": "int",
    "float_type": "float",
    "string_type": "str",
    "bool_type": "bool",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "dataclass_type": "a mapping",
    "model_type": "a mapping",
}
"""Type of a pydantic error -> what was expected."""


def decode(kind: type[T], value: object, where: str = TOP, text: str | None = None) -> T:
    """Build a dataclass from parsed JSON.

    Args:
        kind: The dataclass; its annotations are the schema, and a field with a default may be absent.
        value: What `json.loads` returned.
        where: Dotted path of `value`, for messages.
        text: The JSON that `value` was parsed from, where it is at hand.

    Returns:
        An instance of `kind`.

    Raises:
        ValueError: If a key is unknown or missing, or a value has another type; the message names the key.
    """
    try:
        return decode_text(kind, json.dumps(value) if text is None else text)
    except ValidationError as error:
        raise ValueError(_sentence(error.errors(include_url=False), value, where, kind)) from error


def decode_text(kind: type[T], text: str) -> T:
    """Build a dataclass from JSON, as `decode` does.

    Args:
        kind: The dataclass.
        text: The JSON.

    Raises:
        ValidationError: If a key is unknown or missing, or a value has another type.
    """
    return cast(T, _adapter(cast(Any, kind)).validate_json(f"[{text}]")[0])


def encode(value: object) -> object:
    """Turn dataclasses into JSON values: fields and mappings to dataclasses in their order, other keys sorted."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        ordered = all(is_dataclass(item) for item in value.values())
        return {key: encode(value[key]) for key in (value if ordered else sorted(value))}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def json_schema(kind: type[object]) -> dict[str, Any]:
    """The JSON schema of what `decode` reads."""
    schema: dict[str, Any] = _adapter(cast(Any, kind)).json_schema()
    parts = schema["$defs"]
    return {**parts.pop(kind.__name__), "$defs": parts}


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """What reads a tuple of one item; pydantic gives a configuration to dataclasses inside another type alone."""
    return TypeAdapter(tuple[kind], config=_CONFIG)


def _sentence(errors: Iterable[Mapping[str, Any]], value: object, where: str, kind: type[object]) -> str:
    """The fault that explains most: an unknown key before a missing one, which it may be meant for."""
    first = min(errors, key=lambda error: error["type"] not in _UNKNOWN)
    loc = first["loc"][1:]
    path, found = _existing(value, loc)
    prefix = "" if where == TOP and path else where
    place = prefix + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    place = place.lstrip(".")
    name = str(loc[-1]) if loc else ""
    if first["type"] in _UNKNOWN:
        outer = place.rpartition(".")[0] or where
        return f"{shortened(outer)} has the unknown key '{shortened(name)}'.{did_you_mean(name, _keys(kind))}"
    if first["type"] == "missing":
        if isinstance(found, list):
            return f"{place} has {len(found)} items, not more."
        return f"{place} lacks the key '{name}'."
    return f"{shortened(place)} {_fault(first, found)}."


def _fault(error: Mapping[str, Any], found: object) -> str:
    """What is wrong with a value, as the end of a sentence."""
    shown, context = shortened(reprlib.repr(found)), error.get("ctx", {})
    if error["type"] in _KINDS:
        return f"is {shown}, not {_KINDS[error['type']]}"
    if error["type"] == "literal_error":
        return f"is {shown}, not one of {context['expected'].replace(' or ', ', ')}"
    if error["type"] in ("too_long", "too_short"):
        return f"has {context['actual_length']} items, not {context.get('max_length', context.get('min_length'))}"
    if error["type"] == "value_error":
        return f"is not consistent: {shortened(str(context['error']), 300)}"
    return f"is {shown}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _existing(value: Any, loc: Iterable[int | str]) -> tuple[list[int | str], object]:
    """The part of an error's place that is in the data, and the value there; the rest is a type or a missing key."""
    path: list[int | str] = []
    for part in loc:
        known = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
        if part not in known:
            break
        value = value[part]
        path.append(part)
    return path, value


def _keys(kind: type[object]) -> list[str]:
    """All keys that a schema knows, at any level."""
    schema = json_schema(kind)
    parts = [schema, *schema.get("$defs", {}).values()]
    return list(dict.fromkeys(name for part in parts for name in cast(dict[str, Any], part.get("properties", {}))))
