"""Checkpoint files that are complete or absent and contain only tensors and plain values; a failed write raises.

Lightning's own writer reports success after a permission error; this one raises.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

from polybench.core.atomic import atomic_writer
from polybench.core.errors import ConfigError, DivergedError, UserError
from polybench.core.finite import not_finite
from polybench.core.weight_file import refuse_out_of_range
from polybench.tasks.exported import RUN, SUFFIX, read_exported
from polybench.tasks.weights import weights_sha256

KEY = RUN
"""Key of the run's section in a checkpoint."""

WEIGHTS = "weights_sha256"
"""Key of the hash of the weights in that section; checkpoints of earlier versions lack it."""

BEST, LAST = "best", "last"
"""Stems of the files of the selected and of the last checkpoint."""


class CheckpointError(UserError):
    """A checkpoint that can't be written, or has content that a safe reader refuses."""

    exit_code = 2


class RunMark(NamedTuple):
    """Identification of a checkpoint's run; runs with equal marks end with the same weights.

    Attributes:
        recipe: Hash of the configuration without its length, and the seed.
        length: Length of the training.
        processes: Number of processes that share a batch.
    """

    recipe: str
    length: str
    processes: int


class DivergedCheckpointError(CheckpointError, DivergedError):
    """A checkpoint whose weights are no finite numbers."""


class AtomicCheckpointIO(CheckpointIO):
    """Checkpoint I/O that writes atomically and reads with `weights_only=True`.

    Attributes:
        callbacks: State keys of the trainer's callbacks; states of other callbacks in a checkpoint are left out. None
            keeps all.
    """

    def __init__(self) -> None:
        self.callbacks: frozenset[str] | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint; the file is complete and on disk when this returns.

        Raises:
            CheckpointError: If the file can't be written, the weights aren't finite, or the checkpoint has content that
                `weights_only=True` would not read; nothing is left at `path` in any case.
        """
        target = Path(path)
        state = checkpoint.get("state_dict", {})
        if wrong := not_finite(state):
            raise DivergedCheckpointError(f"The checkpoint '{target}' is not written, since {_no_numbers(wrong)}")
        if KEY in checkpoint:
            checkpoint[KEY] |= {"file": target.stem, WEIGHTS: weights_sha256(state)}
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        buffer.seek(0)
        try:
            torch.load(buffer, map_location="meta", weights_only=True)
        except Exception as error:
            raise CheckpointError(
                f"The checkpoint '{target}' would hold more than tensors and plain values and is not written: {error}"
            ) from error
        try:
            with atomic_writer(target) as file:
                file.write(buffer.getbuffer())
        except OSError as error:
            raise CheckpointError(
                f"The checkpoint '{target}' can't be written ({error.strerror or error}): make room or fix the "
                "permissions; then resume the run with --ckpt_path last, if it has a last checkpoint."
            ) from error

    def load_checkpoint(self, path: Any, map_location: Any | None = None, weights_only: bool | None = None) -> Any:
        """Read a checkpoint onto the CPU or `map_location`; pickled objects are always refused.

        Weights that `--keep_weights` wrote (.safetensors) are read as a checkpoint without the state of a trainer.
        Checksums are compared, and its weights must be finite, unless `map_location` is `meta`, where only its
        entry on the run is used.

        Returns:
            The content, a mapping.

        Raises:
            ConfigError: If there is no such file, it isn't a checkpoint of tensors and plain values, it is damaged, or
                its weights aren't finite.
        """
        refuse_no_file(path)
        thorough = map_location != "meta"
        if thorough:
            _refuse_damaged(Path(path))
        try:
            if Path(path).suffix == SUFFIX:
                saved: Any = read_exported(Path(path))
            else:
                saved = torch.load(path, map_location=map_location or "cpu", weights_only=True)
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(
                f"'{path}' is not a checkpoint of tensors and plain values ({type(error).__name__}): give a "
                "file that `polybench fit` wrote, such as best.ckpt."
            ) from error
        if not isinstance(saved, dict):
            raise ConfigError(
                f"'{path}' holds a {type(saved).__name__}, not a checkpoint: give a file that `polybench fit` wrote, "
                "such as best.ckpt."
            )
        if thorough:
            refuse_other_weights(saved, path)
        if self.callbacks is not None and isinstance(states := saved.get("callbacks"), dict):
            saved["callbacks"] = {key: state for key, state in states.items() if key in self.callbacks}
        return saved

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint that was superseded."""
        Path(path).unlink(missing_ok=True)


def refuse_no_file(path: str | Path) -> None:
    """Refuse a path that can't be a checkpoint.

    Raises:
        ConfigError: If it doesn't exist, or is a folder or an empty file.
    """
    file = Path(path)
    if file.is_dir():
        raise ConfigError(f"'{path}' is a folder: give the file of a checkpoint, such as best.ckpt.")
    if not file.is_file():
        raise ConfigError(f"There is no checkpoint '{path}'.")
    if file.stat().st_size == 0:
        raise ConfigError(f"'{path}' is empty: give the file of a checkpoint, such as best.ckpt.")


def run_entry(saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the run's section of a checkpoint; empty if there is none, as in checkpoints of other programs."""
    entry = saved.get(KEY)
    return entry if isinstance(entry, Mapping) else {}


def mark_of(saved: Mapping[str, Any]) -> RunMark | None:
    """Return the run of a checkpoint's content; None if it isn't stated."""
    entry = run_entry(saved)
    if not all(name in entry for name in RunMark._fields):
        return None
    return RunMark(*(entry[name] for name in RunMark._fields))


def run_of(checkpoint: Path) -> RunMark | None:
    """Return the run of a checkpoint file; None if it isn't stated.

    Raises:
        ConfigError: If the file isn't a checkpoint of tensors and plain values.
    """
    return mark_of(AtomicCheckpointIO().load_checkpoint(checkpoint, map_location="meta"))


def _refuse_damaged(path: Path) -> None:
    """Verify the checksums that torch writes into a file; the oldest format has none.

    Raises:
        ConfigError: If one of them differs.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            part = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise ConfigError(f"'{path}' is damaged ({error}): use another copy of it, or train again.") from error
    if part is not None:
        raise ConfigError(
            f"'{path}' is damaged (the checksum of '{part}' in it is another): use another copy of it, or train again."
        )


def refuse_other_weights(saved: Mapping[str, Any], path: object) -> None:
    """Refuse weights of a checkpoint that no net can use, or that differ from those that its run saved.

    Args:
        saved: The checkpoint's content.
        path: Its file, for messages.

    Raises:
        ConfigError: If they are; the first such tensor is named.
    """
    state = saved.get("state_dict", saved)
    if not isinstance(state, Mapping):
        return
    if wrong := not_finite(state):
        raise ConfigError(f"'{path}' can't be used, since {_no_numbers(wrong)}")
    refuse_out_of_range(state, path)
    expected = run_entry(saved).get(WEIGHTS)
    if expected is not None and weights_sha256(state) != expected:
        raise ConfigError(
            f"The weights in '{path}' are not those that its run saved (their sha256 is another): use another copy of "
            "it, or train again."
        )


def _no_numbers(names: list[str]) -> str:
    return (
        f"{len(names)} of its tensors hold NaN or infinity ('{names[0]}' first): use a checkpoint from before the "
        "training diverged, or train with a smaller learning rate."
    )
