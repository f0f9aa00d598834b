import io
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from polybench.core.errors import DataError
from polybench.methods.feedback import CodedMask, decode, decode_batch, encode, encode_batch, from_state, to_state
from polybench.methods.feedback.codec import Kind

noise = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40))


@st.composite
def stripes(draw: st.DrawFn) -> np.ndarray:
    """Masks of few runs, some longer than one and two bytes hold."""
    width, lengths = draw(st.integers(1, 300)), draw(st.lists(st.integers(1, 70_000), min_size=1, max_size=6))
    flat = np.concatenate([np.full(length, number % 2 == 1) for number, length in enumerate(lengths)])
    flat ^= draw(st.booleans())
    return np.resize(flat, (-(-flat.size // width), width))


def chequered(height: int, width: int) -> np.ndarray:
    return np.indices((height, width)).sum(axis=0) % 2 == 1


def runs_by_hand(mask: np.ndarray) -> list[int]:
    """Lengths of runs, row by row, without 0."""
    return [len(list(run)) for _, run in itertools.groupby(mask.ravel().tolist())]


def runs_payload(runs: list[int], longest: int, width: int) -> bytes:
    """Write alternating runs, a long one bit by bit."""
    stored: list[int] = []
    for run in runs:
        left = run
        while left > longest:
            stored += [longest, 0]
            left -= longest
        stored.append(left)
    return b"".join(run.to_bytes(width, "little") for run in stored)


@given(st.one_of(noise, stripes()))
def test_any_mask_comes_back_bit_by_bit(mask: np.ndarray) -> None:
    decoded = decode(encode(mask))
    assert decoded.dtype == bool
    np.testing.assert_array_equal(decoded, mask)


@given(st.one_of(noise, stripes()))
def test_the_smallest_of_three_codings_is_taken(mask: np.ndarray) -> None:
    runs = ([0] if mask[0, 0] else []) + runs_by_hand(mask)
    payloads = {
        Kind.BITS: np.packbits(mask).tobytes(),
        Kind.RUNS8: runs_payload(runs, 255, 1),
        Kind.RUNS16: runs_payload(runs, 65535, 2),
    }
    coded = encode(mask)
    assert coded.payload == payloads[coded.kind]
    assert coded.nbytes == min(len(payload) for payload in payloads.values())


def test_short_runs_take_a_byte_each() -> None:
    mask = np.zeros((8, 10), dtype=bool)
    mask[2, 3:7] = mask[3, 0] = True  # 23 background, 4 foreground, 3 background, 1 foreground, 49 background
    assert encode(mask) == CodedMask((8, 10), Kind.RUNS8, bytes([23, 4, 3, 1, 49]))


def test_a_mask_that_starts_with_foreground_starts_with_a_run_of_0() -> None:
    mask = np.ones((10, 10), dtype=bool)
    mask[-1, -1] = False
    assert encode(mask) == CodedMask((10, 10), Kind.RUNS8, bytes([0, 99, 1]))


@pytest.mark.parametrize(
    ("length", "stored"),
    [(255, [255]), (256, [255, 0, 1]), (510, [255, 0, 255]), (600, [255, 0, 255, 0, 90])],
)
def test_a_run_longer_than_a_byte_goes_on_after_a_run_of_0(length: int, stored: list[int]) -> None:
    flat = [False, True, False, True, False, True] + [False] * length
    assert encode(np.array([flat])) == CodedMask((1, 6 + length), Kind.RUNS8, bytes([1, 1, 1, 1, 1, 1, *stored]))


def test_runs_beyond_255_take_two_bytes_each() -> None:
    mask = np.zeros((64, 64), dtype=bool)
    mask[16:40] = True  # 1024 background, 1536 foreground, 1536 background; little-endian
    assert encode(mask) == CodedMask((64, 64), Kind.RUNS16, bytes([0x00, 0x04, 0x00, 0x06, 0x00, 0x06]))


def test_an_empty_mask_larger_than_two_bytes_holds_takes_three_runs() -> None:
    coded = encode(np.zeros((300, 300), dtype=bool))  # 90000 = 65535 + 24465
    assert coded.payload == b"".join(run.to_bytes(2, "little") for run in (65535, 0, 24465))


def test_many_runs_are_packed_as_bits() -> None:
    coded = encode(np.array([[False, True, False, True, False, True, False, True, True, False]]))
    assert coded == CodedMask((1, 10), Kind.BITS, bytes([0b01010101, 0b10000000]))


@pytest.mark.parametrize("value", [False, True])
def test_one_pixel_takes_one_byte(value: bool) -> None:
    mask = np.array([[value]])
    assert encode(mask).nbytes == 1
    assert decode(encode(mask)).tolist() == [[value]]


@pytest.mark.parametrize(
    "view",
    [lambda a: a.T, lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a[3:9, 5:20]],
    ids=["transposed", "flipped", "every second column", "crop"],
)
def test_strides_do_not_matter(view: Callable[[np.ndarray], np.ndarray]) -> None:
    mask = view(np.random.default_rng(0).random((17, 33)) < 0.2)
    assert encode(mask) == encode(np.array(mask.tolist()))
    np.testing.assert_array_equal(decode(encode(mask)), mask)


def test_the_decoded_array_is_the_callers_own() -> None:
    for mask in (chequered(9, 9), np.zeros((9, 9), dtype=bool)):
        coded = encode(mask)
        decode(coded)[:] = True
        np.testing.assert_array_equal(decode(coded), mask)


def test_masks_are_equal_exactly_if_their_codes_are() -> None:
    masks = [
        np.array(bits).reshape(shape)
        for shape in ((2, 3), (3, 2))
        for bits in itertools.product((False, True), repeat=6)
    ]
    codes = {encode(mask) for mask in masks}
    assert len(codes) == len(masks) == 128
    assert {encode(mask.copy()) for mask in masks} == codes


@pytest.mark.parametrize(
    "mask",
    [np.zeros((4, 4)), np.ones((4, 4), np.uint8), np.zeros(4, bool), np.zeros((0, 4), bool)],
    ids=["probabilities", "bytes", "one dimension", "no pixel"],
)
def test_what_is_no_binary_mask_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"bool \(H, W\) with at least one pixel"):
        encode(mask)


def test_a_batch_comes_back_in_order() -> None:
    masks = torch.rand(5, 1, 12, 20, generator=torch.Generator().manual_seed(0)) < 0.3
    coded = encode_batch(masks)
    assert coded == [encode(mask[0].numpy()) for mask in masks]
    decoded = decode_batch(coded)
    assert decoded.dtype == torch.bool
    assert torch.equal(decoded, masks)


def test_a_batch_of_one_pixel_keeps_its_shape() -> None:
    masks = torch.tensor([True, False]).reshape(2, 1, 1, 1)
    assert torch.equal(decode_batch(encode_batch(masks)), masks)


def test_masks_of_several_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"bool \(H, W\)"):
        encode_batch(torch.zeros(2, 3, 8, 8, dtype=torch.bool))


@pytest.mark.parametrize("sizes", [[], [(4, 6), (6, 4)]])
def test_a_batch_needs_masks_of_one_size(sizes: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="all of one size"):
        decode_batch([encode(np.zeros(size, dtype=bool)) for size in sizes])


def examples() -> dict[str, CodedMask]:
    """Masks of several sizes, one of each kind."""
    masks = {"b/2": np.zeros((300, 300), dtype=bool), "a": np.eye(30, dtype=bool), "é#1": chequered(7, 5)}
    coded = {name: encode(mask) for name, mask in masks.items()}
    assert {mask.kind for mask in coded.values()} == set(Kind)
    return coded


def test_a_checkpoint_gives_the_masks_back() -> None:
    file = io.BytesIO()
    torch.save({"feedback": to_state(examples())}, file)
    file.seek(0)
    restored = from_state(torch.load(file, weights_only=True)["feedback"])
    assert restored == examples()
    assert list(restored) == ["b/2", "a", "é#1"]
    np.testing.assert_array_equal(decode(restored["é#1"]), chequered(7, 5))


def test_no_mask_is_a_state_too() -> None:
    assert from_state(to_state({})) == {}


def test_masks_travel_between_processes() -> None:
    assert pickle.loads(pickle.dumps(examples())) == examples()


def change_payload(state: dict[str, Any]) -> None:
    state["payload"][-1] ^= 128  # of a mask packed as bits: any bits are a mask


def swap_ids(state: dict[str, Any]) -> None:
    state["ids"] = state["ids"][::-1]


def change_shape(state: dict[str, Any]) -> None:
    state["headers"][2, :2] = torch.tensor([5, 7])


def cut(state: dict[str, Any]) -> None:
    state["payload"] = state["payload"][:-1]


def drop(state: dict[str, Any]) -> None:
    del state["headers"]


def replace(state: dict[str, Any]) -> None:
    state["payload"] = None


@pytest.mark.parametrize("damage", [change_payload, swap_ids, change_shape, cut, drop, replace])
def test_a_damaged_state_is_refused(damage: Callable[[dict[str, Any]], None]) -> None:
    state: dict[str, Any] = {**to_state(examples())}
    damage(state)
    with pytest.raises(DataError, match="stored feedback masks are damaged"):
        from_state(state)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.BITS, bytes(2)),  # 20 pixels take 3 bytes
        (Kind.BITS, bytes(4)),
        (Kind.RUNS8, bytes([12, 7])),
        (Kind.RUNS8, b""),
        (Kind.RUNS16, bytes([20, 0, 0])),  # one and a half
    ],
)
def test_a_payload_of_another_size_is_refused(kind: Kind, payload: bytes) -> None:
    with pytest.raises(DataError, match="do not make 4 x 5 pixels"):
        CodedMask((4, 5), kind, payload)
