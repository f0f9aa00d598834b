"""The scores of a test after each iteration of iterative pruning.

Paper: FANet (Tomar et al., IEEE TNNLS 2022), figure 5. It chooses the best of ten iterations on the images that it
reports; here the curve is shown as it is, and what is reported is fixed beforehand.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from polybench.methods.feedback.pruning import Trajectory
from polybench.metrics import PER_IMAGE, Protocol, Rows
from polybench.metrics.keyed import KeyedRows
from polybench.metrics.prepare import Prepared
from polybench.metrics.protocols import columns_of
from polybench.metrics.sufficient import COLUMNS, statistics


class Curve(NamedTuple):
    """The scores of a set, iteration by iteration, and how its images ended.

    Attributes:
        scores: `protocol@version` -> metric -> number after each iteration, the first iteration first.
        images: How many images.
        fixed_points: Those whose mask repeated itself.
        cycles: Those with several masks that alternate; all others were still moving.
        mean_iterations: Passes that were computed, a mean over images.
    """

    scores: Mapping[str, Mapping[str, tuple[float, ...]]]
    images: int
    fixed_points: int
    cycles: int
    mean_iterations: float

    def logged(self, protocols: Sequence[Protocol]) -> Iterator[tuple[str, float]]:
        """Name the numbers as a test logs them: `<iteration>/dice` of `per_image`, `<iteration>/fanet/dice` of others.

        Args:
            protocols: What was scored.
        """
        for protocol in protocols:
            prefix = "" if protocol is PER_IMAGE else f"{protocol.name}/"
            for metric, values in self.scores[protocol.key].items():
                for number, value in enumerate(values, start=1):
                    yield f"{number}/{prefix}{metric}", value
        yield "fixed_points", self.fixed_points / self.images
        yield "cycles", self.cycles / self.images
        yield "computed", self.mean_iterations


class IterationRows(KeyedRows):
    """Collects the statistics of each image after each iteration, gathered from all processes.

    Args:
        protocols: What is scored.
        iterations: How many iterations.
    """

    def __init__(self, protocols: Sequence[Protocol], iterations: int) -> None:
        self.protocols, self.iterations = tuple(protocols), iterations
        self.columns = columns_of(protocols)
        layout = {name: ((iterations, *COLUMNS[name].shape), COLUMNS[name].dtype) for name in self.columns}
        super().__init__({**layout, "period": ((), torch.int64), "computed": ((), torch.int64)})

    def update(self, batch: Mapping[str, Any], trajectories: Sequence[Trajectory]) -> None:
        """Add a `polybench.data.sample.Batch` with native masks, and the iterations of its images."""
        for row, trajectory in enumerate(trajectories):
            needed = [trajectory.computed(number) for number in range(1, self.iterations + 1)]
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
            iterations = [
                protocol.scores(Rows(found.ids, found.groups, {c: found.columns[c][:, k] for c in protocol.columns}))
                for k in range(self.iterations)
            ]
            scores[protocol.key] = {metric: tuple(one[metric] for one in iterations) for metric in iterations[0]}
        period, computed = found.columns["period"], found.columns["computed"]
        return Curve(scores, len(found.ids), int((period == 1).sum()), int((period > 1).sum()), float(computed.mean()))
