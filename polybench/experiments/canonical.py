"""The canonical form of a configuration: what of it moves a number.

In it

* each class is its shortest import path, the version of its definition (see `class_versions.version_of`) and those
  arguments alone that differ from its defaults; a default that has a version of its own stays;
* the keys of `machine_keys` and callbacks that only show something are left out, and of a value that validation chooses
  (`choose`) how it is chosen stays, not which it is;
* text that names a file stands for the file's content;
* batch sizes, evaluation batch and start weights stand in sections of their own, `batch`, `evaluation` and `start`,
  in whose place `identity.training_id` puts what they amount to.

A class can say more of its arguments than their text does, by two optional attributes: `identity_arguments`, a class
method from all arguments to those that stand for something versioned (a named augmentation), and `start_arguments`,
names of those that say where start weights come from; an `encoder_weights` that names a file is one of any class.
Importing this module imports no torch.
"""

import enum
import inspect
import json
import math
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.experiments.choose_option import without_chosen
from polybench.experiments.class_versions import defaults_of, public_path, resolve, version_of
from polybench.experiments.machine_keys import BATCH_KEYS, EVALUATION_KEYS, SHOWING_CALLBACKS, UNCOUNTED_KEYS

GROUPS = {"trainer": "lightning.pytorch.Trainer", "checkpoint": "polybench.callbacks.BestCheckpoint"}
"""Top-level key -> class whose arguments it holds."""

UNSET: Mapping[str, Any] = {"choose": None, "images": None, "scale_batch": False, "validations": 5}
"""Top-level key -> its default, with which it says nothing of a run."""

WEIGHTS_OF_AN_ENCODER = "encoder_weights"
"""Argument of a net that may be a file, which then stands in the section `start`, as if it had been `imagenet`."""

