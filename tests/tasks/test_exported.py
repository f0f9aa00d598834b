"""Weights to take away: read as a checkpoint, refused where they don't say what they are."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from polybench.core.errors import ConfigError
from polybench.tasks.checkpoint import KEY, WEIGHTS, AtomicCheckpointIO
from polybench.tasks.exported import write_exported
from polybench.tasks.weights import weights_sha256


def test_weights_and_entry_come_back_as_a_checkpoint(tmp_path: Path) -> None:
    state = nn.BatchNorm2d(3).state_dict()
    entry = {"model": "{}", "size": [8, 9], WEIGHTS: weights_sha256(state)}
    write_exported(state, entry, {"record": "unet-s0"}, tmp_path / "net.safetensors")
    saved = AtomicCheckpointIO().load_checkpoint(tmp_path / "net.safetensors")
    assert saved[KEY] == entry
    assert saved["state_dict"].keys() == state.keys()
    assert all(torch.equal(saved["state_dict"][key], value) for key, value in state.items())


def test_weights_other_than_those_that_were_saved_are_refused(tmp_path: Path) -> None:
    write_exported({"w": torch.ones(2)}, {WEIGHTS: "0" * 64}, {}, tmp_path / "net.safetensors")
    with pytest.raises(ConfigError, match="are not those that its run saved"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "net.safetensors")


def test_a_file_of_weights_alone_is_refused(tmp_path: Path) -> None:
    save_file({"w": torch.ones(2)}, tmp_path / "net.safetensors")
    with pytest.raises(ConfigError, match="doesn't say which net it holds"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "net.safetensors")
