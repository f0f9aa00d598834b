"""Sufficient statistics per image, keyed by id, as a torchmetrics `Metric`.

The rows of all processes are gathered, de-duplicated by id and sorted, so that from the same predictions any number of
processes and any order of batches give the same digits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from polybench.errors import DataError, UserError
from polybench.metrics.prepare import Prepared
from polybench.metrics.protocols import PROTOCOLS, Protocol, columns_of
from polybench.metrics.sufficient import COLUMNS, NAME_BYTES, Rows, statistics


class ImageRows(Metric):
    """Collects the statistics of each image that some protocols read; each is a state of that name.

    Args:
        protocols: Those protocols; statistics that none of them reads are not computed.
    """

    full_state_update = False
    names: list[Tensor]

    def __init__(self, protocols: Sequence[Protocol] = PROTOCOLS) -> None:
        super().__init__()
        self.columns = columns_of(protocols)
        self.add_state("names", [], dist_reduce_fx="cat")
        for name in self.columns:
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(
        self,
        probability: Tensor,
        native_mask: Sequence[Tensor],
        native_valid: Sequence[Tensor],
        to_native: Tensor,
        ids: Sequence[str],
        groups: Sequence[str],
        native_labels: Sequence[Tensor] | None = None,
    ) -> None:
        """Add a batch.

        Args:
            probability: Foreground probabilities at network size, (N, 1, H, W).
            native_mask: N masks (1, h, w) in {0, 1}.
            native_valid: N fields of view (1, h, w) in {0, 1}.
            to_native: Network to native pixels, (N, 2, 3).
            ids: Image ids.
            groups: Groups of the images.
            native_labels: N maps (1, h, w) of the true instances, where the dataset tells them apart.

        Raises:
            UserError: If a probability is not a number.
        """
        if not torch.isfinite(probability).all():
            raise UserError(
                f"The net's predictions for the images {', '.join(ids)} are not finite: training has diverged; "
                "lower the learning rate or raise the precision."
            )
        for row, (image_id, group) in enumerate(zip(ids, groups, strict=True)):
            self.names.append(_encode(image_id, group, self.device))
            prepared = Prepared(
                probability[row, 0].float(),
                native_mask[row][0].bool(),
                native_valid[row][0].bool(),
                to_native[row],
                labels=None if native_labels is None else native_labels[row][0],
            )
            for name, value in statistics(prepared, self.columns).items():
                getattr(self, name).append(value[None])

    def update_from(self, batch: Mapping[str, Any], probability: Tensor) -> None:
        """Add a `polybench.data.sample.Batch` and its foreground probabilities at network size, (N, 1, H, W)."""
        self.update(
            probability,
            batch["native_mask"],
            batch["native_valid"],
            batch["to_native"],
            batch["id"],
            batch["group"],
            batch.get("native_labels"),
        )

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the states of all processes; one that saw no image takes part with no rows, of the right shape."""
        if not self.names:
            self.names.append(torch.zeros(0, NAME_BYTES, dtype=torch.uint8, device=self.device))
            for name in self.columns:
                shape, dtype, _ = COLUMNS[name]
                getattr(self, name).append(torch.zeros(0, *shape, dtype=dtype, device=self.device))
        super().sync(*args, **kwargs)

    def compute(self) -> Rows:
        """Gathered, de-duplicated and sorted rows."""
        places = {_decode(name): place for place, name in enumerate(_cat(self.names).cpu().numpy())}
        keys = sorted(places)
        order = [places[key] for key in keys]
        columns = {name: _cat(getattr(self, name)).cpu().numpy()[order] for name in self.columns}
        return Rows([image_id for image_id, _ in keys], [group for _, group in keys], columns)


def _cat(state: list[Tensor] | Tensor) -> Tensor:
    """A list state before synchronisation is a list, after it a tensor."""
    return state if isinstance(state, Tensor) else torch.cat(state)


def _encode(image_id: str, group: str, device: torch.device) -> Tensor:
    """Text as a row of bytes, so that it can be gathered like any state."""
    text = f"{image_id}\0{'' if group == image_id else group}".encode()
    if len(text) > NAME_BYTES:
        raise DataError(
            f"The id and group of '{image_id}' take {len(text)} bytes, more than {NAME_BYTES}: shorten the names."
        )
    row = torch.zeros(1, NAME_BYTES, dtype=torch.uint8)
    row[0, : len(text)] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    return row.to(device)


def _decode(row: np.ndarray) -> tuple[str, str]:
    image_id, _, group = bytes(row).rstrip(b"\0").decode().partition("\0")
    return image_id, group or image_id
