"""A configuration as the parser gets it: with the import paths and defaults that it would find otherwise."""

from collections.abc import Mapping
from typing import Any

from polybench.experiments.class_changes import (
    arguments,
    default_class,
    defaults,
    find_class,
    home_of,
    is_class_name,
    is_class_spec,
    plain,
    same_class,
)


def for_parser(config: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a configuration and write out what the parser would find otherwise: import paths and defaults.

    The parser looks for a bare name among the subclasses of everything that is imported, so that a class of another
    module, a broken one too, could get in its way.

    Where an argument has a class as its default (`optimizer` has Adam), the parser gives any other class that is named
    there what the two have in common by the first one's defaults: AdamW would have no weight decay.
    """
    named = {key: _import_path(config[key]) for key in ("data", "model") if is_class_name(config.get(key))}
    return {key: _written_out(item) for key, item in {**config, **named}.items()}


def _import_path(name: str) -> str:
    """Return the import path of a class that can be named without it, and any other name as it is."""
    home = None if "." in name else home_of(name)
    return name if home is None else f"{home.__name__}.{name}"


def _written_out(value: Any) -> Any:
    """Copy a value of a configuration and write out import paths and defaults of its classes, as `for_parser`."""
    if isinstance(value, Mapping) and is_class_spec(value):
        path = str(value["class_path"])
        _import_own(path)
        inner = value.get("init_args") or {}
        filled = {key: _with_defaults_beside(path, key, _written_out(item)) for key, item in inner.items()}
        written = {**value, "class_path": _import_path(path)}
        return {**written, "init_args": filled} if filled else written
    if isinstance(value, Mapping):
        return {key: _written_out(item) for key, item in value.items()}
    return [_written_out(item) for item in value] if isinstance(value, list) else value


def _with_defaults_beside(owner: str, key: str, value: Any) -> Any:
    """Write out those defaults of a class that the parser would take from the default class of its argument."""
    spec = {"class_path": value} if is_class_name(value) else value
    if is_class_name(value):
        _import_own(value)
    usual = default_class(owner, key) if is_class_spec(spec) else None
    if usual is None or same_class(str(spec["class_path"]), usual):
        return value
    before = find_class(usual)
    after = find_class(str(spec["class_path"]), before)
    if before is None or after is None:
        return value
    shared = arguments(usual, usual) or ()
    own = {name: plain(item) for name, item in defaults(after).items() if name in shared and _is_plain(item)}
    return {**spec, "init_args": {**own, **(spec.get("init_args") or {})}} if own else value


def _import_own(path: str) -> None:
    """Import a class, so that an error in a module of the user's own becomes one sentence."""
    if "." in path and path.rpartition(".")[2][:1].isupper():
        find_class(path)


def _is_plain(value: object) -> bool:
    """Check whether a default can be written to a file."""
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
