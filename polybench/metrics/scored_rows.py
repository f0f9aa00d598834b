"""Scores of a classifier, keyed by id, as a torchmetrics `Metric`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from polybench.core.errors import DataError
from polybench.metrics.keyed import KeyedRows
from polybench.metrics.sufficient import Rows


class ScoredRows(KeyedRows):
    """Metric that collects the score and the label of each patch or frame.

    The protocol `patches` reads its rows; to score candidates, average the rows with `average_by_id`, with the
    candidate of each patch as its id.

    Example:
        >>> rows = ScoredRows()
        >>> rows.update(torch.tensor([0.75, 0.25]), torch.tensor([1, 0]), ids=["b", "a"], groups=["video", "video"])
        >>> found = rows.compute()
        >>> found.ids, found.columns["score"].tolist(), found.columns["positive"].tolist()
        (['a', 'b'], [0.25, 0.75], [False, True])

    Args:
        further: Further columns of a subclass -> shape and type of their values.
    """

    def __init__(self, further: Mapping[str, tuple[tuple[int, ...], torch.dtype]] | None = None) -> None:
        super().__init__({"score": ((), torch.float64), "positive": ((), torch.bool), **(further or {})})

    def update(
        self,
        probability: Tensor,
        label: Tensor,
        ids: Sequence[str],
        groups: Sequence[str],
        further: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Add a batch.

        Args:
            probability: Probabilities of the positive class, (N,).
            label: 1 for positive, (N,).
            ids: Ids of the patches or frames; rows of the same id are counted once.
            groups: Their groups.
            further: Further columns of a subclass, (N, ...).
        """
        columns = {"score": probability.detach().double(), "positive": label == 1, **(further or {})}
        for place, (row_id, group) in enumerate(zip(ids, groups, strict=True)):
            self.add(row_id, group, {name: values[place] for name, values in columns.items()})

    def update_from(self, batch: Mapping[str, Any], probability: Tensor) -> None:
        """Add a `polybench.data.sample.PatchBatch` and its probabilities of an object, (N,)."""
        self.update(probability, batch["label"], batch["id"], batch["group"])

    def compute(self) -> Rows:
        """Gather, de-duplicate and sort the rows, with the columns `score` and `positive`.

        Raises:
            DataError: If a score isn't finite.
        """
        ids, groups, columns = self.gathered()
        for row_id, score in zip(ids, columns["score"], strict=True):
            if not math.isfinite(score):
                raise DataError(f"The score of '{row_id}' is not finite: check the predictions.")
        return Rows(ids, groups, columns)
