"""Lossless codec of binary masks: run lengths, or one bit per pixel where that is smaller.

FANet (Tomar et al., IEEE TNNLS 2022, arXiv:2103.17235) keeps one mask per image between epochs, run-length encoded.
Its released code keeps lists of Python integers (start, length, ...) in column-major order, which it joins to a text
and parses again, and gives back the transpose, so that masks have to be square. Here a mask of any size becomes a few
bytes, with vectorised numpy, and comes back bit by bit.

Runs go row by row, alternate between background and foreground, and start with background (which may have length 0).
They are unsigned integers of one or two bytes, little-endian; a longer run is carried on after a run of length 0:
with one byte, 600 pixels are 255, 0, 255, 0, 90. The smallest of the three kinds is taken for each mask. One mask has
one code, so masks are equal exactly if their codes are, and a net's fixed point is found without decoding.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from polybench.core.errors import DataError

BoolArray = npt.NDArray[np.bool_]


class Kind(IntEnum):
    """The coding of a mask; for runs, the value is the bytes of each."""

    BITS = 0
    RUNS8 = 1
    RUNS16 = 2


@dataclass(frozen=True, slots=True)
class CodedMask:
    """An encoded mask, immutable, compared and hashed by content.

    Attributes:
        shape: (H, W) in pixels.
        kind: How it is coded.
        payload: Its runs or bits.

    Raises:
        DataError: If the payload does not hold exactly as many pixels as the shape has.
    """

    shape: tuple[int, int]
    kind: Kind
    payload: bytes

    def __post_init__(self) -> None:
        if self.kind is Kind.BITS:
            fits = len(self.payload) == -(-self.pixels // 8)
        else:
            fits = len(self.payload) % self.kind == 0 and self.runs().sum() == self.pixels
        if not fits:
            height, width = self.shape
            raise DataError(
                f"The {self.nbytes} bytes ({self.kind.name}) of a coded mask do not make {height} x {width} pixels: "
                "restore it from an intact checkpoint."
            )

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of the payload."""
        return len(self.payload)

    def runs(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """The runs of a mask that is coded by runs, as stored: long ones are interrupted by runs of length 0."""
        return np.frombuffer(self.payload, f"<u{self.kind:d}")


def encode(mask: BoolArray) -> CodedMask:
    """Encode a mask.

    Args:
        mask: (H, W), any strides, at least one pixel.

    Raises:
        ValueError: If it is not bool (probabilities need a threshold first), not (H, W) or empty.
    """
    if mask.dtype != np.bool_ or mask.ndim != 2 or not mask.size:
        raise ValueError(f"a mask to encode is bool (H, W) with at least one pixel, not {mask.dtype} {mask.shape}")
    height, width = mask.shape
    flat = mask.reshape(-1)
    changes = flat[1:] != flat[:-1]
    bits = -(-flat.size // 8)
    if np.count_nonzero(changes) < bits:  # otherwise runs of a byte each are no shorter
        runs = np.diff(np.flatnonzero(changes) + 1, prepend=[0, 0] if flat[0] else 0, append=flat.size)
        stored = {kind: _store(runs, kind) for kind in (Kind.RUNS8, Kind.RUNS16)}
        kind = min(stored, key=lambda kind: len(stored[kind]))
        if len(stored[kind]) < bits:
            return CodedMask((height, width), kind, stored[kind])
    return CodedMask((height, width), Kind.BITS, np.packbits(flat).tobytes())


def _store(runs: npt.NDArray[np.int64], kind: Kind) -> bytes:
    """Store runs; a longer one is split by `longest, 0` as often as needed."""
    longest = (1 << 8 * int(kind)) - 1
    times = (np.maximum(runs, 1) - 1) // longest
    before = np.repeat(np.arange(len(runs)), 2 * times)
    parts = np.insert(runs - longest * times, before, np.tile([longest, 0], times.sum()))
    return parts.astype(f"<u{kind:d}").tobytes()


def decode(coded: CodedMask) -> BoolArray:
    """Decode a mask (H, W), bool, exactly as it was, to a new array."""
    if coded.kind is Kind.BITS:
        bits = np.frombuffer(coded.payload, np.uint8)
        return np.unpackbits(bits, count=coded.pixels).view(np.bool_).reshape(coded.shape)
    runs = coded.runs()
    foreground = np.zeros(len(runs), np.bool_)
    foreground[1::2] = True
    return np.repeat(foreground, runs).reshape(coded.shape)


def encode_batch(masks: Tensor) -> list[CodedMask]:
    """Encode masks (N, 1, H, W), bool, on any device.

    Raises:
        ValueError: As `encode`.
    """
    return [encode(mask) for mask in masks.squeeze(1).cpu().numpy()]


def decode_batch(coded: Sequence[CodedMask]) -> Tensor:
    """Decode masks of one size to (N, 1, H, W), bool, on the CPU.

    Raises:
        ValueError: If sizes differ or there is no mask.
    """
    sizes = sorted({mask.shape for mask in coded})
    if len(sizes) != 1:
        raise ValueError(f"a batch takes one mask or more, all of one size, not of the sizes {sizes}")
    return torch.stack([torch.from_numpy(decode(mask)) for mask in coded]).unsqueeze(1)


class MaskState(TypedDict):
    """Masks by id as `torch.load(weights_only=True)` reads them back.

    `headers` (n, 4), int64, has height, width, kind and bytes of each mask in the order of `ids`, `payload` (bytes,),
    uint8, all of them one after the other, and `checksum` is a CRC-32 of the other three.
    """

    ids: list[str]
    headers: Tensor
    payload: Tensor
    checksum: int


def to_state(masks: Mapping[str, CodedMask]) -> MaskState:
    """Convert masks by id to plain lists and tensors, for a checkpoint or another process."""
    ids = list(masks)
    rows = [(*mask.shape, int(mask.kind), mask.nbytes) for mask in masks.values()]
    headers = np.array(rows, np.int64).reshape(-1, 4)
    payload = np.concatenate([np.frombuffer(mask.payload, np.uint8) for mask in masks.values()] or [np.empty(0, "u1")])
    return MaskState(
        ids=ids,
        headers=torch.from_numpy(headers),
        payload=torch.from_numpy(payload),
        checksum=_checksum(ids, headers, payload),
    )


def from_state(state: Mapping[str, Any]) -> dict[str, CodedMask]:
    """Convert the result of `to_state` to masks by id.

    Raises:
        DataError: If something is missing or was changed.
    """
    damaged = DataError("The stored feedback masks are damaged: resume from another checkpoint.")
    try:
        ids, headers, payload = list(state["ids"]), state["headers"].cpu().numpy(), state["payload"].cpu().numpy()
        intact = state["checksum"] == _checksum(ids, headers, payload)
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged from error
    if not intact:
        raise damaged
    rows, ends = headers.tolist(), np.cumsum(headers[:, 3]).tolist()
    return {
        name: CodedMask((height, width), Kind(kind), payload[end - size : end].tobytes())
        for name, (height, width, kind, size), end in zip(ids, rows, ends, strict=True)
    }


def _checksum(ids: Sequence[str], headers: npt.NDArray[np.int64], payload: npt.NDArray[np.uint8]) -> int:
    return zlib.crc32(payload.tobytes(), zlib.crc32(headers.tobytes(), zlib.crc32("\0".join(ids).encode())))
