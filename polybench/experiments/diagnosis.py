"""Find what the parser could not use: the composed configuration is compared with the parsers of its classes.

The parser raises text. What is wrong is found without reading it: each key is looked up among the arguments of the
class that should take it, and each value is tried alone against the type of its argument.
"""

import contextlib
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from jsonargparse import ArgumentParser
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from polybench.core.errors import ConfigError
from polybench.experiments.argv import Option, options_of
from polybench.experiments.class_changes import (
    Factory,
    class_parser,
    default_class,
    find_class,
    is_class_name,
    is_class_spec,
)
from polybench.experiments.compose import Composed
from polybench.experiments.documents import is_yaml_name
from polybench.experiments.suggestions import paths_of
from polybench.experiments.value_types import (
    accepts_null,
    alternatives,
    bases,
    class_in_words,
    has_class,
    mapped_type,
    only_class,
    takes_class,
    takes_classes,
    type_in_words,
    wrong_item,
)
from polybench.experiments.yaml_text import load

REQUIRED = ("data", "model")
"""Sections that every configuration has."""


@dataclass(frozen=True)
class Fault:
    """What can't be used.

    Attributes:
        kind: `stray` (a word that is no option), `key` (nothing takes it), `value` (of another type), `class` (there is
            none of the name), `classless` (an argument of a class that nothing names), `base` (a class of another
            kind), `file` (there is none), or `lacking` (an argument that must be given).
        keys: The option, from outside to inside.
        value: What was given.
        expected: The type in words, or the names that a key could be.
        owner: The class that should take the option; empty for the parser itself.
        typed: Whether it is an option of the command line, not a key of a file.
    """

    kind: str
    keys: tuple[str, ...]
    value: str = ""
    expected: str | tuple[str, ...] = ""
    owner: str = ""
    typed: bool = False

    @property
    def option(self) -> str:
        """The dotted key."""
        return ".".join(self.keys)


def find_faults(parser: ArgumentParser, composed: Composed) -> Iterator[Fault]:
    """Find what a parser can't use of a configuration; what is lacking comes last.

    Args:
        parser: The command's parser.
        composed: The configuration: files, and the options that win over them.
    """
    found = list(_all_faults(parser, _resolved(composed.config), options_of(composed.options)))
    yield from sorted(found, key=lambda fault: fault.kind == "lacking")


def _all_faults(parser: ArgumentParser, config: Mapping[str, Any], options: Sequence[Option]) -> Iterator[Fault]:
    given = {option.keys for option in options}
    for name in REQUIRED:
        if config.get(name) is None and not any(keys[:1] == (name,) for keys in given):
            yield Fault("lacking", (name,))
    named: dict[tuple[str, ...], str] = {}
    for option in options:
        if not option.name.startswith("-"):
            yield Fault("stray", (option.name,), option.name)
            continue
        yield from _of_option(parser, config, option, given, named)
        if is_class_name(option.value):
            named[tuple(key.removesuffix("+") for key in option.keys)] = str(option.value)
    yield from _of_mapping(parser, config, (), "", given)


