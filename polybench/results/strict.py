"""Strict decoding of JSON into frozen dataclasses: every key is known, of its type, and present unless optional."""

import json
import reprlib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError

from polybench.core.errors import did_you_mean, shortened

T = TypeVar("T")


def decode(kind: type[T], value: object, where: str = "the top level") -> T:
    """Build a dataclass from parsed JSON.

    Args:
        kind: The dataclass; its annotations are the schema, and a field with a default may be absent.
        value: What `json.loads` returned.
        where: Dotted path of `value`, for messages.

    Returns:
        An instance of `kind`.

    Raises:
        ValueError: If a key is unknown or missing, or a value has another type; the message names the key.
    """
    data = _mapping(value, where)
    schema = get_type_hints(kind)
    optional = {
        field.name: field.default is not MISSING or field.default_factory is not MISSING
        for field in fields(cast(Any, kind))
    }
    for key in data:
        if key not in optional:
            raise ValueError(f"{where} has the unknown key '{shortened(key)}'.{did_you_mean(key, list(optional))}")
    for name in optional:
        if name not in data and not optional[name]:
            raise ValueError(f"{where} lacks the key '{name}'.")
    prefix = "" if where == "the top level" else f"{where}."
    return kind(**{name: _value(schema[name], data[name], f"{prefix}{name}") for name in optional if name in data})


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


def _value(kind: Any, value: object, where: str) -> Any:
    """Check one value against its annotation."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _model(kind, value, where)
    if is_dataclass(kind):
        return decode(cast(type[Any], kind), value, where)
    if origin in (Union, types.UnionType):
        [inner] = [argument for argument in arguments if argument is not type(None)]
        return None if value is None else _value(inner, value, where)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where} is {_short(value)}, not one of {', '.join(map(repr, arguments))}.")
        return value
    if origin is tuple:
        return _items(arguments, value, where)
    if origin is not None and issubclass(origin, Mapping):
        return {key: _value(arguments[1], item, f"{where}.{key}") for key, item in _mapping(value, where).items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} is {_short(value)}, not {kind.__name__}.")
    return value


def _model(kind: type[BaseModel], value: object, where: str) -> BaseModel:
    """Validate a pydantic model; JSON has lists where the model has tuples."""
    try:
        return kind.model_validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join([where, *map(str, first["loc"])])
        raise ValueError(f"{key}: {first['msg']}.") from error


def _items(arguments: tuple[Any, ...], value: object, where: str) -> tuple[Any, ...]:
    """Check a JSON list against `tuple[X, ...]` or `tuple[X, Y]`."""
    if not isinstance(value, list):
        raise ValueError(f"{where} is {_short(value)}, not a list.")
    kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
    if len(kinds) != len(value):
        raise ValueError(f"{where} has {len(value)} items, not {len(kinds)}.")
    return tuple(_value(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True)))


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} is {_short(value)}, not a mapping.")
    return value


def _short(value: object) -> str:
    return shortened(reprlib.repr(value))
