"""A run that is killed at any file-system event of an epoch's end, and resumed, selects what the unbroken run does."""

import io
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from polybench.callbacks import BestCheckpoint
from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from polybench.tasks.checkpoint import CheckpointError
from tests.tasks.named_outputs import fit

EVENTS = ("os.rename", "os.chmod", "tempfile.mkstemp")


def train(root: Path, folder: Path, epochs: int, rate: float, checkpoint: Path | None = None) -> None:
    torch.manual_seed(0)
    task = SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss(), partial(torch.optim.SGD, lr=rate))
    best = BestCheckpoint(folder, monitor="val/loss", mode="min")
    fit(root, task, epochs, callbacks=[best], enable_checkpointing=True, checkpoint=checkpoint)


def selected(folder: Path) -> tuple[int, dict[str, torch.Tensor]]:
    saved = torch.load(folder / "best.ckpt", weights_only=True)
    return saved["epoch"], saved["state_dict"]


def count_events(event: Callable[[], None]) -> None:
    """Call a function before each step of a write of this process: creation, synchronisation, renaming; and within."""

    class Torn(io.BufferedWriter):
        def write(self, data: Any) -> int:
            half = len(data) // 2
            written = super().write(data[:half])
            self.flush()
            event()
            return written + super().write(data[half:])

    fsync = os.fsync

    def synchronise(descriptor: int) -> None:
        event()
        fsync(descriptor)

    os.fdopen = lambda handle, mode: Torn(io.FileIO(handle, "w"))  # type: ignore[assignment]
    os.fsync = synchronise
    sys.addaudithook(lambda name, arguments: event() if name in EVENTS else None)


def killed(run: Callable[[], None], number: int) -> bool:
    """Run in a process of its own, and kill it at an event; whether it came to that."""
    child = os.fork()
    if child == 0:
        seen = itertools.count()
        count_events(lambda: os.kill(os.getpid(), signal.SIGKILL) if next(seen) == number else None)
        run()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize(("rate", "best"), [(0.05, 1), (0.0, 0)], ids=["better", "no better"])
def test_run_killed_at_any_event_of_an_epochs_end_selects_the_same(
    data_root: Path, tmp_path: Path, rate: float, best: int
) -> None:
    train(data_root, tmp_path / "unbroken", 2, rate)
    epoch, weights = selected(tmp_path / "unbroken")
    assert epoch == best
    train(data_root, tmp_path / "first", 1, rate)
    for number in itertools.count():
        folder = tmp_path / "killed"
        shutil.copytree(tmp_path / "first", folder)
        resume = partial(train, data_root, folder, 2, rate, folder / "last.ckpt")
        if not killed(resume, number):
            break
        resume()
        found, state = selected(folder)
        assert found == epoch, number
        assert all(torch.equal(weights[name], state[name]) for name in weights), number
        last = torch.load(folder / "last.ckpt", weights_only=True)
        assert last["epoch"] == 1
        shutil.rmtree(folder)
    assert number == 6 * (1 + best)  # as many for each of the checkpoints that are written


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_full_disk_is_named_and_the_resumed_run_selects_the_same(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    train(data_root, tmp_path / "unbroken", 2, 0.05)
    folder = tmp_path / "full"
    train(data_root, folder, 1, 0.05)
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(CheckpointError, match=rf"{name}' can't be written .*No space left.*make room"):
            train(data_root, folder, 2, 0.05, folder / "last.ckpt")
    train(data_root, folder, 2, 0.05, folder / "last.ckpt")
    (epoch, weights), (found, state) = selected(tmp_path / "unbroken"), selected(folder)
    assert (found, sorted(path.name for path in folder.iterdir())) == (epoch, ["best.ckpt", "last.ckpt"])
    assert all(torch.equal(weights[key], state[key]) for key in weights)


def test_run_whose_selected_checkpoint_is_gone_does_not_go_on(data_root: Path, tmp_path: Path) -> None:
    train(data_root, tmp_path / "a", 1, 0.05)
    (tmp_path / "a" / "best.ckpt").unlink()
    with pytest.raises(ConfigError, match=r"best.ckpt', which the interrupted run had selected, is gone.*put it back"):
        train(data_root, tmp_path / "a", 2, 0.05, tmp_path / "a" / "last.ckpt")


def test_run_whose_selected_checkpoint_is_another_does_not_go_on(data_root: Path, tmp_path: Path) -> None:
    train(data_root, tmp_path / "a", 1, 0.05)
    train(data_root, tmp_path / "b", 1, 0.5)
    shutil.copy(tmp_path / "b" / "best.ckpt", tmp_path / "a" / "best.ckpt")
    with pytest.raises(ConfigError, match="is not the checkpoint that the interrupted run had selected, with val/loss"):
        train(data_root, tmp_path / "a", 2, 0.05, tmp_path / "a" / "last.ckpt")


def test_run_in_a_moved_folder_keeps_its_selection(data_root: Path, tmp_path: Path) -> None:
    train(data_root, tmp_path / "a", 1, 0.0)
    (tmp_path / "a").rename(tmp_path / "b")
    train(data_root, tmp_path / "b", 2, 0.0, tmp_path / "b" / "last.ckpt")
    assert selected(tmp_path / "b")[0] == 0
    [state] = [
        one
        for key, one in torch.load(tmp_path / "b" / "last.ckpt", weights_only=True)["callbacks"].items()
        if key.startswith("BestCheckpoint")
    ]
    assert state["best_model_path"] == str(tmp_path / "b" / "best.ckpt")


def test_run_that_goes_on_in_another_folder_takes_its_selection_along(data_root: Path, tmp_path: Path) -> None:
    train(data_root, tmp_path / "a", 1, 0.0)
    train(data_root, tmp_path / "b", 2, 0.0, tmp_path / "a" / "last.ckpt")
    assert (tmp_path / "b" / "best.ckpt").read_bytes() == (tmp_path / "a" / "best.ckpt").read_bytes()
