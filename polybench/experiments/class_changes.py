"""Carry arguments over when a configuration replaces a class: those that were written and that the new class accepts.

A data module lists arguments that belong to its dataset alone in `dataset_arguments` (see `SegmentationDataModule`).
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, TypeGuard

from jsonargparse import ArgumentParser, Namespace

from polybench.core.own_code import explain, explained
from polybench.methods import import_all

NAMED_MODULES = (
    "polybench.tasks",
    "polybench.datasets",
    "polybench.callbacks",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.loggers",
)
"""Modules whose public classes can be named without their import path."""

SPEC_KEYS = frozenset({"class_path", "init_args", "dict_kwargs"})
"""Keys of a class in a configuration."""

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

Factory = Callable[..., Any]
"""A class, or a function that returns instances."""


def is_class_name(value: object) -> bool:
    """Check whether a value may name a class: identifiers with dots between them."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def is_spec(value: object) -> bool:
    """Check whether a value is a class with its arguments, or arguments for a class named before."""
    return isinstance(value, Mapping) and not SPEC_KEYS.isdisjoint(value)


def named_modules() -> list[ModuleType]:
    """Import the modules whose public classes can be named without their import path, packages of methods included."""
    return [*map(import_module, NAMED_MODULES), *import_all()]


def find_class(name: str, like: Factory | None = None) -> Factory | None:
    """Find the class (or function) of an import path or a bare name.

    Args:
        name: `torch.optim.AdamW`, or `AdamW`.
        like: A class of the same kind, among whose relatives a bare name is looked for.

    Returns:
        The class; None where there is none, or several of the name.

    Raises:
        ConfigError: If a module of the user's own can't be imported.
    """
    module_name, _, last = name.rpartition(".")
    if not module_name:
        home = home_of(name)
        return _relative(name, like) if home is None else getattr(home, name)
    with explained():
        try:
            found = getattr(import_module(module_name), last, None)
        except ImportError as error:
            if explain(error) is not None:
                raise
            found = getattr(find_class(module_name), last, None) if "." in module_name else None
    return found if callable(found) else None


def home_of(name: str) -> ModuleType | None:
    """Find the module whose public class can be named `name` alone; None where none has one."""
    for module in named_modules():
        if name in module.__all__ and inspect.isclass(getattr(module, name)):
            return module
    return None


def _relative(name: str, like: Factory | None) -> Factory | None:
    """Find the one class of a name among the subclasses of the nearest ancestor that has any of that name."""
    if not inspect.isclass(like):
        return None
    for ancestor in like.__mro__:
        if ancestor is object:
            break
        found = {cls for cls in _subclasses(ancestor) if cls.__name__ == name}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _subclasses(cls: type) -> Iterable[type]:
    children: list[type] = type.__subclasses__(cls)
    for child in children:
        yield child
        yield from _subclasses(child)


