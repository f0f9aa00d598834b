"""Populations of groups of images, from which test sets of some methods are drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from polybench.core.errors import DataError
from polybench.results.compare.rows import Rows
from polybench.results.comparison import aligned
from polybench.results.image_rows import Values
from polybench.results.layout import layout_of
from polybench.results.statistics.aligned import Aligned

METHODS = 5
STEP = 0.02
"""By how much each invented method is better than the next one, before those that miss images."""

LARGEST = 25
"""Images of the largest group of an invented video; the smallest has one."""

_TRUTH = 100_000
"""Groups that give the true means of invented methods."""

Draw = Callable[[np.random.Generator, int], Aligned]


@dataclass(frozen=True)
class Population:
    """Groups of images, and how methods score on them.

    Attributes:
        name: What it is.
        draw: Draws a test set of some groups: the scores of each method on its images.
        means: The true mean of each method over images, (methods,); the first two methods are the pair of interest.
    """

    name: str
    draw: Draw
    means: Values

    @property
    def difference(self) -> float:
        """The true difference of the first two methods."""
        return float(self.means[0] - self.means[1])


def invented(name: str, *, missed: float, largest: int = LARGEST) -> Population:
    """Methods with skewed scores as Dice has them, which share what makes a group and an image hard.

    Args:
        name: What it is.
        missed: Share of the images on which the second method finds nothing at all; in most groups few, in some many.
        largest: Images of the largest group.
    """

    def draw(generator: np.random.Generator, groups: int) -> Aligned:
        sizes = generator.integers(1, largest + 1, groups)
        of = np.repeat(np.arange(groups), sizes)
        hard = 1.5 + 0.8 * (generator.normal(size=groups)[of] + generator.normal(size=len(of)))
        own = 0.3 * generator.normal(size=(METHODS, groups))[:, of] + 0.5 * generator.normal(size=(METHODS, len(of)))
        scores = expit(hard + own) - STEP * np.arange(METHODS)[:, None]
        if missed:
            share = generator.beta(3 * missed, 3 * (1 - missed), groups)
            scores[1, generator.random(len(of)) < share[of]] = 0.0
        return _aligned(scores, of)

    return Population(name, draw, draw(np.random.default_rng(0), _TRUTH).means)


def resampled(name: str, scores: Aligned) -> Population:
    """The groups of a test set as if they were all there are: others are drawn from them with replacement."""
    places = [np.flatnonzero(scores.members == group) for group in range(len(scores.sizes))]

    def draw(generator: np.random.Generator, groups: int) -> Aligned:
        drawn = [places[group] for group in generator.integers(0, len(places), groups)]
        of = np.repeat(np.arange(groups), [len(found) for found in drawn])
        return _aligned(scores.images[:, np.concatenate(drawn)], of)

    return Population(name, draw, scores.means)


def recorded(name: str, rows: Rows, names: Sequence[str]) -> Population:
    """The groups of rows of the leaderboards, each the mean over its seeds, under the protocol that ranks them.

    Args:
        name: What it is.
        rows: The rows of the leaderboards.
        names: The rows, as `polybench compare` takes them; the first two are the pair of interest.

    Raises:
        DataError: If the rows were tested on different images, or their tables don't determine what they are ranked by.
    """
    found = {one: rows.named(one) for one in names}
    ranked = next(iter(found.values())).ranked
    runs = {one: row.runs for one, row in found.items()}
    described = runs[names[0]][0].metrics
    scores = aligned(runs, ranked, layout_of(described[ranked]).headline) if ranked else None
    if scores is None:
        raise DataError(f"'{names[0]}' and '{names[1]}' have no score of each image by which they are ranked.")
    return resampled(f"{name}, {len(scores.sizes)} groups", scores)


def populations(root: Path) -> list[Population]:
    """The populations of the committed figures.

    Args:
        root: The folder of the leaderboards.
    """
    kvasir, lesions = Rows(root, "kvasir_seg", "official_880_120"), Rows(root, "isic2018")
    polyps, videos = Rows(root, "clinicdb", "reconstructed_489_61_62"), Rows(root, "clinicdb")
    others = ["fpn_lite0_kvasir_seg", "unet_vgg19_half_kvasir_seg", "fanet_half_kvasir_seg"]
    u, far, near = "unet_lite0_kvasir_seg", "fcn16s_lite0_kvasir_seg", "deeplabv3plus_lite0_kvasir_seg"
    leak = ["unet_lite0_clinicdb_leak-ab1f861f", "unet_lite0_clinicdb_leak-ea21f41c"]
    return [
        invented("invented, neither method misses an image", missed=0),
        invented("invented, one method misses 10 % of the images", missed=0.1),
        invented("invented, groups of one image, one method misses 3 %", missed=0.03, largest=1),
        recorded("Kvasir-SEG, U-Net and DeepLabV3+", kvasir, [u, near, *others]),
        recorded("Kvasir-SEG, U-Net and FCN16s", kvasir, [u, far, *others]),
        recorded("ISIC-2018, U-Net and Otsu's threshold", lesions, ["unet_lite0_isic2018", "otsu_threshold"]),
        recorded("CVC-ClinicDB, U-Net and FPN", polyps, ["unet_lite0_clinicdb", "fpn_lite0_clinicdb"]),
        recorded("CVC-ClinicDB, U-Net with and without sisters", videos, leak),
    ]


def _aligned(scores: Values, of: np.ndarray) -> Aligned:
    """Scores of methods, (methods, images), on images of some groups, given by number."""
    return Aligned({str(place): row[None] for place, row in enumerate(scores)}, [f"{group:06d}" for group in of])
