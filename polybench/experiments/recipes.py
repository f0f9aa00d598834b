"""The recipes that come with polybench: where they are, and how a path of another folder is found among them.

They are the repository's `conf/`; an installed package holds them as `polybench/conf/`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from polybench.core.errors import did_you_mean
from polybench.experiments.argv import FILE_OPTIONS, Option, options_of

PACKAGE = Path(__file__).resolve().parents[1]
FOLDER = "conf"
"""How paths to polybench's own recipes begin."""


def _home() -> Path:
    installed = PACKAGE / FOLDER
    return installed if (installed / "quickstart.yaml").is_file() else PACKAGE.parent / FOLDER


HOME = _home()
"""The folder that holds them."""


def recipe_file(name: str) -> Path:
    """Return the file of a name; where there is none, polybench's own recipe of that name.

    Args:
        name: A path, or a configuration as text, which is returned as it is.
    """
    if name[:1] in ("{", "["):
        return Path(name)
    path = Path(name).expanduser()
    own = own_recipe(path)
    return own if own is not None and not path.exists() else path


def with_recipes(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Let the files that aren't there, but that polybench has, be its own.

    Args:
        words: The words of a command line.

    Returns:
        The words, and a sentence for each file that stands for another.
    """
    found: list[str] = []
    notes: list[str] = []
    for option in options_of(words):
        path = _own_file(option)
        if path is None or option.value is None:
            found += option.words
            continue
        notes.append(found_note(option.value, path))
        found += [f"{option.name}={path}"] if len(option.words) == 1 else [option.name, str(path)]
    return found, notes


def _own_file(option: Option) -> Path | None:
    """Polybench's own recipe that an option names; None where it names none, or a file that is there."""
    value = option.value or ""
    if option.name not in FILE_OPTIONS and not value.endswith((".yaml", ".yml")):
        return None
    path = recipe_file(value)
    return path if path.is_relative_to(HOME) and not Path(value).expanduser().exists() else None


def own_recipe(path: Path) -> Path | None:
    """Return polybench's own recipe of a relative path that begins with `conf/`; None where there is none."""
    parts = Path(os.path.normpath(path)).parts
    if len(parts) < 2 or parts[0] != FOLDER:
        return None
    own = HOME.joinpath(*parts[1:])
    return own if own.is_file() else None


def nearest_file(path: Path) -> str:
    """Suggest a recipe for one that isn't there: of its folder, or of that name among polybench's own.

    Args:
        path: As it was typed.

    Returns:
        A suggestion with a leading space; empty where nothing is near.
    """
    parts = Path(os.path.normpath(path)).parts
    own = HOME.joinpath(*parts[1:]).parent if parts[:1] == (FOLDER,) else None
    folders = [folder for folder in (path.parent, own) if folder is not None and folder.is_dir()]
    near = did_you_mean(path.name, sorted({file.name for folder in folders for file in folder.glob("*.y*ml")}))
    if near:
        return near
    there = sorted((Path(FOLDER) / file.relative_to(HOME)).as_posix() for file in HOME.rglob("*.yaml"))
    same = [name for name in there if Path(name).name == path.name]
    return f" Did you mean '{same[0]}'?" if same else did_you_mean(path.as_posix(), there)


def beside(path: Path, name: str) -> Path:
    """Return the file that another names, relative to it; where there is none, polybench's own recipe of that name.

    Args:
        path: The file that names it.
        name: A path.
    """
    file = path.parent / Path(name).expanduser()
    own = None if file.exists() else own_recipe(Path(name))
    return file if own is None else own


def shown_path(path: Path) -> str:
    """Return a path as records have it: polybench's own recipes as `conf/...`, the home directory as `~`."""
    whole = Path(os.path.normpath(path.expanduser().absolute()))
    for home, sign in ((HOME, FOLDER), (Path.home(), "~")):
        if whole.is_relative_to(home) and home != Path("/"):
            return (Path(sign) / whole.relative_to(home)).as_posix()
    return whole.as_posix()


def found_note(name: str, path: Path) -> str:
    """Return the sentence that says which file stands for a path that isn't there."""
    return f"There is no '{name}' in this folder: polybench's own is used, '{path}'."
