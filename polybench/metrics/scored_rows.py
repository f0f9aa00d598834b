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
    """Collects the score and the label of each patch or frame.

    What the protocol `patches` reads; to score candidates, put the rows through `average_by_id`, with the candidate of
    each patch as its id.
    """

    def __init__(self) -> None:
        super().__init__({"score": ((), torch.float64), "positive": ((), torch.bool)})

    def update(self, probability: Tensor, label: Tensor, ids: Sequence[str], groups: Sequence[str]) -> None:
        """Add a batch.

        Args:
            probability: Probabilities of the positive class, (N,).
            label: 1 for positive, (N,).
            ids: Ids of the patches or frames; one that comes again is the same one, as processes repeat some.
            groups: Their groups.
        """
        scores, positives = probability.detach().double(), label == 1
        for place, (row_id, group) in enumerate(zip(ids, groups, strict=True)):
            self.add(row_id, group, {"score": scores[place], "positive": positives[place]})

    def update_from(self, batch: Mapping[str, Any], probability: Tensor) -> None:
        """Add a `polybench.data.sample.PatchBatch` and its probabilities of an object, (N,)."""
        self.update(probability, batch["label"], batch["id"], batch["group"])

    def compute(self) -> Rows:
        """Gathered, de-duplicated and sorted rows, with the columns `score` and `positive`.

        Raises:
            DataError: If a score is not finite.
        """
        ids, groups, columns = self.gathered()
        for row_id, score in zip(ids, columns["score"], strict=True):
            if not math.isfinite(score):
                raise DataError(f"The score of '{row_id}' is not finite: check the predictions.")
        return Rows(ids, groups, columns)
