"""Checks of the selected checkpoint of a resumed run: the file exists, and is the one that was selected."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from polybench.core.atomic import atomic_writer
from polybench.core.errors import ConfigError
from polybench.core.start_anew import start_anew
from polybench.tasks.checkpoint import AtomicCheckpointIO, RunMark, mark_of


def take_up(
    state: Mapping[str, Any],
    keys: Sequence[str],
    resumed: Mapping[str, Any],
    trainer: Trainer,
    folder: Path,
    run: RunMark | None,
) -> dict[str, Any]:
    """Find the selected checkpoint of a resumed run, and copy it into this folder.

    The file may be one of a later epoch than the resumed checkpoint knows, where the run was killed between the two: it
    stays selected until a better validation, with the value of its own validation.

    Args:
        state: The selection in the resumed checkpoint.
        keys: Keys of the callbacks' states with a selection.
        resumed: The resumed checkpoint's content.
        trainer: The trainer, in fit.
        folder: Where this run's checkpoints lie.
        run: The run that is trained.

    Returns:
        The state to resume with.

    Raises:
        ConfigError: If the file is gone, or is another one.
    """
    named = str(state.get("best_model_path") or "")
    if not named:
        return dict(state)
    own = folder / Path(named).name
    file = _found(own, Path(named), trainer)
    score = _score(file, keys, state, resumed, run)
    if file != own:
        _copy(file, own, trainer)
    path = str(own)
    return {
        **state,
        "dirpath": str(folder),
        "best_model_path": path,
        "best_model_score": score,
        "best_k_models": {path: score},
        "kth_best_model_path": path,
        "kth_value": score,
    }


def _found(own: Path, named: Path, trainer: Trainer) -> Path:
    """The selected checkpoint: in the run's folder, beside the resumed one, or where it was saved."""
    beside = [Path(trainer.ckpt_path).parent / named.name] if trainer.ckpt_path else []
    for file in (own, *beside, named):
        if file.is_file():
            return file
    raise ConfigError(
        f"'{own}', which the interrupted run had selected, is gone, and with it the result so far: put it back, or "
        f"{start_anew()}."
    )


def _score(
    file: Path, keys: Sequence[str], state: Mapping[str, Any], resumed: Mapping[str, Any], run: RunMark | None
) -> Any:
    """The value by which a file was selected.

    Raises:
        ConfigError: If it is not the file that the resumed checkpoint knows, and no later one of the same run.
    """
    saved = AtomicCheckpointIO().load_checkpoint(file)
    found, expected = _value(saved, keys), state["best_model_score"]
    if saved.get("global_step", 0) > resumed.get("global_step", 0):
        if found is not None and mark_of(saved) == run:
            return found
        raise ConfigError(
            f"'{file}' is of epoch {saved.get('epoch', 0) + 1} of another run than this one, which resumes from epoch "
            f"{resumed.get('epoch', 0) + 1}: resume with the same options and number of epochs, or {start_anew()}."
        )
    if not _equal(found, expected):
        raise ConfigError(
            f"'{file}' is not the checkpoint that the interrupted run had selected, with {state.get('monitor')} "
            f"{float(expected):.4f}: put that one back, or {start_anew()}."
        )
    return found


def refuse_replaced(file: Path, keys: Sequence[str], score: Tensor | None, run: RunMark | None) -> None:
    """Refuse to test and record another file than the one that this run has selected.

    Its length may be another: a run that was made longer may keep what its first part selected.

    Args:
        file: The selected checkpoint.
        keys: Keys of the callbacks' states with the value of the selection.
        score: That value, as the run knows it.
        run: The run.

    Raises:
        ConfigError: If another file has taken its place.
    """
    saved = AtomicCheckpointIO().load_checkpoint(file)
    mark = mark_of(saved)
    same = mark == run or (mark and run and mark._replace(length=run.length) == run)
    if not same or not _equal(_value(saved, keys), score):
        raise ConfigError(
            f"'{file}' is not the checkpoint that this run has selected: another process has replaced it. Nothing is "
            "tested or recorded; train again in another --trainer.default_root_dir."
        )


def _value(saved: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The value by which a checkpoint was selected; None where it holds none."""
    states = saved.get("callbacks") or {}
    own = next((states[key] for key in keys if key in states), None)
    return own and own.get("best_model_score")


def _equal(found: Any, expected: Any) -> bool:
    if found is None or expected is None:
        return False
    return torch.equal(torch.as_tensor(found).cpu(), torch.as_tensor(expected).cpu())


def _copy(file: Path, own: Path, trainer: Trainer) -> None:
    """Copy the selected checkpoint into another folder, where the run is resumed."""
    if trainer.is_global_zero:
        with file.open("rb") as source, atomic_writer(own) as target:
            shutil.copyfileobj(source, target)
    trainer.strategy.barrier()