LONGEST_PATH = 1024
"""Characters; a longer text is no path."""

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def canonical(config: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a resolved configuration to what moves a number.

    Args:
        config: Plain values, with all arguments of all classes; the order of keys doesn't matter.

    Returns:
        Plain values, with the sections `batch`, `evaluation` and `start` at the top.

    Raises:
        ConfigError: If a class can't be imported or has no file, or a value has no JSON form.
    """
    walk = _Walk()
    kept = {}
    for key, value in without_chosen(config).items():
        if key in UNCOUNTED_KEYS or (key in UNSET and value == UNSET[key]) or walk.sets_aside(key, value):
            continue
        if key in GROUPS:
            kept[key] = walk.node({"class_path": GROUPS[key], "init_args": value}, key)
        else:
            kept[key] = walk.value(value, key)
    return {**kept, "batch": walk.batch, "evaluation": walk.evaluation, "start": walk.start}


def existing(text: str) -> Path | None:
    """The file or folder that a text names; None for a text that is a word of its own, and where there is nothing."""
    if not (PurePath(text).suffix or "/" in text) or text[:1] in "{[" or len(text) > LONGEST_PATH:
        return None
    path = Path(text).expanduser()
    return path if path.exists() and (path.is_file() or "/" in text) else None


def first_difference(one: Any, other: Any, key: str = "") -> str | None:
    """Name the first place where two canonical forms differ.

    Returns:
        Such as "trainer.max_epochs (2 instead of 300)", the value of `one` first; None where they are equal.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.get("class") == other.get("class"):
        for name in sorted({*one, *other}):
            below = key if name == "arguments" else f"{key}.{name}".lstrip(".")
            found = first_difference(one.get(name, _DEFAULT), other.get(name, _DEFAULT), below)
            if found is not None:
                return found
        return None
    return None if one == other and type(one) is type(other) else f"{key} ({_brief(one)} instead of {_brief(other)})"


class _Default(dict[str, Any]):
    """In place of an argument that has its default, or of none at all."""


_DEFAULT = _Default()


def _brief(value: Any) -> str:
    if isinstance(value, _Default):
        return "the default"
    return str(value["class"]) if isinstance(value, Mapping) and "class" in value else json.dumps(value)


class _Walk:
    """Goes through one configuration, and sets aside what `training_id` replaces."""

    def __init__(self) -> None:
        self.batch: dict[str, Any] = {}
        self.evaluation: dict[str, Any] = {}
        self.start: list[Any] = []

    def value(self, value: Any, path: str) -> Any:
        """The canonical form of a value that stands at a dotted path."""
        if isinstance(value, Mapping):
            if "class_path" in value:
                return self.node(value, path)
            return {str(name): self.value(item, f"{path}.{name}") for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items = [self.value(item, f"{path}.{number}") for number, item in enumerate(value)]
            return [item for item in items if not _only_shows(item)] if path == "trainer.callbacks" else items
        if isinstance(value, enum.Enum):
            return value.name
        if inspect.isclass(value) or inspect.isroutine(value):
            return self.node({"class_path": public_path(value)}, path)
        if isinstance(value, str | PurePath):
            return self._text(str(value), path)
        if value is None or isinstance(value, bool | int | float):
            return value if not isinstance(value, float) or math.isfinite(value) else str(value)
        raise ConfigError(
            f"The value {value!r} of '{path}' can't be recorded: write it as text, number, list or mapping."
        )

    def _text(self, text: str, path: str) -> Any:
        """A file's or folder's content, a class or function without arguments, or the text itself."""
        place = existing(text)
        if place is not None and place.is_file():
            return {"file": file_sha256(place)}
        if place is not None:
            files = sorted(file for file in place.rglob("*") if file.is_file())
            return {"folder": {file.relative_to(place).as_posix(): file_sha256(file) for file in files}}
        if _DOTTED.fullmatch(text) and _names_code(text):
            return self.node({"class_path": text}, path)
        return text

    def node(self, node: Mapping[str, Any], path: str) -> dict[str, Any]:
        """A class with its version and the arguments that differ from its defaults."""
        found = resolve(node["class_path"])
        given = {**(node.get("init_args") or {}), **(node.get("dict_kwargs") or {})}
        meant = found.identity_arguments(given) if hasattr(found, "identity_arguments") else {}
        defaults = defaults_of(found)
        kept = {}
        for name, value in {**given, **meant}.items():
            below = f"{path}.{name}"
            if below in UNCOUNTED_KEYS or self.sets_aside(below, value):
                continue
            if name in getattr(found, "start_arguments", ()):
                self.start += [value] if value is not None else []
                continue
            plain = self.value(value, below)
            if name == WEIGHTS_OF_AN_ENCODER and isinstance(plain, Mapping):
                self.start.append(plain)
                continue
            usual = name in defaults and _same(plain, _Walk().value(defaults[name], below))
            if name in meant or not usual or _has_version(plain):
                kept[name] = plain
        if kept.get("callbacks") == []:
            del kept["callbacks"]
        canonical_node = {"class": public_path(found), "version": version_of(found), "arguments": kept}
        return {key: value for key, value in canonical_node.items() if value}

    def sets_aside(self, path: str, value: Any) -> bool:
        """Put a value into the section that it belongs to, if it does."""
        if path in BATCH_KEYS:
            self.batch[path] = value
        elif path in EVALUATION_KEYS:
            self.evaluation[path] = value
        return path in BATCH_KEYS | EVALUATION_KEYS


def _only_shows(callback: Any) -> bool:
    return isinstance(callback, Mapping) and callback.get("class") in SHOWING_CALLBACKS


def _names_code(text: str) -> bool:
    """Whether a dotted text names a class or function that can be imported."""
    try:
        found = resolve(text) if find_spec(text.partition(".")[0]) is not None else None
    except (ConfigError, ImportError, ValueError):
        return False
    return inspect.isclass(found) or inspect.isroutine(found)


def _has_version(plain: Any) -> bool:
    """Whether a canonical value holds anything versioned."""
    if isinstance(plain, Mapping):
        return "version" in plain or any(map(_has_version, plain.values()))
    return isinstance(plain, list) and any(map(_has_version, plain))


def _same(one: Any, other: Any) -> bool:
    """Whether two canonical values are equal; 0 and 0.0 are, 1 and true are not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
