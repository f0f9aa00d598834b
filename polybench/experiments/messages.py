"""Turn what a parser or a library complains of into one sentence: the place, and the nearest right word."""

import importlib
import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import lightning.pytorch.callbacks
import lightning.pytorch.loggers

import polybench.callbacks
import polybench.datasets
import polybench.tasks
from polybench.core.errors import did_you_mean
from polybench.experiments.options import own_options
from polybench.experiments.wrong_values import key_of, lacking, near_class, other_name, several, wrong_value

SHORT_NAMES = sorted(
    {
        name
        for module in (
            polybench.tasks,
            polybench.datasets,
            polybench.callbacks,
            lightning.pytorch.callbacks,
            lightning.pytorch.loggers,
        )
        for name in module.__all__
    }
)
LONGEST = 400


def one_sentence(message: str, args: Sequence[str], options: Iterable[str]) -> str:
    """Rewrite a parser's message.

    Args:
        message: What jsonargparse says, often many lines.
        args: The command line, whose configuration files are looked into.
        options: The parser's own options, such as `trainer.max_epochs`.

    Returns:
        One line: what is wrong, where it stands, and the nearest right word.
    """
    known = list(options)
    text = message.replace("ClassType", "class")
    if match := re.match(r"unrecognized arguments: --(\S+?)(=.*)?( .*)?$", text, re.DOTALL):
        if not any(name.rpartition(".")[2] == match[1] for name in known) and (others := _commands_with(match[1])):
            return f"There is no option '--{match[1]}' here, but in {' and '.join(others)}."
        return f"There is no option '--{match[1]}'.{other_name(match[1], known)}"
    if match := re.search(r"[Oo]ption '([^']+)' is not accepted|does not accept option '([^']+)'", text):
        word = match[1] or match[2]
        owners = re.findall(r"Problem with given class_path '([\w.]+)'", text[: match.start()])
        own = _parameters(owners[-1:]) if owners else [name for name in known if "." not in name]
        anywhere = [*(name.rpartition(".")[2] for name in known), *_parameters(args)]
        hint = did_you_mean(word, own) or did_you_mean(word, sorted(set(anywhere)))
        return f"'{word}'{_place(word, args)} is not an option here.{hint}"
    if match := re.search(r"File does not exist: '?([^'\n]+)'?|Expected a path but (\S+\.ya?ml) ", text):
        return _missing_file(match[1] or match[2], args)
    if match := re.search(r"module '([\w.]+)' has no attribute '(\w+)'", text):
        return f"There is no '{match[1]}.{match[2]}'.{did_you_mean(match[2], _public(match[1]))}"
    if match := re.search(r"No module named '([\w.]+)'", text):
        return f"There is no module '{match[1]}'{_place(match[1], args)}: check the class path."
    if (wrong := wrong_value(text)) is not None:
        return f"{_option(wrong.key, args)} must be {wrong.kinds}, not '{wrong.value}'."
    if (sentence := several(text) or lacking(text)) is not None:
        return sentence
    if match := re.search(r"Expected a dot import path string: (\S+)|Unexpected import path format: (\S+)", text):
        word, key = match[1] or match[2], key_of(text)
        place = "" if any(arg.endswith(word) for arg in args) else _place(word, args)
        return f"There is no class '{word}'{place}.{did_you_mean(word, SHORT_NAMES) or near_class(word, key)}"
    if match := re.search(r"arguments are required: (.+)", text):
        hint = ": give a recipe, for example --config conf/quickstart.yaml" if "data" in match[1] else ""
        return f"The configuration lacks {match[1]}{hint}."
    return _shorten(text)


def config_files(args: Sequence[str]) -> list[Path]:
    """The configuration files on a command line and the fragments they name, as far as they exist."""
    names = [
        word.partition("=")[2] if "=" in word else following
        for word, following in zip(args, [*args[1:], ""], strict=True)
        if word.partition("=")[0] in {"--config", "-c"}
    ]
    found: list[Path] = []
    waiting = [Path(name) for name in names if name and not name.lstrip().startswith("{")]
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
    """An option, and where it stands: as it was typed, or in which line of which file."""
    for arg in args:
        typed = arg.partition("=")[0]
        if typed.startswith("--") and typed.removeprefix("--").replace(".init_args", "").removesuffix("+") == key:
            return typed
    return f"'{key}'{_place(key.rpartition('.')[2], args)}"


def _place(word: str, args: Sequence[str]) -> str:
    """Where a word stands: on the command line, or in which line of which file."""
    for arg in args:
        if arg.startswith("--") and f".{arg.partition('=')[0].removeprefix('--')}".endswith(f".{word}"):
            return f" in '{arg.partition('=')[0]}'"
    for path in config_files(args):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            if re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", line.partition("#")[0]):
                return f" in line {number} of '{path}'"
    return ""


def _parameters(args: Sequence[str]) -> list[str]:
    """Parameters of every class that the command line and its files mention."""
    text = "\n".join([*args, *(path.read_text(errors="replace") for path in config_files(args))])
    names: list[str] = ["class_path", "init_args"]
    for word in set(re.findall(r"[A-Za-z_][\w.]*", text)):
        cls = _find_class(word)
        if cls is not None:
            names += [name for name in inspect.signature(cls).parameters if name not in {"args", "kwargs"}]
    return names


def _find_class(word: str) -> type | None:
    """The class of a short name or an import path, if there is one."""
    for module in (polybench.tasks, polybench.datasets, lightning.pytorch.callbacks, lightning.pytorch.loggers):
        if word in module.__all__:
            return getattr(module, word, None)
    module_name, _, name = word.rpartition(".")
    root = module_name.partition(".")[0]
    if root not in {"polybench", "torch", "lightning", "segmentation_models_pytorch", "timm", "torchvision"}:
        return None
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except ImportError:
        return None
    return found if inspect.isclass(found) else None


def _missing_file(name: str, args: Sequence[str]) -> str:
    path = Path(name)
    folders = [path.parent, *(file.parent / path.parent for file in config_files(args)), Path("conf")]
    near = {file.name for folder in folders if folder.is_dir() for file in folder.glob("*.y*ml")}
    hint = did_you_mean(path.name, sorted(near))
    return f"There is no file '{name}'{_place(name, args) if name not in args else ''}.{hint}"


def _public(module: str) -> list[str]:
    try:
        return [name for name in dir(importlib.import_module(module)) if not name.startswith("_")]
    except ImportError:
        return []


def _shorten(text: str) -> str:
    """Fold a message into one line of bearable length."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} …"
