"""Per-image tables of maps that a test makes, through the statistics that a test of a net stores."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from polybench.metrics import PER_IMAGE, STORED
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import FOV, PATCHES
from polybench.metrics.sufficient import Rows
from polybench.scoring.folder import StoredMap, stored_rows

Array = np.ndarray


def table(
    maps: Sequence[tuple[Array, Array]], groups: Sequence[str] | None = None, valid: Array | None = None
) -> pd.DataFrame:
    """A table of probability maps and masks, ids i0, i1, ...; by default every image is a group of its own."""
    items = [
        StoredMap(f"i{k}", groups[k] if groups else f"i{k}", probability.astype(np.float32), mask, valid)
        for k, (probability, mask) in enumerate(maps)
    ]
    return image_table(stored_rows(items, [PER_IMAGE, FOV], STORED), [PER_IMAGE, FOV])


def patches(probability: Sequence[float], positive: Sequence[bool], groups: Sequence[str]) -> pd.DataFrame:
    ids = [f"p{k}" for k in range(len(probability))]
    return image_table(
        Rows(ids, list(groups), {"score": np.array(probability), "positive": np.array(positive)}), [PATCHES]
    )


def smooth(seed: int, size: tuple[int, int] = (23, 31)) -> tuple[Array, Array]:
    """A smooth probability map strictly between 0 and 1, and a mask that agrees with it in part."""
    from scipy import ndimage

    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(2, *size)), (0, 2, 2)) * 8
    return (1 / (1 + np.exp(-noise[0]))).astype(np.float32), noise.sum(axis=0) > 0.3
