"""Classes of the user's own, in modules of the current folder: found by every command, their errors in one sentence."""

import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from polybench.core.errors import ConfigError, UserError

PACKAGE = Path(__file__).parents[1]


def make_importable() -> None:
    """Let modules of the current folder be imported, after everything that is installed.

    A module named like an installed one is never found: give it another name. A process that this one starts in the
    same folder calls this again.
    """
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)


def public_names(module: str) -> list[str] | None:
    """What a module holds; None where there is no such module.

    Raises:
        ConfigError: If it is the user's own and can't be imported.
    """
    with explained():
        try:
            return [name for name in dir(import_module(module)) if not name.startswith("_")]
        except ModuleNotFoundError as error:
            if explain(error) is not None:
                raise
            return None


@contextmanager
def explained() -> Iterator[None]:
    """Raise what goes wrong while a module of the user's own is imported as one sentence.

    Raises:
        ConfigError: In place of an exception whose cause lies in the user's own code.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        raise ConfigError(sentence) from error


def explain(error: BaseException | None) -> str | None:
    """The sentence for an error of the user's own code: its file, line and reason.

    Args:
        error: An exception, also one that others were raised from.

    Returns:
        The sentence; None where no exception of the chain comes from the user's code.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        place = _place(error)
        if place is not None:
            path, line = place
            reason = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())[:200].rstrip(".")
            return f"Line {line} of your '{path}' fails: {type(error).__name__}: {reason}."
        error = error.__cause__ or error.__context__
    return None


def with_place(error: UserError) -> UserError:
    """An error with file and line, where it was raised from an exception of the user's own code and lacks them."""
    cause = error.__cause__
    place = _place(cause) if cause is not None else None
    if place is None or " of your '" in str(error):
        return error
    path, line = place
    return type(error)(f"{str(error).rstrip('.')} (line {line} of your '{path}').")


def _place(error: BaseException) -> tuple[Path, int] | None:
    """File and line of the user's own where an exception comes from."""
    if isinstance(error, SyntaxError) and error.filename and is_own(Path(error.filename)):
        return _shown(Path(error.filename)), error.lineno or 1
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(Path(frame.filename))]
    return (_shown(Path(frames[-1].filename)), frames[-1].lineno or 1) if frames else None


def is_own(file: Path) -> bool:
    """Whether a source file lies in the current folder and belongs neither to polybench nor to what is installed."""
    if not file.is_file():
        return False
    path = file.resolve()
    if not path.is_relative_to(Path.cwd()) or path.is_relative_to(PACKAGE):
        return False
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib", "scripts")}
    return "site-packages" not in path.parts and not any(path.is_relative_to(folder) for folder in installed)


def _shown(path: Path) -> Path:
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
