"""Merge configurations: mappings key by key, classes with the arguments that a new class accepts."""

from collections.abc import Mapping
from typing import Any

from polybench.core.errors import ConfigError
from polybench.experiments.class_changes import (
    arguments,
    carry,
    inner_data,
    is_class_name,
    is_class_spec,
    is_spec,
    same_class,
)


def merge_configurations(base: Mapping[str, Any], over: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """Lay one whole configuration over another; see `merge`.

    Where the `data` below is a data module that holds another, such as patches of a dataset, a dataset that is laid
    over it becomes the one that it holds; of arguments without a class, those that it doesn't take go to the data
    modules that it holds.
    """
    below, above = base.get("data"), over.get("data")
    if is_class_spec(below) and is_class_spec(above):
        names = str(below["class_path"]), str(above["class_path"])
        argument = None if names[0] == names[1] else inner_data(names[0])
        if argument is not None and inner_data(names[1]) is None:
            over = {**over, "data": {"init_args": {argument: above}}}
    elif is_class_spec(below) and isinstance(above, Mapping) and is_spec(above):
        over = {**over, "data": _to_inner(below, above)}
    return _merge_keys(base, over, notes, "")


def _to_inner(below: Mapping[str, Any], above: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give arguments for a data module that it doesn't take to the data modules that it holds, where it holds any."""
    name, given = str(below["class_path"]), above.get("init_args")
    inner = inner_data(name)
    own = arguments(name, name) if inner is not None and isinstance(given, Mapping) else None
    if inner is None or own is None or not isinstance(given, Mapping) or own.issuperset(given):
        return above
    held = {key: value for key, value in (below.get("init_args") or {}).items() if is_class_spec(value)}
    kept = {key: value for key, value in given.items() if key in own}
    rest = {key: value for key, value in given.items() if key not in own}
    for key in sorted({inner, *held}):
        taken = arguments(held[key]["class_path"], name) if key in held else None
        passed = {one: value for one, value in rest.items() if taken is None or one in taken}
        if passed:
            kept[key] = {"init_args": passed}
    return {**above, "init_args": kept}


def merge(base: Any, over: Any, notes: list[str], where: str = "") -> Any:
    """Lay one configuration over another.

    A mapping is merged key by key; a list, a number, a text or null takes the place of what was there; `key+` adds to a
    list. Where the class changes, the arguments written for the old one that the new one accepts are kept, under its
    own; see `class_changes.carry`.

    Args:
        base: The configuration below.
        over: The one that wins.
        notes: Gets a sentence for what is left out.
        where: The option of the two, such as `model.net`; empty for whole configurations.

    Returns:
        A new configuration; neither of the two is changed.

    Raises:
        ConfigError: If the arguments of a class are no mapping.
    """
    if isinstance(base, str) and is_spec(over) and "class_path" not in over:
        base = {"class_path": base}
    if isinstance(base, Mapping) and "class_path" in base:
        return _merge_class(base, over, notes, where)
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return _merge_keys(base, over, notes, where)


def _merge_keys(base: Mapping[str, Any], over: Mapping[str, Any], notes: list[str], where: str) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        plain = key.removesuffix("+")
        if plain != key and isinstance(merged.get(plain), list):
            merged[plain] = [*merged[plain], *(value if isinstance(value, list) else [value])]
        elif key in merged:
            merged[key] = merge(merged[key], value, notes, f"{where}.{key}".lstrip("."))
        else:
            merged.pop(f"{key}+", None)
            merged[key] = value
    return merged


def _merge_class(base: Mapping[str, Any], over: Any, notes: list[str], where: str) -> Any:
    if is_class_name(over):
        over = {"class_path": over}
    if not isinstance(over, Mapping):
        return over
    if not is_spec(over):  # arguments alone, as the parser reads them
        over = {"init_args": over}
    old, new = str(base["class_path"]), str(over.get("class_path", base["class_path"]))
    kept, extra = base.get("init_args") or {}, base.get("dict_kwargs") or {}
    if not same_class(old, new):
        given = over.get("init_args") or {}
        written = {key: value for key, value in {**kept, **extra}.items() if key not in given or is_spec(value)}
        kept, said = carry(old, new, written, where or new)
        notes += said
        extra = {}
    merged: dict[str, Any] = {"class_path": new}
    for key, below in (("init_args", kept), ("dict_kwargs", extra)):
        above = over.get(key) or {}
        if not isinstance(above, Mapping):
            raise ConfigError(f"{where}.{key} is {above!r}: give a mapping of arguments to values.")
        if below or above:
            merged[key] = _merge_keys(below, above, notes, where)
    return merged
