import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from polybench.callbacks import AtomicCheckpointIO
from polybench.core.errors import ConfigError
from polybench.tasks.checkpoint import CheckpointError

CHECKPOINT = {"state_dict": {"w": torch.arange(3.0)}, "epoch": 4, "name": "x", "list": [1, None, True]}


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    AtomicCheckpointIO().save_checkpoint(CHECKPOINT, tmp_path / "a.ckpt")
    found = AtomicCheckpointIO().load_checkpoint(tmp_path / "a.ckpt")
    torch.testing.assert_close(found.pop("state_dict"), CHECKPOINT["state_dict"])
    assert found == {"epoch": 4, "name": "x", "list": [1, None, True]}


def test_objects_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="more than tensors and plain values"):
        AtomicCheckpointIO().save_checkpoint({"net": SimpleNamespace()}, tmp_path / "a.ckpt")
    assert not list(tmp_path.iterdir())


def test_full_disk_is_loud_and_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    AtomicCheckpointIO().save_checkpoint(CHECKPOINT, tmp_path / "a.ckpt")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left"):
        AtomicCheckpointIO().save_checkpoint({**CHECKPOINT, "epoch": 5}, tmp_path / "a.ckpt")
    assert AtomicCheckpointIO().load_checkpoint(tmp_path / "a.ckpt")["epoch"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


def test_refused_folder_is_loud(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="can't be written"):
        AtomicCheckpointIO().save_checkpoint(CHECKPOINT, tmp_path / "file" / "a.ckpt")


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("executed",)


def test_malicious_pickle_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Payload()}, "evil.ckpt")
    with pytest.raises(ConfigError, match="not a checkpoint of tensors"):
        AtomicCheckpointIO().load_checkpoint("evil.ckpt", weights_only=False)
    assert not Path("executed").exists()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no checkpoint"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "none.ckpt")
