"""Checkpoints by name: the last or the best of a recipe's latest run."""

from collections.abc import Callable, Iterable
from pathlib import Path

from polybench.errors import ConfigError

NAMES = {"last": ("last.ckpt", "interrupted.ckpt"), "best": ("best.ckpt",)}
"""What a user may say instead of a path, and the files that it can mean."""


def find_checkpoint(name: str, run: Path | None, runs: Path, fits: Callable[[Path], bool]) -> Path:
    """Find the newest file that a name can mean.

    Args:
        name: "last" or "best".
        run: The folder of one run, if the user named one.
        runs: The folder of all runs of the recipe.
        fits: Whether a file is of a run that may be meant.

    Raises:
        ConfigError: If there is none.
    """
    folders: Iterable[Path] = [run / "checkpoints"] if run else runs.glob("*/checkpoints")
    found = [folder / file for folder in folders for file in NAMES[name] if (folder / file).is_file()]
    if not found:
        raise ConfigError(f"There is no {name} checkpoint in '{run or runs}': leave out --ckpt_path to start anew.")
    fitting = [path for path in found if fits(path)]
    if not fitting:
        raise ConfigError(
            f"The {len(found)} {name} checkpoint(s) in '{run or runs}' are of other configurations: leave out "
            "--ckpt_path to start anew, or give a file to start from its weights."
        )
    return max(fitting, key=lambda path: path.stat().st_mtime_ns)
