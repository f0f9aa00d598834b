"""S-measure and mean absolute error of one image, and the scaling to [0, 1] that PraNet's toolbox applies first.

Fan et al., "Structure-measure: a new way to evaluate foreground maps", ICCV 2017, with the rules of PraNet's toolbox
(MICCAI 2020) for empty and full masks. Two cases that the toolbox leaves to rounding or to 0 / 0 have rules here: a
block in which map and mask are both constant scores 1, and a block without pixels (the object's centroid lies in the
last row or column) has no weight. A centroid half-way between two pixels is rounded to the even one, counted from 0, as
in PySODMetrics; MATLAB rounds it up.
"""

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor

from polybench.metrics.bands import Part, bands
from polybench.metrics.measures.histograms import EPSILON


def stretch_(probability: Tensor, low: float, high: float) -> Tensor:
    """Stretch a map, or a part of it, to [0, 1] by the minimum and maximum of the whole map, in place.

    Args:
        probability: Map of one image, float64, of any shape.
        low: Minimum of the whole map.
        high: Maximum of the whole map; a constant map is not changed.

    Returns:
        The stretched map.

    Example:
        >>> stretch_(torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64), 0.25, 0.75)
        tensor([0.0000, 0.5000, 1.0000], dtype=torch.float64)
    """
    return probability if low == high else probability.sub_(low).div_(high - low)


class StructureScores(NamedTuple):
    """S-measure and mean absolute error.

    Attributes:
        s_measure: Structural similarity in [0, 1].
        error: Mean absolute error in [0, 1].
    """

    s_measure: float
    error: float


def structure_scores(probability: Part, mask: Tensor, alpha: float = 0.5) -> StructureScores:
    """Compute the S-measure, from object and background and from four blocks, and the mean absolute error.

    Args:
        probability: Returns the prepared map in [0, 1], float64, at given rows and columns, (h, w).
        mask: Boolean mask, (H, W).
        alpha: Weight of object and background in the S-measure; the blocks have the weight 1 - alpha.

    Returns:
        The scores. The S-measure is 1 minus the mean of the map for an empty mask, and the mean of the map for a full
        one.

    Example:
        >>> mask = torch.zeros(4, 4, dtype=torch.bool)
        >>> mask[1:3, 1:3] = True
        >>> soft = torch.where(mask, 0.75, 0.25).double()
        >>> scores = structure_scores(lambda rows, columns: soft[rows, columns], mask)
        >>> round(scores.s_measure, 4), round(scores.error, 4)
        (0.9233, 0.25)
    """
    positives = int(torch.count_nonzero(mask))
    if positives in {0, mask.numel()}:
        height, width = mask.shape
        sums = (float(probability(rows, slice(0, width)).sum()) for rows in bands((height, width)))
        mean = math.fsum(sums) / mask.numel()
        return StructureScores(mean, 1 - mean) if positives else StructureScores(1 - mean, mean)
    blocks = _block_sums(probability, mask)
    score = alpha * _object_similarity(blocks) + (1 - alpha) * _region_similarity(blocks)
    error = math.fsum(block.x + block.y - 2 * block.xy for block in blocks) / mask.numel()
    return StructureScores(max(score, 0.0), error)


class _Sums(NamedTuple):
    """Sums over the pixels of a block, x the map and y the mask, and whether both are constant."""

    pixels: float
    x: float
    xx: float
    y: float
    xy: float
    xxy: float
    constant: bool


def _block_sums(probability: Part, mask: Tensor) -> list[_Sums]:
    """Compute the sums of the four blocks that meet at the centroid of the mask, without empty blocks."""
    truth = mask.view(torch.uint8)  # torch converts bytes three times as fast as booleans
    height, width = truth.shape
    row, column = (1 + round(centre) for centre in _centroid(truth))
    down, across = (slice(0, row), slice(row, height)), (slice(0, column), slice(column, width))
    places = [place for place in itertools.product(down, across) if all(one.start < one.stop for one in place)]
    return [_sums_of(probability, truth, *place) for place in places]


def _sums_of(probability: Part, truth: Tensor, down: slice, across: slice) -> _Sums:
    """Compute the sums of one block, a band at a time."""
    height, width = down.stop - down.start, across.stop - across.start
    sums: list[list[float]] = []
    ends: list[float] = []
    for band in bands((height, width)):
        rows = slice(down.start + band.start, down.start + band.stop)
        x, y = probability(rows, across).reshape(-1), truth[rows, across].double().reshape(-1)
        sums.append(torch.stack([x.sum(), torch.dot(x, x), y.sum(), torch.dot(x, y), torch.dot(x * x, y)]).tolist())
        ends += torch.stack(torch.aminmax(x)).tolist() if sums[-1][2] in {0.0, x.numel()} else (0.0, 1.0)
    of_x, xx, of_y, xy, xxy = (math.fsum(values) for values in zip(*sums, strict=True))
    constant = of_y in {0.0, height * width} and min(ends) == max(ends)
    return _Sums(height * width, of_x, xx, of_y, xy, xxy, constant)


def _centroid(truth: Tensor) -> list[float]:
    """Compute the mean row and column of the pixels that are 1."""
    parts = [truth[rows] for rows in bands((truth.shape[0], truth.shape[1]))]
    profiles = [
        torch.cat([part.sum(1) for part in parts]).double(),
        torch.stack([part.sum(0) for part in parts]).sum(0).double(),
    ]
    moments = [torch.dot(profile, torch.arange(len(profile)).to(profile)) / profile.sum() for profile in profiles]
    return torch.stack(moments).tolist()


def _variance(number: float, total: float, squares: float) -> float:
    """Compute the sample variance from sums, 0 for a single value, and clipped at 0."""
    return max(squares - total * total / number, 0.0) / (number - 1) if number > 1 else 0.0


def _likeness(mean: float, variance: float) -> float:
    """Similarity of the values of a region to a constant 1."""
    return 2 * mean / (mean * mean + 1 + math.sqrt(variance) + EPSILON)


def _object_similarity(blocks: list[_Sums]) -> float:
    """Similarity of the map to 1 on the object and to 0 on the background, weighted by their areas."""
    pixels, x, xx, y, xy, xxy = (math.fsum(values) for values in list(zip(*blocks, strict=True))[:6])
    foreground = _likeness(xy / y, _variance(y, xy, xxy))
    background = _likeness(1 - (x - xy) / (pixels - y), _variance(pixels - y, x - xy, xx - xxy))
    return (y * foreground + (pixels - y) * background) / pixels


def _region_similarity(blocks: list[_Sums]) -> float:
    """Similarity of the blocks, weighted by their areas."""
    pixels = sum(block.pixels for block in blocks)
    return sum(block.pixels / pixels * _block_similarity(block) for block in blocks)


def _block_similarity(block: _Sums) -> float:
    """Luminance, contrast and structure of map and mask in a block, in one quotient."""
    if block.y in {0.0, block.pixels}:  # no covariance with a constant mask
        return float(block.constant)
    x, y, free = block.x / block.pixels, block.y / block.pixels, block.pixels - 1 + EPSILON
    covariance = (block.xy - x * block.y) / free
    variances = (block.xx - x * block.x + block.y - y * block.y) / free
    return 4 * x * y * covariance / ((x * x + y * y) * variances + EPSILON)
