"""Surface distance: the share of both outlines that lies near the other one.

Normalised surface distance at a tolerance (Nikolov et al., JMIR 23(7), 2021, "surface Dice"): of the pixels of the
predicted and of the true outline together, the share within so many pixels of the other outline. Outlines and distances
are those of the `boundary` protocol, at native size inside the field of view; an outline's pixels count alike, where
the paper weighs pieces of the surface by their area. It is 1 where neither mask has an outline, and 0 where one of them
has none.
"""

from collections.abc import Sequence

import numpy as np

from polybench.results.derived.seeds import Estimate, Seeds, means_of, of_those_with
from polybench.results.image_rows import Values

STORED = "surface@1"
TOLERANCES = (1, 2, 5)
"""In pixels."""


_PARTS = ("pixels", *(f"near_{tolerance}" for tolerance in TOLERANCES))
_COLUMNS = tuple(f"{STORED}/{of}_{part}" for of in ("predicted", "true") for part in _PARTS)


def surface_distance(seeds: Seeds) -> dict[int, Estimate] | None:
    """Tolerance in pixels -> mean over images; None where the tables don't store what is needed."""
    return surface_distances([seeds])[0]


def surface_distances(rows: Sequence[Seeds]) -> list[dict[int, Estimate] | None]:
    """The same of many rows at once."""
    return of_those_with(
        _COLUMNS,
        rows,
        lambda known: means_of(
            TOLERANCES, [one.groups for one in known], [_overlaps(one.values(_COLUMNS)) for one in known]
        ),
    )


def _overlaps(values: Values) -> Values:
    """The share near the other outline at each tolerance, of the columns (seeds, 8, n): (seeds, 3, n)."""
    both = values[:, : len(_PARTS)] + values[:, len(_PARTS) :]
    pixels, near = both[:, :1], both[:, 1:]
    return np.where(pixels > 0, near / np.maximum(pixels, 1.0), 1.0)
