"""Sufficient statistics per image, keyed by id, as a torchmetrics `Metric`.

The rows of all processes are gathered, de-duplicated by id and sorted, so that from the same predictions any number of
processes and any order of batches give the same digits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from polybench.errors import UserError
from polybench.metrics.prepare import to_native_size
from polybench.metrics.protocols import Counts

THRESHOLD = 0.5
NAME_BYTES = 192


class Rows(NamedTuple):
    """One row per image, sorted by id.

    Attributes:
        ids: Image ids.
        groups: The group of each image.
        counts: True positives, false positives, false negatives, true negatives at native size, (n, 4).
    """

    ids: list[str]
    groups: list[str]
    counts: Counts


class ImageRows(Metric):
    """Collects the confusion counts of each image at its native size, inside `valid`, at threshold 0.5."""

    full_state_update = False
    names: list[Tensor]
    counts: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("names", [], dist_reduce_fx="cat")
        self.add_state("counts", [], dist_reduce_fx="cat")

    def update(
        self,
        probability: Tensor,
        native_mask: Sequence[Tensor],
        native_valid: Sequence[Tensor],
        to_native: Tensor,
        ids: Sequence[str],
        groups: Sequence[str],
    ) -> None:
        """Add a batch.

        Args:
            probability: Foreground probabilities at network size, (N, 1, H, W).
            native_mask: N masks (1, h, w) in {0, 1}.
            native_valid: N fields of view (1, h, w) in {0, 1}.
            to_native: Network to native pixels, (N, 2, 3).
            ids: Image ids.
            groups: Groups of the images.

        Raises:
            UserError: If a probability is not a number.
        """
        if not torch.isfinite(probability).all():
            raise UserError(
                f"The net's predictions for the images {', '.join(ids)} are not finite: training has diverged; "
                "lower the learning rate or raise the precision."
            )
        for row, (image_id, group) in enumerate(zip(ids, groups, strict=True)):
            mask = native_mask[row].bool()
            prepared = to_native_size(probability[row], to_native[row], (mask.shape[-2], mask.shape[-1]))
            self.names.append(_encode(image_id, group, self.device))
            self.counts.append(confusion_counts(prepared >= THRESHOLD, mask, native_valid[row].bool())[None])

    def compute(self) -> Rows:
        """Gathered, de-duplicated and sorted rows."""
        names = _cat(self.names).cpu().numpy()
        counts = _cat(self.counts).cpu().numpy()
        rows = {_decode(name): count for name, count in zip(names, counts, strict=True)}
        keys = sorted(rows)
        return Rows(
            ids=[image_id for image_id, _ in keys],
            groups=[group for _, group in keys],
            counts=np.stack([rows[key] for key in keys]).astype(np.int64),
        )


def confusion_counts(prediction: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """Count true positives, false positives, false negatives and true negatives where `valid`.

    Args:
        prediction: Boolean map of any shape.
        mask: Boolean map of that shape.
        valid: Boolean map of that shape.

    Returns:
        Four int64 counts, (4,).
    """
    return torch.stack(
        [
            (prediction & mask & valid).sum(),
            (prediction & ~mask & valid).sum(),
            (~prediction & mask & valid).sum(),
            (~prediction & ~mask & valid).sum(),
        ]
    )


def _cat(state: list[Tensor] | Tensor) -> Tensor:
    """A list state before synchronisation is a list, after it a tensor."""
    return state if isinstance(state, Tensor) else torch.cat(state)


def _encode(image_id: str, group: str, device: torch.device) -> Tensor:
    """Text as a row of bytes, so that it can be gathered like any state."""
    text = f"{image_id}\0{group}".encode()
    if len(text) > NAME_BYTES:
        raise ValueError(f"The id and group of '{image_id}' take {len(text)} bytes, more than {NAME_BYTES}.")
    row = torch.zeros(1, NAME_BYTES, dtype=torch.uint8)
    row[0, : len(text)] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    return row.to(device)


def _decode(row: np.ndarray) -> tuple[str, str]:
    image_id, group = bytes(row).rstrip(b"\0").decode().split("\0")
    return image_id, group
