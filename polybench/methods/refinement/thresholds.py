"""The two thresholds of a refinement, and their choice on validation images.

Keras-FCN (github.com/MELSunny/Keras-FCN) has 0.2 and 0.1 in its code and doesn't state their origin. Here they are
those with the highest mean Dice over the validation images; the true masks are used for nothing else.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from polybench.methods.refinement.regions import BoolArray, ClassifiedMask, enclosed
from polybench.metrics import THRESHOLD
from polybench.metrics.keyed import KeyedRows
from polybench.metrics.protocols import per_image_values

MASK_GRID = tuple(k / 10 for k in range(1, 10))
"""Thresholds of the foreground that are tried; 0.5, a plain test's, is one of them."""

REGION_GRID = tuple(k / 20 for k in range(20))
"""Thresholds of the regions that are tried; 0 keeps every region but those of probability 0."""

TIE = 1e-12
"""Differences of mean Dice up to this are ties."""

Dice = npt.NDArray[np.float64]


class Thresholds(NamedTuple):
    """The threshold of the foreground and that of its regions.

    Attributes:
        mask: Least probability of the foreground, at native size.
        region: A region is kept where its probability exceeds this.
        origin: How both were chosen.
    """

    mask: float
    region: float
    origin: Literal["validation", "released", "given"]


RELEASED = Thresholds(0.2, 0.1, "released")
"""Thresholds of Keras-FCN's code."""


class ThresholdChoice(NamedTuple):
    """The choice of a validation.

    Attributes:
        thresholds: The best.
        dice: Mean Dice of the refined masks at each mask threshold and each region threshold, (T, K).
        mask_grid: The mask thresholds.
        region_grid: The region thresholds.
        plain_dice: Mean Dice of a plain test: at 0.5, nothing removed.
    """

    thresholds: Thresholds
    dice: Dice
    mask_grid: tuple[float, ...]
    region_grid: tuple[float, ...]
    plain_dice: float


class ThresholdRows(KeyedRows):
    """Collects the Dice of each validation image at all thresholds of both grids."""

    def __init__(self) -> None:
        shape = (len(MASK_GRID), len(REGION_GRID))
        super().__init__({"dice": (shape, torch.float64), "plain_dice": ((), torch.float64)})

    def update(self, image_id: str, group: str, found: Sequence[ClassifiedMask], truth: BoolArray) -> None:
        """Add an image.

        Args:
            image_id: Its id.
            group: Its group.
            found: Its masks at the thresholds of `MASK_GRID`.
            truth: Its true mask at native size, (h, w).
        """
        tables = [_dice_as_regions_go(one, truth) for one in found]
        rows = [dice[[one.rejected(k).sum() for k in REGION_GRID]] for one, dice in zip(found, tables, strict=True)]
        plain = tables[MASK_GRID.index(THRESHOLD)][0]
        values = {"dice": torch.from_numpy(np.stack(rows)), "plain_dice": torch.tensor(plain, dtype=torch.float64)}
        self.add(image_id, group, {name: value.to(self.device) for name, value in values.items()})

    def compute(self) -> ThresholdChoice:
        """Choose by the rows of all processes.

        Of equally good thresholds, the lowest for regions is chosen, which removes least; then the mask threshold that
        is nearest to 0.5, and the lower of two.
        """
        columns = self.gathered().columns
        dice: Dice = columns["dice"].mean(axis=0)
        best = np.argwhere(dice >= dice.max() - TIE).tolist()
        middle = MASK_GRID.index(THRESHOLD)
        mask, region = min(best, key=lambda cell: (cell[1], abs(cell[0] - middle), cell[0]))
        chosen = Thresholds(MASK_GRID[mask], REGION_GRID[region], "validation")
        return ThresholdChoice(chosen, dice, MASK_GRID, REGION_GRID, float(columns["plain_dice"].mean()))


def _dice_as_regions_go(found: ClassifiedMask, truth: BoolArray) -> Dice:
    """Dice, as `per_image` has it, of a mask without its k least probable regions, k from 0 to n: (n + 1,)."""
    left, true = found.mask.copy(), int(truth.sum())
    hits, size = [int((left & truth).sum())], [int(left.sum())]
    for number in np.argsort(found.probabilities, kind="stable"):
        window, filled = enclosed(found.regions, int(number))
        gone = left[window] & filled
        hits.append(hits[-1] - int((gone & truth[window]).sum()))
        size.append(size[-1] - int(gone.sum()))
        left[window] &= ~filled
    tp, predicted = np.array(hits), np.array(size)
    counts = np.stack([tp, predicted - tp, true - tp, truth.size - predicted - true + tp], axis=1)
    return per_image_values(counts)["dice"]
