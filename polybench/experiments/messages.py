"""Errors of a configuration in one sentence: what is wrong, where it is, and the nearest right word."""

import importlib
import re
from collections.abc import Iterable, Sequence
from inspect import isclass
from pathlib import Path

from polybench.core.errors import did_you_mean
from polybench.experiments.class_changes import named_modules
from polybench.experiments.diagnosis import Fault
from polybench.experiments.documents import is_yaml_name
from polybench.experiments.options import own_options
from polybench.experiments.recipes import nearest_file
from polybench.experiments.suggestions import EXAMPLES, near_class, other_name, paths_of, why_no_class

LONGEST = 400
"""Characters of a library's message beyond which it is cut."""


def short_names() -> list[str]:
    """Names of classes that need no import path, sorted."""
    return sorted({name for module in named_modules() for name in module.__all__ if isclass(getattr(module, name))})


def one_sentence(faults: Iterable[Fault], message: str, args: Sequence[str], options: Iterable[str]) -> str:
    """Describe the first fault of a configuration.

    Args:
        faults: What was found by comparing it with the parsers; the first one is told.
        message: The message of the parser, for a fault that was not found.
        args: The command line, whose configuration files are searched for the place.
        options: The parser's own options, such as `trainer.max_epochs`.

    Returns:
        One line: what is wrong, where it is, and the nearest right word.
    """
    known = list(options)
    found = iter(faults)
    first = next(found, None)
    if first is None:
        return _unfitting(message, args) or _shorten(message)
    match first.kind:
        case "stray":
            known_as = f"--config {first.value}" if is_yaml_name(first.value) else "--NAME VALUE"
            return f"'{first.value}' is not an option: options are written as {known_as}."
        case "base":
            return f"{_option(first.option, args)} must be a class of type {first.expected}, not '{first.value}'."
        case "key":
            return _wrong_key(first, args, known)
        case "value":
            return f"{_option(first.option, args)} must be {first.expected}, not '{first.value}'."
        case "class":
            return _no_class(first, args)
        case "classless":
            return (
                f"'{first.value}' is an argument of a class, and {first.option} names none: give the class too, as "
                f"--{first.option} CLASS, or in a recipe."
            )
        case "file":
            return _missing_file(first.value, args)
        case _ if len(first.keys) > 1:
            return _lacking([first, *(one for one in found if one.keys[:-1] == first.keys[:-1])])
        case _:
            return _lacking_sections([first.option, *(one.option for one in found if len(one.keys) == 1)])


SECTIONS = {
    "data": "add a dataset, such as --config conf/data/clinicdb.yaml",
    "model": "add a method, such as --config conf/methods/efen.yaml",
}
"""Section of a configuration -> what to do where it alone is lacking."""


def _lacking_sections(names: Sequence[str]) -> str:
    """The sentence for sections that a configuration lacks."""
    remedy = SECTIONS.get(names[0], "") if len(names) == 1 else "give a recipe, such as --config conf/quickstart.yaml"
    return f"The configuration lacks {', '.join(names)}: {remedy}."


def _wrong_key(fault: Fault, args: Sequence[str], known: Sequence[str]) -> str:
    """The sentence for an option that nothing takes."""
    word = fault.keys[-1]
    if fault.typed and not fault.owner:
        if not any(name.rpartition(".")[2] == word for name in known) and (others := _commands_with(fault.option)):
            return f"There is no option '--{fault.option}' here, but in {' and '.join(others)}."
        dashes = "" if fault.option.startswith("-") else "--"
        return f"There is no option '{dashes}{fault.option}'.{other_name(fault.option, known)}"
    own = [name.rpartition(".")[2] for name in fault.expected]
    hint = did_you_mean(word, own) or did_you_mean(word, sorted({name.rpartition(".")[2] for name in known}))
    place = _place(word, args) or _typed_place(fault, args)
    return f"'{word}'{place} is not an option here.{hint}"


def _no_class(fault: Fault, args: Sequence[str]) -> str:
    """The sentence for a class that there isn't."""
    name, argument = fault.value, fault.keys[-1].removesuffix("+")
    missing, what = why_no_class(name)
    if missing == "module":
        return f"There is no module '{what}'{_place(what, args)}: check the class path."
    if missing == "attribute":
        return f"There is no '{name}'.{did_you_mean(what, _public(name.rpartition('.')[0]))}"
    if len(paths := paths_of(name, argument)) > 1:
        return f"'{name}' is the name of several classes: give a whole path, one of {', '.join(paths)}."
    place = "" if any(arg.endswith(name) for arg in args) else _place(name, args)
    return f"There is no class '{name}'{place}.{did_you_mean(name, short_names()) or near_class(name, argument)}"


