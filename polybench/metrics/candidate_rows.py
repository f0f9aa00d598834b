"""Scores of the variants of candidates, averaged by candidate, as a torchmetrics `Metric`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polybench.metrics.measures.classification import average_by_id
from polybench.metrics.scored_rows import ScoredRows
from polybench.metrics.sufficient import Rows

VARIANT = "#"
"""Between the id of a candidate and the number of one of its variants."""

OF_A_CANDIDATE = {"lesion": torch.int64, "lesions": torch.int64, "candidate": torch.bool}
"""Columns that all variants of a candidate share: the number of its lesion from 0, or -1 for none; the number of
lesions of its image; and False for an image without any candidate, which has one row all the same."""


class CandidateRows(ScoredRows):
    """Metric that collects the scores of variants, and averages those of one candidate.

    Ids are `<image>/<candidate>#<variant>`; what stands after the last `#` is left out of those of the averaged rows.

    Example:
        >>> rows = CandidateRows()
        >>> batch = {"id": ["a/0#0", "a/0#1"], "group": ["a", "a"], "label": torch.tensor([1, 1]), "image": None}
        >>> batch |= {name: torch.tensor([value] * 2) for name, value in (("lesion", 0), ("lesions", 2))}
        >>> rows.update_from({**batch, "candidate": torch.tensor([True, True])}, torch.tensor([0.25, 0.75]))
        >>> found = rows.compute()
        >>> found.ids, found.columns["score"].tolist(), found.columns["lesions"].tolist()
        (['a/0'], [0.5], [2])
    """

    def __init__(self) -> None:
        super().__init__({name: ((), dtype) for name, dtype in OF_A_CANDIDATE.items()})

    def update_from(self, batch: Mapping[str, Any], probability: Tensor) -> None:
        """Add a batch of variants.

        Args:
            batch: `id`, `group`, `label` and the columns of `OF_A_CANDIDATE`, each (N,).
            probability: Probabilities of the positive class, (N,).
        """
        further = {name: batch[name].to(dtype) for name, dtype in OF_A_CANDIDATE.items()}
        self.update(probability, batch["label"] > 0, batch["id"], batch["group"], further)

    def compute(self) -> Rows:
        """Gather, de-duplicate and sort the rows of all processes, one for each candidate.

        Raises:
            DataError: If a score isn't finite, or variants of a candidate differ in group or label.
        """
        rows = super().compute()
        names = [row_id.rpartition(VARIANT)[0] or row_id for row_id in rows.ids]
        mean = average_by_id(names, rows.groups, rows.numbers("score"), rows.columns["positive"].astype(bool).tolist())
        first = {name: place for place, name in reversed(list(enumerate(names)))}
        places = np.array([first[name] for name in mean.ids], dtype=np.intp)
        columns = {name: rows.columns[name][places] for name in OF_A_CANDIDATE}
        return Rows(mean.ids, mean.groups, {"score": mean.scores, "positive": mean.labels, **columns})