def _resolved(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A configuration with the values of its interpolations; as it is where one can't be resolved."""
    try:
        resolved = OmegaConf.to_container(OmegaConf.create(dict(config)), resolve=True)
    except (OmegaConfBaseException, ValueError, TypeError):
        return config
    return cast(Mapping[str, Any], resolved)


def _of_option(
    parser: ArgumentParser,
    config: Mapping[str, Any],
    option: Option,
    given: set[tuple[str, ...]],
    named: Mapping[tuple[str, ...], str],
) -> Iterator[Fault]:
    """Follow an option's keys from the parser into the classes of the configuration, and of the options before it."""
    level, owner, keys = parser, "", tuple(key.removesuffix("+") for key in option.keys)
    node: Any = config
    path: tuple[str, ...] = ()
    while keys:
        found = _action(level, keys)
        if found is None:
            wrong = (*path, *_unknown_keys(level, keys)) if owner else option.keys
            yield Fault("key", wrong, option.value or "", tuple(_names(level)), owner, typed=True)
            return
        action, used = found
        path, keys = (*path, *keys[:used]), keys[used:]
        if not keys or keys in (("help",), ("class_path",)):
            yield from _of_value(action, path, option.value, given, typed=True)
            return
        kind, node = _type_of(action), _below(node, path[-used:])
        if (inner := mapped_type(kind)) is not None:
            if not is_accepted(inner, option.value):
                yield Fault(
                    "value", option.keys, str(option.value), type_in_words(inner, str(option.value)), typed=True
                )
            return
        name = named.get(path) or _class_of(node) or (default_class(owner, path[-1]) if owner else None)
        made = find_class(name) if name else only_class(kind)
        if made is None:
            if not name and has_class(kind):
                yield Fault("classless", path, keys[0], typed=True)
            return
        level, owner = class_parser(made), name or made.__name__
        if not name:
            written = node if isinstance(node, Mapping) else {}
            yield from _lacking(made, kind, path, owner, written, given)


def _of_mapping(
    level: ArgumentParser,
    values: Mapping[str, Any],
    path: tuple[str, ...],
    owner: str,
    given: set[tuple[str, ...]],
    within: tuple[str, ...] = (),
) -> Iterator[Fault]:
    """Compare the keys and values of a mapping with the arguments of a parser, or of a section of it, `within`."""
    for key, value in values.items():
        inner = (*within, key.removesuffix("+"))
        found = _action(level, inner)
        section = isinstance(value, Mapping) and not is_class_spec(value)
        if section and any(name.startswith(f"{'.'.join(inner)}.") for name in _names(level)):
            yield from _of_mapping(level, value, (*path, key), owner, given, inner)
        elif found is not None:
            yield from _of_value(found[0], (*path, key), value, given)
        else:
            yield Fault("key", (*path, key), str(value), tuple(_names(level)), owner)


def _of_value(
    action: Any, path: tuple[str, ...], value: Any, given: set[tuple[str, ...]], *, typed: bool = False
) -> Iterator[Fault]:
    """Compare a value with the type of its argument."""
    kind = int if path == ("seed_everything",) else _type_of(action)
    value = _mapping_in(value) if only_class(kind) is not None else value
    if isinstance(value, list) and not any(map(is_class_spec, value)) and is_accepted(kind, value):
        return
    if isinstance(value, list) and takes_classes(kind):
        for item in value:
            if item is None:
                yield Fault("value", path, "null", class_in_words(kind), typed=typed)
            yield from _of_value(action, path, item, given, typed=typed)
    elif is_class_spec(value):
        yield from _of_class(kind, path, str(value["class_path"]), value.get("init_args") or {}, given, typed)
    elif value is None or "${" in str(value):
        if value is None and not accepts_null(kind) and (words := type_in_words(kind, "null")):
            yield Fault("value", path, "null", words, typed=typed)
    elif _names_class(kind, value):
        yield from _of_class(kind, path, value, {}, given, typed)
    elif isinstance(value, Mapping) and (made := only_class(kind)) is not None:
        yield from _of_mapping(class_parser(made), value, path, made.__name__, given)
        yield from _lacking(made, kind, path, made.__name__, value, given)
    elif isinstance(value, Mapping) and (inner := mapped_type(kind)) is not None:
        wrong = [key for key, item in value.items() if not is_accepted(inner, item)]
        for key in wrong:
            yield Fault("value", (*path, key), str(value[key]), type_in_words(inner, str(value[key])), typed=typed)
    elif not is_accepted(kind, value):
        item, words = wrong_item(kind, value, is_accepted) or (value, type_in_words(kind, str(value)))
        if words or takes_class(kind):
            yield Fault("value", path, str(item), words or class_in_words(kind), typed=typed)


def _type_of(action: Any) -> Any:
    """The type of an option."""
    return getattr(action, "_typehint", None) or action.type


def _mapping_in(value: Any) -> Any:
    """The mapping that a text of the command line is; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with contextlib.suppress(ConfigError):
            return load(value, "the value of an option")
    return value


def _names_class(kind: Any, value: Any) -> bool:
    """Whether a text stands for a class where an option takes one, not for another value that it takes."""
    if not isinstance(value, str) or not (is_class_name(value) or is_yaml_name(value)):
        return False
    mixed = has_class(kind) and not type_in_words(kind, value)
    return takes_class(kind) or (mixed and not is_accepted(kind, value))


def _of_class(
    kind: Any, path: tuple[str, ...], name: str, init_args: Mapping[str, Any], given: set[tuple[str, ...]], typed: bool
) -> Iterator[Fault]:
    """Compare a class and its arguments with what there is."""
    if is_yaml_name(name):
        yield Fault("file", path, name, typed=typed)
        return
    made = next((one for base in (None, *bases(kind)) if (one := find_class(name, base)) is not None), None)
    unclear = "." not in name and len(paths_of(name, path[-1].removesuffix("+"))) > 1
    if (made is None or unclear) and not ("." not in name and is_accepted(kind, name)):
        yield Fault("class", path, name, typed=typed)
    if made is None or unclear:
        return
    wanted = bases(kind)
    if inspect.isclass(made) and wanted and not any(issubclass(made, one) for one in wanted):
        yield Fault("base", path, name, wanted[0].__name__, typed=typed)
        return
    yield from _of_mapping(class_parser(made), init_args, path, name, given)
    yield from _lacking(made, kind, path, name, init_args, given)


def _lacking(
    made: Factory,
    kind: Any,
    path: tuple[str, ...],
    owner: str,
    values: Mapping[str, Any],
    given: set[tuple[str, ...]],
) -> Iterator[Fault]:
    """Find the arguments that a class needs, and gets neither from a file nor from an option."""
    keys = tuple(key.removesuffix("+") for key in path)
    for argument in required_arguments(made, kind):
        found = _action(class_parser(made), (argument,))
        null = argument in values and found is not None and accepts_null(_type_of(found[0]))
        if values.get(argument) is None and not null and (*keys, argument) not in given:
            yield Fault("lacking", (*keys, argument), owner=owner)


def required_arguments(made: Factory, kind: Any) -> list[str]:
    """Arguments without a default, but for those that are given when a class is called later.

    Args:
        made: The class.
        kind: The type of the option that takes it: for `Callable[[A], B]`, one argument is given later.
    """
    parameters = list(inspect.signature(made).parameters.values())
    later = [typing.get_args(one)[0] for one in alternatives(kind) if typing.get_origin(one) is Callable]
    waiting = len(later[0]) if later and isinstance(later[0], list) else 0
    named = [one for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    return [one.name for one in named[waiting:] if one.default is one.empty]


def is_accepted(kind: Any, value: Any) -> bool:
    """Whether a type takes a value, as the parser reads it."""
    if kind is None:
        return True
    parser = ArgumentParser(exit_on_error=False, parser_mode="omegaconf+")
    parser.add_argument("--value", type=kind)
    try:
        if isinstance(value, str):
            parser.parse_args([f"--value={value}"])
        else:
            parser.parse_object({"value": value})
    except Exception:
        return False
    return True


def _names(level: ArgumentParser) -> list[str]:
    """The options of a parser."""
    found = (action.dest for action in level._actions)
    return [name for name in found if name.rpartition(".")[2] not in ("help", "print_config")]


def _unknown_keys(level: ArgumentParser, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Some keys up to the first with which no option of a parser goes on."""
    names = [f"{name}." for name in _names(level)]
    parts = (keys[:used] for used in range(1, len(keys)))
    return next((one for one in parts if not any(name.startswith(f"{'.'.join(one)}.") for name in names)), keys)


def _action(level: ArgumentParser, keys: tuple[str, ...]) -> tuple[Any, int] | None:
    """The longest option of a parser that some keys begin with, and how many of them it takes."""
    actions = {action.dest: action for action in level._actions}
    for used in range(len(keys), 0, -1):
        action = actions.get(".".join(keys[:used]).removesuffix("+"))
        kind = getattr(action, "_typehint", None)
        if action is not None and (used == len(keys) or has_class(kind) or mapped_type(kind) is not None):
            return action, used
    return None


def _class_of(value: Any) -> str | None:
    """The name of a class that a configuration has, with arguments or without."""
    name = value["class_path"] if is_class_spec(value) else value
    return str(name) if is_class_name(name) else None


def _below(node: Any, keys: tuple[str, ...]) -> Any:
    """What a configuration has under some keys; the last of a list of callbacks."""
    for key in keys:
        if isinstance(node, Mapping):
            node = (node.get("init_args") or {}) if "class_path" in node else node
            node = node.get(key.removesuffix("+"))
    return node[-1] if isinstance(node, list) and node else node
