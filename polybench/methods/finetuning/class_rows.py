"""Probabilities of K classes, averaged over the crops of an image, as a torchmetrics `Metric`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polybench.core.errors import DataError
from polybench.metrics.candidate_rows import VARIANT
from polybench.metrics.scored_rows import ScoredRows
from polybench.metrics.sufficient import Rows

MOST = 64
"""Largest number of classes, for which each row has room."""


class ClassRows(ScoredRows):
    """Metric that collects the probabilities of crops, and averages those of one image.

    Ids are `<image>#<crop>`; what stands after the last `#` is left out of those of the averaged rows, which have the
    columns `score` (the probability of any class but the first), `positive`, `label` and `chosen`, the most probable
    class.

    Example:
        >>> rows = ClassRows()
        >>> batch = {"id": ["a#0", "a#1"], "group": ["a", "a"], "label": torch.tensor([2, 2])}
        >>> rows.update_from(batch, torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.25, 0.75]]))
        >>> found = rows.compute()
        >>> found.ids, found.columns["score"].tolist(), found.columns["chosen"].tolist()
        (['a'], [0.75], [2])
    """

    def __init__(self) -> None:
        super().__init__({"label": ((), torch.int64), "probabilities": ((MOST,), torch.float64)})

    def update_from(self, batch: Mapping[str, Any], probability: Tensor) -> None:
        """Add a batch.

        Args:
            batch: `id`, `group` and `label` (N,).
            probability: Probabilities of the classes, (N, K).

        Raises:
            DataError: If there are more classes than a row has room for.
        """
        if probability.shape[1] > MOST:
            raise DataError(f"There are {probability.shape[1]} classes, more than {MOST}: merge some of them.")
        padded = torch.zeros(len(probability), MOST, dtype=torch.float64, device=probability.device)
        padded[:, : probability.shape[1]] = probability.detach().double()
        label = batch["label"]
        further = {"label": label, "probabilities": padded}
        self.update(1 - padded[:, 0], label > 0, batch["id"], batch["group"], further)

    def compute(self) -> Rows:
        """Gather, de-duplicate and sort the rows of all processes, one for each image.

        Raises:
            DataError: If a probability isn't finite, or crops of an image differ in group or label.
        """
        rows = super().compute()
        names = np.array([row_id.rpartition(VARIANT)[0] or row_id for row_id in rows.ids])
        ids, first, member = np.unique(names, return_index=True, return_inverse=True)
        label, probabilities = rows.integers("label"), rows.numbers("probabilities")
        groups = np.array(rows.groups)
        if (label != label[first][member]).any() or (groups != groups[first][member]).any():
            raise DataError("The crops of an image differ in group or label: give each image one group and one label.")
        sums = np.zeros((len(ids), MOST))
        np.add.at(sums, member, probabilities)
        means = sums / np.bincount(member)[:, None]
        columns = {
            "score": 1 - means[:, 0],
            "positive": label[first] > 0,
            "label": label[first],
            "chosen": means.argmax(axis=1),
        }
        return Rows([str(one) for one in ids], [str(one) for one in groups[first]], columns)
