"""What each pass of iterative pruning scores: the curve over passes, from one test.

Paper: FANet (Tomar et al., IEEE TNNLS 2022), figure 5. It chooses the best of ten passes on the images that it reports;
here the curve is shown as it is, and what is reported is fixed beforehand.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from polybench.methods.feedback.pruning import Trajectory
from polybench.metrics import Protocol, Rows
from polybench.metrics.keyed import KeyedRows
from polybench.metrics.prepare import Prepared
from polybench.metrics.protocols import columns_of
from polybench.metrics.sufficient import COLUMNS, statistics


class Curve(NamedTuple):
    """The scores of a set, pass by pass, and how its images ended.

    Attributes:
        scores: `protocol@version` -> metric -> number after each pass, the first pass first.
        images: How many images.
        fixed_points: Those whose mask repeated itself.
        cycles: Those with several masks that alternate; all others were still moving.
        mean_passes: Passes that were computed, a mean over images.
    """

    scores: Mapping[str, Mapping[str, tuple[float, ...]]]
    images: int
    fixed_points: int
    cycles: int
    mean_passes: float


class PassRows(KeyedRows):
    """Collects the statistics of each image after each pass, gathered from all processes.

    Args:
        protocols: What is scored.
        passes: How many passes.
    """

    def __init__(self, protocols: Sequence[Protocol], passes: int) -> None:
        self.protocols, self.passes = tuple(protocols), passes
        self.columns = columns_of(protocols)
        layout = {name: ((passes, *COLUMNS[name].shape), COLUMNS[name].dtype) for name in self.columns}
        super().__init__({**layout, "period": ((), torch.int64), "computed": ((), torch.int64)})

    def update(self, batch: Mapping[str, Any], trajectories: Sequence[Trajectory]) -> None:
        """Add a `polybench.data.sample.Batch` with native masks, and the passes of its images."""
        for row, trajectory in enumerate(trajectories):
            needed = [trajectory.computed(number) for number in range(1, self.passes + 1)]
            each = {number: self._statistics(batch, row, trajectory, number) for number in set(needed)}
            values = {name: torch.stack([each[number][name] for number in needed]) for name in self.columns}
            values["period"] = torch.tensor(trajectory.period, device=self.device)
            values["computed"] = torch.tensor(len(trajectory.logits), device=self.device)
            self.add(batch["id"][row], batch["group"][row], values)

    def _statistics(self, batch: Mapping[str, Any], row: int, trajectory: Trajectory, number: int) -> dict[str, Any]:
        mask, valid = batch["native_mask"][row][0].bool(), batch["native_valid"][row][0].bool()
        probability = torch.sigmoid(trajectory.at(number)[0].float())
        return statistics(Prepared(probability, mask, valid, batch["to_native"][row]), self.columns)

    def compute(self) -> Curve:
        """The curve of all images of all processes."""
        found = self.gathered()
        scores: dict[str, dict[str, tuple[float, ...]]] = {}
        for protocol in self.protocols:
            passes = [
                protocol.scores(Rows(found.ids, found.groups, {c: found.columns[c][:, k] for c in protocol.columns}))
                for k in range(self.passes)
            ]
            scores[protocol.key] = {metric: tuple(one[metric] for one in passes) for metric in passes[0]}
        period, computed = found.columns["period"], found.columns["computed"]
        return Curve(scores, len(found.ids), int((period == 1).sum()), int((period > 1).sum()), float(computed.mean()))
