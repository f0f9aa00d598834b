"""Compose one configuration from a command line: the files in their order, then the options, which win over them.

Options are left to the parser, which knows their types; only those that name a class are merged here, so that the new
class gets the written arguments of the one before, and none of its defaults.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError, did_you_mean
from polybench.experiments.argv import FILE_OPTIONS, Option, options_of
from polybench.experiments.class_changes import (
    arguments,
    default_class,
    find_class,
    is_class_name,
    is_spec,
    same_class,
)
from polybench.experiments.documents import BASES, Documents, fits, is_yaml_name
from polybench.experiments.for_parser import for_parser
from polybench.experiments.merging import merge, merge_configurations
from polybench.experiments.published import same_recipe
from polybench.experiments.recipes import HOME
from polybench.experiments.yaml_text import dump, load

GROUPS = frozenset({"trainer", "checkpoint"})
"""Keys that hold options and no class, and so take no value of their own."""

NULLS = frozenset({"null", "Null", "NULL", "~"})
"""How YAML writes that there is no value."""


@dataclass(frozen=True)
class Composed:
    """The configuration of a command line.

    Attributes:
        config: The files, merged in their order, and the classes that options name; interpolations are not resolved.
        recipe: The files alone.
        options: The other options, in their order.
        files: The files that were read, fragments included.
        notes: A sentence for each thing that is left out, or that may surprise.
        published: The configurations of those files that declare the budget `published`.
    """

    config: dict[str, Any]
    recipe: dict[str, Any]
    options: list[str]
    files: list[Path]
    notes: tuple[str, ...]
    published: tuple[dict[str, Any], ...]

    def words(self) -> list[str]:
        """Return the command line for the parser: the configuration as text, then the options.

        Raises:
            ConfigError: If a module of the user's own can't be imported.
        """
        return [*(("--config", dump(for_parser(self.config))) if self.config else ()), *self.options]


def compose(words: Sequence[str], known: Collection[str], elsewhere: Collection[str] = ()) -> Composed:
    """Compose the configuration of a command.

    Args:
        words: The command line after the command.
        known: Top-level keys that the command knows.
        elsewhere: Those that other commands know; a file may hold them, as a run's `config.yaml` does, and they are
            dropped.

    Returns:
        The configuration, and the options that win over it.

    Raises:
        ConfigError: If a file is missing or no configuration, or has a key that no command knows.
    """
    given = options_of(words)
    names, options = _files_of(given), [option for option in given if option.name not in FILE_OPTIONS]
    documents = Documents()
    notes = documents.notes
    notes += _repeated(options)
    recipe: dict[str, Any] = {}
    changes: dict[str, str | None] = {}
    for name in names:
        content = documents.text(name) if _is_text(name) else documents.configuration(Path(name))
        content = _of_command(content, name, known, elsewhere)
        _refuse_early_changes(changes, content, name)
        recipe = merge_configurations(recipe, content, notes)
    published = tuple(_of_command(config, "", known, elsewhere) for config in documents.published)
    config = _with_classes(deepcopy(recipe), options, notes)
    left: list[Option] = []
    for option in options:
        config, left = _apply(config, left, option, documents, notes)
    if "name" in known and "name" not in config and "--name" not in {option.name for option in options}:
        config |= _label([*names, *(option.value or "" for option in options if option.keys == ("data",))], config)
    rest = [word for option in left for word in option.words]
    return Composed(config, recipe, rest, documents.files, tuple(dict.fromkeys(notes)), published)


def _refuse_early_changes(changes: dict[str, str | None], content: Mapping[str, Any], name: str) -> None:
    """Refuse a file that changes a task which only a later file names, since that one would win over half of it.

    Args:
        changes: `model` -> the first file that has changes of it and no class; None once a file has named its class.
        content: The next file.
        name: Its name.

    Raises:
        ConfigError: If it names the task that an earlier file has changed.
    """
    model = content.get("model")
    if not isinstance(model, Mapping):
        return
    if "class_path" not in model:
        changes.setdefault("model", name)
    elif (early := changes.get("model")) is not None:
        raise ConfigError(
            f"'{early}' changes model, which '{name}' names after it and would win: give --config {early} after "
            f"--config {name}."
        )
    else:
        changes["model"] = None


def _is_text(name: str) -> bool:
    """Check whether a configuration is given as text on the command line."""
    return name.lstrip().startswith("{")


def _label(names: Sequence[str], config: dict[str, Any]) -> dict[str, Any]:
    """Return name and budget of a combination of a method and a dataset; nothing for other configurations.

    They are those of polybench's own recipe where it says the same; else the name is made of those of the files.
    """
    files = [Path(name).expanduser() for name in names if is_yaml_name(name) and not _is_text(name)]
    parts = {HOME / "methods", HOME / "data"}
    if len(files) < 2 or parts.isdisjoint(file.resolve().parent for file in files):
        return {}
    recipe = same_recipe(config)
    if recipe is not None:
        return {key: recipe[key] for key in ("name", "budget")}
    return {"name": re.sub(r"[^A-Za-z0-9_.+-]", "_", "_".join(file.stem for file in files))}


def _files_of(options: Sequence[Option]) -> list[str]:
    """Return the names of the configuration files.

    Raises:
        ConfigError: If an option of a file has none.
    """
    for option in options:
        if option.name in FILE_OPTIONS and option.value is None:
            raise ConfigError(f"{option.name} needs a file, for example --config conf/quickstart.yaml.")
    return [option.value for option in options if option.name in FILE_OPTIONS and option.value is not None]


def _repeated(options: Sequence[Option]) -> list[str]:
    """Write a sentence for each option that is given several times; what follows `callbacks+` is of a new callback."""
    appended = [
        (*option.keys[:-1], option.keys[-1].removesuffix("+")) for option in options if option.words[0].endswith("+")
    ]
    alone = [one for one in options if one.value is not None and not any(one.keys[: len(to)] == to for to in appended)]
    times = Counter(option.keys for option in alone if not option.keys[-1].endswith("+"))
    last = {option.keys: option.value for option in alone}
    return [
        f"--{'.'.join(keys)} is given {count} times: the last one, {last[keys]}, counts."
        for keys, count in times.items()
        if count > 1 and len({option.value for option in alone if option.keys == keys}) > 1
    ]


def _of_command(
    content: dict[str, Any], name: str, known: Collection[str], elsewhere: Collection[str]
) -> dict[str, Any]:
    """Return the part of a file that the command knows.

    Raises:
        ConfigError: If no command knows a key, or a group of options has a value of its own.
    """
    here = {}
    for key, value in content.items():
        plain = key.removesuffix("+").partition(".")[0]
        if plain not in known and plain not in elsewhere and plain != "config":
            hint = did_you_mean(plain, sorted({*known, *elsewhere, BASES}))
            raise ConfigError(f"'{key}'{_line(key, name)} is not an option here.{hint}")
        if plain in GROUPS and plain == key and not isinstance(value, Mapping):
            raise ConfigError(f"'{key}'{_line(key, name)} needs a mapping of options; leave it out for none.")
        if plain in known and plain != "config":
            here[key] = value
    return here


def _line(key: str, name: str) -> str:
    path = Path(name)
    if _is_text(name) or not path.is_file():
        return ""
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if re.match(rf"""["']?{re.escape(key)}["']?\s*:""", line):
            return f" in line {number} of '{path}'"
    return f" in '{path}'"


def _with_classes(config: dict[str, Any], options: Sequence[Option], notes: list[str]) -> dict[str, Any]:
    """Give arguments of a model or data module, as a block has them, the class that an option names.

    Without one they are left out, so that what is lacking is said by its name.
    """
    for key in ("data", "model"):
        given = config.get(key)
        if not isinstance(given, dict) or not is_spec(given) or "class_path" in given:
            continue
        named = [one.value for one in options if one.keys == (key,) and is_class_name(one.value)]
        below = {**config, key: {"class_path": named[-1]}} if named and find_class(str(named[-1])) else None
        config = merge_configurations(below, {key: given}, notes) if below else {**config}
        if below is None:
            del config[key]
    return config


def _apply(
    config: dict[str, Any], left: list[Option], option: Option, documents: Documents, notes: list[str]
) -> tuple[dict[str, Any], list[Option]]:
    """Merge an option that names a class into the configuration; leave any other to the parser."""
    keys, value = option.keys, option.value
    if value is not None and keys[-1] == "class_path":
        keys = keys[:-1]
    place = _place(config, keys) if value is not None and keys and keys[-1] != "help" else None
    if place is None or value is None:
        return config, [*left, option]
    node, key = place
    before = _inside(node).get(key)
    if value in NULLS and _holds_an_object(before, node, keys):  # the parser refuses null for a nested one
        _put(node, key, None)
        return config, [one for one in left if one.keys[: len(keys)] != keys]
    over = _class_of(value, node, key, documents)
    if over is None:
        return config, [*left, option]
    after = over if before is None else _short(merge(_long(before), over, notes, ".".join(keys)))
    _put(node, key, after)
    return config, _superseded(left, keys, before, over, after, notes)


def _place(config: dict[str, Any], keys: Sequence[str]) -> tuple[dict[str, Any], str] | None:
    """Find the mapping or class that holds the value of an option, and its key there; None where there is none."""
    if any(key.endswith("+") or not key for key in keys):
        return None
    node: Any = config
    for key in keys[:-1]:
        node = _inside(node).get(key)
        if not isinstance(node, dict):
            return None
    return node, keys[-1]


def _inside(node: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a class, or the mapping itself."""
    return (node.get("init_args") or {}) if "class_path" in node else node


def _holds_an_object(before: Any, node: dict[str, Any], keys: Sequence[str]) -> bool:
    """Whether an option of an inner class holds arguments of its own, or may, as it has no other value yet."""
    return len(keys) > 2 and (isinstance(before, dict) or (before is None and "class_path" in node))


def _put(node: dict[str, Any], key: str, value: Any) -> None:
    """Set an argument of a class, or a key of a mapping."""
    if "class_path" in node:
        node["init_args"] = {**_inside(node), key: value}
    else:
        node[key] = value


def _class_of(value: str, node: dict[str, Any], key: str, documents: Documents) -> Any:
    """Return the class that an option's value names, or a mapping with its arguments; None where it names none.

    Args:
        value: The value as it was typed.
        node: The mapping or class that holds the option.
        key: The option's key there.
        documents: Reads fragments.
    """
    before = _inside(node).get(key)
    now = str(before["class_path"]) if isinstance(before, dict) and "class_path" in before else None
    if is_yaml_name(value) and Path(value).is_file():
        wanted = (before is None or now or is_class_name(before)) and fits("", Path(value))
        content = documents.fragment(Path(value)) if wanted else None
        return content if is_spec(content) else None
    if value.lstrip().startswith("{"):
        content = load(value, f"the value of '{key}'") if now else None
        return content if is_spec(content) else None
    if not is_class_name(value) or not ("." in value or value[0].isupper()) or Path(value).exists():
        return None
    if now:
        return value if "." in value or find_class(value, find_class(now)) else None
    if before is not None:
        return value if is_class_name(before) and find_class(before) and find_class(value) else None
    usual = default_class(node["class_path"], key) if "." not in value and "class_path" in node else None
    return value if ("." in value or usual) and find_class(value, find_class(usual) if usual else None) else None


def _long(value: Any) -> Any:
    return {"class_path": value} if isinstance(value, str) else value


def _short(value: Any) -> Any:
    """Write a class without arguments as its name alone."""
    return value["class_path"] if isinstance(value, dict) and value.keys() == {"class_path"} else value


def _superseded(
    left: list[Option], keys: tuple[str, ...], before: Any, over: Any, after: Any, notes: list[str]
) -> list[Option]:
    """Leave out earlier options that a class named later replaces, or whose argument it does not accept."""
    old, new = _long(before), _long(after)
    changed = isinstance(old, dict) and not same_class(str(old.get("class_path")), str(new["class_path"]))
    accepted = arguments(str(new["class_path"]), str(old["class_path"])) if changed else None
    given = (over.get("init_args") or {}) if isinstance(over, dict) else {}
    kept = []
    for option in left:
        inner = option.keys[len(keys) :]
        if option.keys[: len(keys)] != keys:
            kept.append(option)
        elif inner and accepted is not None and inner[0].removesuffix("+") not in accepted:
            name = str(new["class_path"]).rpartition(".")[2]
            notes.append(f"{'.'.join(keys)}: '{inner[0]}' is left out: {name} doesn't take it.")
        elif inner and not (len(inner) == 1 and inner[0] in given):
            kept.append(option)
    return kept
