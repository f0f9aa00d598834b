"""Scores of a classifier, keyed by id, as a torchmetrics `Metric`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from polybench.metrics.classification import Scored, average_by_id
from polybench.metrics.keyed import KeyedRows


class ScoredRows(KeyedRows):
    """Collects the score and the label of each patch or frame.

    What `threshold_values` and `roc_auc` read; to score candidates, put the rows through `average_by_id` once more,
    with the candidate of each patch as its id.
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

    def compute(self) -> Scored:
        """Gathered, de-duplicated and sorted rows.

        Raises:
            DataError: If there are none, or a score is not finite.
        """
        ids, groups, columns = self.gathered()
        return average_by_id(ids, groups, columns["score"], columns["positive"].tolist())