def _lacking(faults: Sequence[Fault]) -> str:
    """The sentence for arguments that a class needs and does not get."""
    fault, arguments = faults[0], list(dict.fromkeys(one.keys[-1] for one in faults))
    return (
        f"The configuration lacks {', '.join(arguments)} of {fault.owner.rpartition('.')[2]}: add it as an option, "
        f"--{fault.option} {EXAMPLES.get(arguments[0], 'VALUE')}, or in the recipe."
    )


def config_files(args: Sequence[str]) -> list[Path]:
    """The configuration files on a command line, the last first, and the files they name, as far as they exist."""
    names = [
        word.partition("=")[2] if "=" in word else following
        for word, following in zip(args, [*args[1:], ""], strict=True)
        if word.partition("=")[0] in {"--config", "-c"}
    ]
    found: list[Path] = []
    waiting = [Path(name) for name in reversed(names) if name and not name.lstrip().startswith("{")]
    while waiting:
        path = waiting.pop(0)
        if path in found or not path.is_file():
            continue
        found.append(path)
        waiting += [path.parent / name for name in re.findall(r"[\w./-]+\.ya?ml", path.read_text(errors="replace"))]
    return found


def _commands_with(option: str) -> list[str]:
    """The commands that have an option of this name beside those that all of them have."""
    return [f"`polybench {command}`" for command in ("fit", "test", "predict") if option in own_options(command)]


def _option(key: str, args: Sequence[str]) -> str:
    """An option and its place: as it was typed, or the line of a file."""
    for arg in args:
        typed = arg.partition("=")[0]
        if typed.startswith("--") and typed.removeprefix("--").replace(".init_args", "").removesuffix("+") == key:
            return typed
    return f"'{key}'{_place(key.rpartition('.')[2], args)}"


def _place(word: str, args: Sequence[str]) -> str:
    """The place of a word: an option of the command line, or the line of a file."""
    for arg in args:
        if arg.startswith("--") and f".{arg.partition('=')[0].removeprefix('--')}".endswith(f".{word}"):
            return f" in '{arg.partition('=')[0]}'"
    for path in config_files(args):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            if re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", line.partition("#")[0]):
                return f" in line {number} of '{path}'"
    return ""


def _typed_place(fault: Fault, args: Sequence[str]) -> str:
    """The option of the command line that holds a key in its value, or in the middle of its name."""
    for arg in args:
        name = arg.partition("=")[0].removeprefix("--").replace(".init_args", "")
        if arg.startswith("--") and (fault.option.startswith(f"{name}.") or name.startswith(f"{fault.option}.")):
            return f" in '--{name}'"
    return ""


def _missing_file(name: str, args: Sequence[str]) -> str:
    path = Path(name)
    places = [path, *(file.parent / path for file in config_files(args))]
    hint = nearest_file(next((place for place in reversed(places) if place.parent.is_dir()), path))
    return f"There is no file '{name}'{_place(name, args) if name not in args else ''}.{hint}"


def _public(module: str) -> list[str]:
    try:
        return [name for name in dir(importlib.import_module(module)) if not name.startswith("_")]
    except ImportError:
        return []


def _unfitting(message: str, args: Sequence[str]) -> str | None:
    """The sentence for a value that none of the types of an option takes, one of which is a class; None for others."""
    option = re.match(r'Parser key "([^"]+)"', message)
    if option is None or "class_path" not in message:
        return None
    problem = re.search(r"Problem with given class_path .*?(?=\n +- |\n +Given value|\Z)", message, re.DOTALL)
    why = f" ({_shorten(problem[0]).replace('Problem', 'problem', 1)})" if problem is not None else ""
    return (
        f"{_option(option[1], args)} can't be what was given{why}: give the name of a class, or a list of "
        "{class_path: CLASS, init_args: {OPTION: VALUE}}; a name alone in a list is none."
    )


def _shorten(text: str) -> str:
    """A message on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} …"
