"""Weights that are finite, whole, and of a checkpoint at all; others are refused by name."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from polybench.callbacks import AtomicCheckpointIO
from polybench.core.errors import ConfigError
from polybench.core.finite import not_finite
from polybench.tasks.checkpoint import KEY, CheckpointError
from polybench.tasks.weights import bit_sums, weights_of, weights_sha256

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.steps": torch.tensor(3)}


def saved(path: Path, state: dict[str, Any] = STATE, **more: Any) -> Path:
    AtomicCheckpointIO().save_checkpoint({"state_dict": state, **more}, path)
    return path


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_named(value: float) -> None:
    good, bad = torch.ones(3), torch.tensor([1.0, value, 0.0])
    assert not_finite({"good": good, "bad": bad, "integers": torch.ones(2, dtype=torch.int64)}) == ["bad"]


def test_mask_of_attention_is_no_weight() -> None:
    assert not_finite({"mask": torch.full((3, 3), float("-inf")).triu(1)}) == []
    assert not_finite({"scale": torch.tensor(float("-inf"))}) == ["scale"]


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"a.ckpt' is not written, since 1 of its tensors hold NaN .*'w' first"):
        saved(tmp_path / "a.ckpt", {"v": torch.ones(1), "w": torch.tensor([0.0, torch.nan])})
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_not_loaded(tmp_path: Path) -> None:
    torch.save({"state_dict": {"w": torch.tensor([torch.nan])}}, tmp_path / "a.ckpt")
    with pytest.raises(ConfigError, match=r"a.ckpt' can't be used, since 1 of its tensors hold NaN or infinity \('w'"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "a.ckpt")


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("ours", [True, False], ids=["of polybench", "of another program"])
def test_every_flipped_bit_of_a_tensor_is_found(tmp_path: Path, ours: bool) -> None:
    path = tmp_path / "a.ckpt"
    content: dict[str, Any] = {"state_dict": STATE, "optimizer_states": [{"m": torch.full((4,), 0.125)}]}
    if ours:
        AtomicCheckpointIO().save_checkpoint({**content, KEY: {}}, path)
    else:
        torch.save(content, path)
    data = path.read_bytes()
    for tensor in (STATE["a.weight"], STATE["a.steps"], content["optimizer_states"][0]["m"]):
        part = tensor.numpy().tobytes()
        for place in range(data.index(part), data.index(part) + len(part)):
            flip(path, place)
            with pytest.raises(ConfigError, match=r"a.ckpt' is damaged \(the checksum of '\w+/data/\d"):
                AtomicCheckpointIO().load_checkpoint(path)
            flip(path, place)
    AtomicCheckpointIO().load_checkpoint(path)


def test_weights_that_were_edited_are_found(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.ckpt", **{KEY: {}})
    content = torch.load(path, weights_only=True)
    content["state_dict"]["a.weight"][0, 0] = 1.0
    torch.save(content, path)
    with pytest.raises(ConfigError, match=r"The weights in '.*a.ckpt' are not those that its run saved"):
        AtomicCheckpointIO().load_checkpoint(path)


def test_checkpoint_of_an_earlier_version_has_no_hash_and_is_loaded(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, KEY: {"recipe": "x"}}, tmp_path / "a.ckpt")
    assert AtomicCheckpointIO().load_checkpoint(tmp_path / "a.ckpt")[KEY] == {"recipe": "x"}


def test_oldest_format_is_loaded(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE}, tmp_path / "a.ckpt", _use_new_zipfile_serialization=False)
    assert set(AtomicCheckpointIO().load_checkpoint(tmp_path / "a.ckpt")) == {"state_dict"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (torch.ones(3), "holds a Tensor, not a checkpoint"),
        ([torch.ones(3)], "holds a list, not a checkpoint"),
        (nn.Linear(1, 1), "not a checkpoint of tensors and plain values"),
        (os.mkdir, "not a checkpoint of tensors and plain values"),
    ],
    ids=["tensor", "list", "module", "pickle"],
)
def test_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: object, told: str) -> None:
    torch.save(content, tmp_path / "a.ckpt")
    for device in (None, "meta"):
        with pytest.raises(ConfigError, match=told):
            AtomicCheckpointIO().load_checkpoint(tmp_path / "a.ckpt", map_location=device)


def test_empty_file_and_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.ckpt").touch()
    with pytest.raises(ConfigError, match=r"empty.ckpt' is empty"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "empty.ckpt")
    with pytest.raises(ConfigError, match=r"is a folder: give the file of a checkpoint"):
        AtomicCheckpointIO().load_checkpoint(tmp_path)


@pytest.mark.parametrize("length", [1, 300, -30])
def test_file_that_was_cut_off_is_refused(tmp_path: Path, length: int) -> None:
    path = saved(tmp_path / "a.ckpt")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ConfigError, match=r"a.ckpt' is"):
        AtomicCheckpointIO().load_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, r"'x' has no 'state_dict'"),
        ({"state_dict": torch.ones(1)}, r"'x' has no 'state_dict'"),
        ({"state_dict": {"w": [1.0]}}, r"'w' in the 'state_dict' of 'x' is of type list, not a tensor"),
    ],
)
def test_checkpoint_without_weights_is_refused(content: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        weights_of(content, "x")


def test_extra_state_is_no_tensor_and_stays() -> None:
    assert weights_of({"state_dict": {"w": torch.ones(1), "w_extra_state": {"a": 1}}}, "x").keys() == {
        "w",
        "w_extra_state",
    }


def test_hash_minds_name_type_shape_and_bytes_and_no_order() -> None:
    one = {"a": torch.zeros(2), "b": torch.zeros(2, 1)}
    others = [
        {"a": torch.zeros(2), "c": torch.zeros(2, 1)},
        {"a": torch.zeros(2), "b": torch.zeros(1, 2)},
        {"a": torch.zeros(2), "b": torch.zeros(2, 1, dtype=torch.int32)},
        {"a": torch.zeros(2), "b": torch.tensor([[0.0], [-0.0]])},
    ]
    assert weights_sha256(one) == weights_sha256(dict(reversed(one.items())))
    assert len({weights_sha256(state) for state in (one, *others)}) == 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64])
def test_sum_of_bits_tells_the_last_bit(dtype: torch.dtype) -> None:
    one = torch.full((5,), 3).to(dtype)
    other = one.clone()
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[one.element_size()]
    other.view(integers)[4] += 1
    assert not torch.equal(bit_sums([one]), bit_sums([other]))
    assert torch.equal(bit_sums([one]), bit_sums([one.flip(0)]))
