"""Means of a loss's terms over a validation, over all processes; summed in float64, so that their order is lost."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torchmetrics import MeanMetric


class TermMeans:
    """Averages named scalars with weights; what each process was given counts once.

    It is no module, since the names are known only once a loss has been computed.
    """

    def __init__(self) -> None:
        self._means: dict[str, MeanMetric] = {}

    def update(self, terms: Mapping[str, Tensor], weight: int, device: torch.device) -> None:
        """Add a batch's terms.

        Args:
            terms: Name -> scalar; the same names for each batch and in each process.
            weight: How many images they are means of; 0 for a batch that another process has.
            device: Of the process.
        """
        for name, value in terms.items():
            if name not in self._means:
                self._means[name] = MeanMetric().to(device)
                self._means[name].set_dtype(torch.float64)
            self._means[name].update(value.detach().to(device), weight=weight)

    def compute(self) -> dict[str, float]:
        """The means of all processes, sorted by name, in which order they wait for each other; starts anew."""
        found = {name: float(self._means[name].compute()) for name in sorted(self._means)}
        self._means = {}
        return found
