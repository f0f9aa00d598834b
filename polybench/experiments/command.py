"""The command line that reproduces a number from any folder, and what it needs besides."""

import shlex
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from polybench.core.checksum import file_sha256
from polybench.experiments.again import Again
from polybench.experiments.argv import FILE_OPTIONS, Option, options_of
from polybench.experiments.recipes import recipe_file, shown_path

LEFT_OUT = (
    "--leaderboard",
    "--no_leaderboard",
    "--save_every",
    "--previews",
    "--checkpoint.dirpath",
    "--data.cache_dir",
    "--data.num_workers",
    "--data.on_device",
    "--trainer.default_root_dir",
    "--trainer.enable_model_summary",
    "--trainer.enable_progress_bar",
    "--trainer.log_every_n_steps",
    "--trainer.logger",
    "--trainer.profiler",
)
"""Options for what a run writes and shows, which change no number; so are those below them."""

FLAGS = ("--no_leaderboard",)
"""Options that take no value."""

PATHS = (*FILE_OPTIONS, "--ckpt_path", "--data.root", "--leaderboard", "--folder")
"""Options whose value is a path."""

NO_PATHS = ("imagenet", "null", "last", "best")
"""Values of these options that never name a file."""

PATH_SUFFIXES = (".yaml", ".yml", ".json", ".csv", ".ckpt", ".pt", ".pth", ".safetensors")
PATH_ENDINGS = (".root", ".source")


def again(
    words: Sequence[str],
    modules: Iterable[Path] = (),
    data: str | None = None,
    also: Sequence[str] = (),
    relative: Iterable[Path] = (),
    file_options: Collection[str] = (),
) -> Again:
    """Write the command line that reproduces a run from any folder.

    A recipe of polybench's own is named as in its source tree, which every command looks into; any other file or
    folder by its whole path, the home directory as `~`. Options that move no number are left out.

    Args:
        words: The words after the program's name, such as `["fit", "--config", "conf/x.yaml"]`.
        modules: The user's own modules that the configuration names.
        data: The dataset's official folder where `POLYBENCH_DATA` leads to it; None where the words do, or none is.
        also: Words at the end that are kept whatever they are, such as `["--leaderboard", "leaderboards"]`.
        relative: Files and folders that the configuration names by their place in the current folder.
        file_options: Further options whose value is a path.
    """
    kept, files = [*_kept(words), *options_of(also)], []
    shown = ["polybench"]
    for option, value, _ in kept:
        if value is None:
            shown.append(shlex.quote(option))
            continue
        path = _path_of(option, value, file_options)
        if path is not None and path.is_file():
            files.append(path)
        shown += [shlex.quote(option), shlex.quote(value) if path is None else _shell_path(path)]
    own, beside = list(modules), [path for path in relative if path not in files]
    here = _folder_of(own) if own else Path.cwd()
    prefix = f"cd {_shell_path(here)} && " if own or beside else ""
    files += [path for path in beside if path.is_file()]
    needs = [f"The folder with '{data}', as POLYBENCH_DATA or --data.root."] if data else []
    needs += map(needed_file, (*files, *own))
    return Again(prefix + " ".join(shown), tuple(dict.fromkeys(needs)))


def needed_file(path: Path) -> str:
    """Write the sentence for a file that a command needs."""
    return f"The file '{shown_path(path)}' (sha256 {file_sha256(path)[:12]}...)."


def _kept(words: Sequence[str]) -> list[Option]:
    """Return the options that may change a number."""
    return [
        option
        for option in options_of(words)
        if not any(option.name.rstrip("+") == one or option.name.startswith(f"{one}.") for one in LEFT_OUT)
    ]


def _path_of(option: str, value: str, file_options: Collection[str] = ()) -> Path | None:
    """Return the file or folder that an option's value names; None where it names none."""
    named = option in (*PATHS, *file_options) or option.endswith(PATH_ENDINGS) or value.endswith(PATH_SUFFIXES)
    if not named or value in NO_PATHS or value[:1] in ("{", "["):
        return None
    found = recipe_file(value) if value.endswith(PATH_SUFFIXES) else Path(value).expanduser()
    return found if found.exists() else None


def _folder_of(modules: Sequence[Path]) -> Path:
    """Return the folder in which the command finds the user's own modules."""
    places = [Path.cwd(), *(Path(entry).resolve() for entry in sys.path if entry)]
    holding = [place for place in places if all(module.resolve().is_relative_to(place) for module in modules)]
    return holding[0] if holding else modules[0].parent


def _shell_path(path: Path) -> str:
    """Quote a path for a shell, which expands a leading `~` only where it is not quoted."""
    text = shown_path(path)
    return f"~/{shlex.quote(text[2:])}" if text.startswith("~/") else "~" if text == "~" else shlex.quote(text)
