"""Checkpoints by name, the last or the best of a recipe's latest run, and the configuration that they hold."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError
from polybench.core.place import is_first
from polybench.core.start_anew import start_anew
from polybench.experiments.run_folder import RUN_FOLDER
from polybench.tasks.checkpoint import AtomicCheckpointIO, run_entry

CHOICE = Path("choice", "choice.json")
"""What a run knows of a value that it chooses, in its folder."""

NAMES = {"last": ("last.ckpt", "interrupted.ckpt"), "best": ("best.ckpt",)}
"""Name that can be typed instead of a path -> the files that it can mean."""


def find_checkpoint(
    name: str, run: Path | None, runs: Path, fits: Callable[[Path], bool], folder: Path | None = None
) -> Path:
    """Find the newest file that a name can mean.

    Args:
        name: "last" or "best".
        run: The folder of one run, if the user named one.
        runs: The folder of all runs of the recipe.
        fits: Whether a file is of a run that may be meant.
        folder: The folder of the checkpoints, if the user named one with `--checkpoint.dirpath`.

    Raises:
        ConfigError: If there is none.
    """
    folders: Iterable[Path] = [run / "checkpoints"] if run else runs.glob("*/checkpoints")
    if folder is not None:
        folders, run = [folder], folder
    found = [folder / file for folder in folders for file in NAMES[name] if (folder / file).is_file()]
    if not found:
        raise ConfigError(f"There is no {name} checkpoint in '{run or runs}': {start_anew()}.")
    fitting = [path for path in found if fits(path)]
    if not fitting:
        raise ConfigError(
            f"The {len(found)} {name} checkpoint(s) in '{run or runs}' are of other configurations: give a file "
            f"to start from its weights, or {start_anew()}."
        )
    return max(fitting, key=lambda path: path.stat().st_mtime_ns)


def named_run(config: Any) -> Path | None:
    """The folder of the run that a command line names, or that the first process of this run has chosen."""
    started = not is_first() and os.environ.get(RUN_FOLDER)
    given = started or config.trainer.default_root_dir
    return Path(given) if given else None


def named_checkpoint(name: str, config: Any, command: str, runs: Path, resumes: Callable[[Path], bool]) -> str:
    """Find the checkpoint that a command asks for by name.

    Args:
        name: "last" or "best".
        config: The parsed configuration.
        command: The command.
        runs: The folder of all runs of the recipe.
        resumes: Whether a checkpoint is of this very run.

    Raises:
        ConfigError: If there is none.
    """
    run, folder = named_run(config), config.checkpoint.dirpath
    fits = resumes if command == "fit" else Path.is_file
    try:
        return str(find_checkpoint(name, run, runs, fits, Path(folder) if folder else None))
    except ConfigError as error:
        if command == "fit":
            raise
        raise ConfigError(
            f"There is no {name} checkpoint in '{folder or run or runs}': train the recipe with `polybench fit`, or "
            "give the file of a checkpoint."
        ) from error


def begun_choice(run: Path | None, runs: Path, recipe: str) -> Path | None:
    """Find the newest folder of a run that was interrupted while it chose a value, before it had a checkpoint.

    Args:
        run: The folder of one run, if the user named one.
        runs: The folder of all runs of the recipe.
        recipe: The mark of the recipe (`RunMark.recipe`).
    """
    files = [run / CHOICE] if run else [folder / CHOICE for folder in runs.glob("*")]
    begun = [file for file in files if file.is_file() and f'"{recipe}"' in file.read_text(encoding="utf-8")]
    return max(begun, key=lambda file: file.stat().st_mtime_ns).parent.parent if begun else None


def config_of(checkpoint: str, *, with_data: bool = True) -> str:
    """The configuration of the run that wrote a checkpoint, as JSON.

    Args:
        checkpoint: The file.
        with_data: Keep the dataset; without it the size of the net's input, how images are fitted to it or predicted by
            tiles, and their bits are left.

    Raises:
        ConfigError: If the checkpoint holds no configuration.
    """
    said = run_entry(AtomicCheckpointIO().load_checkpoint(checkpoint, map_location="meta"))
    config = said.get("config")
    if not isinstance(config, str) or not config:
        raise ConfigError(
            f"'{checkpoint}' holds no recipe, like checkpoints of other programs and of earlier "
            "versions don't: give the recipe too, with --config."
        )
    if with_data:
        return config
    whole = json.loads(config)
    init_args = {key: said[key] for key in ("size", "fit", "pad_value") if key in said}
    if crop := said.get("crop"):
        arguments = dict(crop)
        init_args["eval_batch_size"] = arguments.pop("tiles_together")
        init_args["crop"] = arguments
    if bits := _bits_of(whole["data"]):
        init_args["bits"] = bits
    data = {"class_path": "polybench.data.images_only.ImagesOnly", "init_args": init_args}
    return json.dumps({**whole, "data": data})


def _bits_of(data: Mapping[str, Any]) -> int | None:
    """The bits that count in images of more than 8, from the configuration of a data module or of its images."""
    arguments = data.get("init_args") or {}
    bits: int | None = arguments.get("bits")
    return _bits_of(arguments["images"]) if "images" in arguments else bits
