"""Surface distance: the share of both outlines that lies near the other one.

Normalised surface distance at a tolerance (Nikolov et al., JMIR 23(7), 2021, "surface Dice"): of the pixels of the
predicted and of the true outline together, the share within so many pixels of the other outline. Outlines and distances
are those of the `boundary` protocol, at native size inside the field of view; an outline's pixels count alike, where
the paper weighs pieces of the surface by their area. It is 1 where neither mask has an outline, and 0 where one of them
has none.
"""

from functools import partial

import numpy as np

from polybench.results.derived.seeds import Estimate, Seeds
from polybench.results.image_rows import ImageRows, Values

STORED = "surface@1"
TOLERANCES = (1, 2, 5)
"""In pixels."""


def surface_distance(seeds: Seeds) -> dict[int, Estimate] | None:
    """Tolerance in pixels -> mean over images; None where the tables don't store what is needed."""
    parts = ("predicted_pixels", "true_pixels", *(f"{of}_near_{t}" for of in ("predicted", "true") for t in TOLERANCES))
    if not seeds.have([f"{STORED}/{part}" for part in parts]):
        return None
    return seeds.means({tolerance: partial(overlap, tolerance=tolerance) for tolerance in TOLERANCES})


def overlap(rows: ImageRows, tolerance: int) -> Values:
    """Normalised surface distance of each image, (n,).

    Args:
        rows: A table that stores the outlines.
        tolerance: One of `TOLERANCES`.
    """

    def both(part: str) -> Values:
        return rows[f"{STORED}/predicted_{part}"] + rows[f"{STORED}/true_{part}"]

    pixels, near = both("pixels"), both(f"near_{tolerance}")
    return np.where(pixels > 0, near / np.maximum(pixels, 1.0), 1.0)