def carry(old: str, new: str, written: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """Choose the arguments of a replaced class that its replacement gets.

    Args:
        old: Class path or bare name of the class that was written.
        new: That of the class that takes its place.
        written: Arguments written for the old class.
        where: The option of the class, such as `model.optimizer`.

    Returns:
        The arguments that the new class accepts, and a sentence for each reason why others are left out, or for a
        written value that is the default of the old class and not of the new one.
    """
    before = find_class(old)
    after = find_class(new, before)
    if after is None:  # the parser says what is wrong with the name
        return {}, []
    alone = _alone(before) | _alone(after)
    usual = defaults(before) if before is not None else {}
    kept: dict[str, Any] = {}
    refused: list[str] = []
    own: list[str] = []
    for key, value in written.items():
        left_out = own if key in alone and not _is_of_this_machine(value) else refused
        if left_out is refused and accepts(after, key, value):
            kept[key] = value
        elif key not in usual or value != plain(usual[key]):  # nothing is lost by leaving out a default
            left_out.append(key)
    of, to = old.rpartition(".")[2], new.rpartition(".")[2]
    notes: list[str] = []
    if own:
        notes.append(f"{where}: {_listed(own)} of {of} {_are(own)} not carried over to {to}, another dataset.")
    if refused:
        it = "them" if len(refused) > 1 else "it"
        notes.append(f"{where}: {_listed(refused)} of {of} {_are(refused)} left out: {to} doesn't take {it}.")
    return kept, [*notes, *_old_defaults(before, after, kept, where)]


def accepts(made: Factory, key: str, value: Any) -> bool:
    """Check whether a class accepts an argument, also an inherited one or one taken through `**kwargs`.

    The type is checked too, but for interpolations, which are not resolved yet, and classes.
    """
    names = _arguments(made)
    if key not in names:
        return False
    if value is None or "class_path" in str(value) or "${" in str(value):
        return True
    parser, _ = _parser(made, skip=frozenset(names - {key}))
    try:
        parser.parse_object({key: value}, defaults=False)
    except Exception:
        return False
    return True


def arguments(name: str, like: str) -> frozenset[str] | None:
    """Return the names of the arguments of a class; None where there is no such class."""
    made = find_class(name, find_class(like))
    return None if made is None else _arguments(made)


def inner_data(name: str) -> str | None:
    """Return the argument of a data module that holds another one (its `inner_data`); None where it has none."""
    found: str | None = getattr(find_class(name), "inner_data", None)
    return found


def same_class(one: str, other: str) -> bool:
    """Check whether two names are names of one class."""
    if one == other:
        return True
    found = find_class(one)
    return found is not None and found is find_class(other, found)


def _arguments(made: Factory) -> frozenset[str]:
    return _parser(made)[1]


def class_parser(made: Factory) -> ArgumentParser:
    """Build a parser of a class's arguments."""
    parser: ArgumentParser = _parser(made)[0]
    return parser


@lru_cache(maxsize=512)
def _parser(made: Factory, skip: frozenset[str] = frozenset()) -> tuple[Any, frozenset[str]]:
    """Build a parser of a class's arguments, each once; return it with their names."""
    parser = ArgumentParser(exit_on_error=False, parser_mode="omegaconf+")
    add = parser.add_class_arguments if inspect.isclass(made) else parser.add_function_arguments
    return parser, frozenset(add(made, fail_untyped=False, skip=set(skip)))


def default_class(owner: str, key: str) -> str | None:
    """Return the default class of an argument, such as `torch.optim.Adam` of `optimizer`; None where it has none."""
    made = find_class(owner)
    if made is None:
        return None
    parser, names = _parser(made)
    default = parser.get_default(key) if key in names else None
    return str(default["class_path"]) if default is not None and is_class_spec(default) else None


def is_class_spec(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Check whether a value is a class with its arguments."""
    return isinstance(value, Mapping | Namespace) and "class_path" in value


def _alone(made: Factory | None) -> frozenset[str]:
    """Return the arguments that belong to one dataset alone."""
    return frozenset(getattr(made, "dataset_arguments", ()))


def _is_of_this_machine(value: object) -> bool:
    return isinstance(value, str) and "${oc.env:" in value


def _old_defaults(before: Factory | None, after: Factory, kept: Mapping[str, Any], where: str) -> list[str]:
    """Write a sentence for each argument whose written value is the old class's default and not the new one's."""
    if before is None:
        return []
    old, new = defaults(before), defaults(after)
    return [
        f"{where}: {key} stays {value!r}, as written, which is {before.__name__}'s default; {after.__name__}'s is "
        f"{new[key]!r}."
        for key, value in kept.items()
        if value is not None and key in old and key in new and plain(old[key]) == plain(value) != plain(new[key])
    ]


def defaults(made: Factory) -> dict[str, Any]:
    """Return the default values of a class's arguments."""
    parameters = inspect.signature(made).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}


def plain(value: Any) -> Any:
    """Return a tuple as the list that YAML makes of it, and any other value as it is."""
    return list(value) if isinstance(value, tuple) else value


def _listed(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _are(names: list[str]) -> str:
    return "are" if len(names) > 1 else "is"
