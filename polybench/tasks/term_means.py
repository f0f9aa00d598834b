"""Means of a loss's terms over a validation and over all processes, in float64, so that their order doesn't matter."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torchmetrics import MeanMetric


class TermMeans:
    """Weighted means of named scalars over all processes.

    Not a module, since the names are known only once a loss has been computed.
    """

    def __init__(self) -> None:
        self._means: dict[str, MeanMetric] = {}

    def update(self, terms: Mapping[str, Tensor], weight: int, device: torch.device) -> None:
        """Add a batch's terms.

        Args:
            terms: Name -> scalar; the same names for each batch and in each process.
            weight: Number of images in the batch; 0 for a batch that another process has.
            device: Device of the process.
        """
        for name, value in terms.items():
            if name not in self._means:
                self._means[name] = MeanMetric().to(device)
                self._means[name].set_dtype(torch.float64)
            self._means[name].update(value.detach().to(device), weight=weight)

    def compute(self) -> dict[str, float]:
        """Return the means over all processes, sorted by name so that reductions match, and reset."""
        found = {name: float(self._means[name].compute()) for name in sorted(self._means)}
        self._means = {}
        return found
