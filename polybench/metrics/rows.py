"""Sufficient statistics per image, keyed by id, as a torchmetrics `Metric`."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from polybench.core.errors import UserError
from polybench.metrics.keyed import KeyedRows
from polybench.metrics.prepare import Prepared
from polybench.metrics.protocols import PROTOCOLS, Protocol, columns_of
from polybench.metrics.sufficient import COLUMNS, Rows, statistics


class ImageRows(KeyedRows):
    """Metric that collects the statistics of each image that some protocols read, as states of the same names.

    Args:
        protocols: Protocols; statistics that none of them reads are not computed. All protocols by default.
        stored: Further statistics for the per-image table, such as `polybench.metrics.stored.STORED`; none by default.

    Example:
        >>> from polybench.metrics import PER_IMAGE
        >>> rows = ImageRows([PER_IMAGE])
        >>> rows.update(
        ...     probability=torch.tensor([[[[0.9, 0.6], [0.4, 0.1]]]]),
        ...     native_mask=[torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])],
        ...     native_valid=[torch.ones(1, 2, 2)],
        ...     to_native=torch.eye(2, 3)[None],
        ...     ids=["image"],
        ...     groups=["video"],
        ... )
        >>> rows.compute().columns["counts"].tolist()  # one pixel found, one false positive
        [[1, 1, 0, 2]]
        >>> round(PER_IMAGE.scores(rows.compute())["dice"], 4)
        0.6667
    """

    def __init__(self, protocols: Sequence[Protocol] = PROTOCOLS, stored: Sequence[str] = ()) -> None:
        self.columns = tuple(dict.fromkeys((*columns_of(protocols), *stored)))
        super().__init__({name: (COLUMNS[name].shape, COLUMNS[name].dtype) for name in self.columns})

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
            to_native: Affine maps from network to native pixels, (N, 2, 3).
            ids: Image ids.
            groups: Groups of the images.
            native_labels: N maps (1, h, w) of true instances; None where the dataset has none.

        Raises:
            UserError: If a probability isn't a number from 0 to 1.
        """
        if not torch.isfinite(probability).all():
            raise UserError(
                f"The net's predictions for the images {', '.join(ids)} are not finite: training has diverged; "
                "lower the learning rate or raise the precision."
            )
        if probability.min() < 0 or probability.max() > 1:
            raise UserError(
                f"The predictions for the images {', '.join(ids)} lie outside 0 to 1: pass probabilities, not logits."
            )
        for row, (image_id, group) in enumerate(zip(ids, groups, strict=True)):
            prepared = Prepared(
                probability[row, 0].float(),
                native_mask[row][0].bool(),
                native_valid[row][0].bool(),
                to_native[row],
                labels=None if native_labels is None else native_labels[row][0],
            )
            self.add(image_id, group, statistics(prepared, self.columns))

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

    def compute(self) -> Rows:
        """Gather, de-duplicate and sort the rows."""
        return Rows(*self.gathered())
