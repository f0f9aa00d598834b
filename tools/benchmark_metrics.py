"""Time polybench's metrics against PySODMetrics (S, weighted F, E, MAE, sweeps) and scikit-learn (confusion metrics).

Maps of 8 bits at native size, a few images at a time from the maps to the set's numbers, both programs in turn on one
thread, in processor time, so that a busy machine slows neither more than the other; ratios are of medians. Masks are
those of Kvasir-SEG where its folder is given, else ellipses of 620 x 530 pixels; maps are the masks with a soft rim
and smooth errors along it. The numbers of both must agree.

    python tools/benchmark_metrics.py --data Kvasir-SEG
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import numpy as np
import py_sod_metrics as sod
import torch
from rich.console import Console
from rich.table import Table
from scipy import ndimage
from sklearn import metrics as sk

from polybench.data.images import UInt8Array, read_mask
from polybench.data.listing import list_files
from polybench.metrics import PER_IMAGE, Protocol
from polybench.metrics.measures.labels import Mask
from polybench.metrics.protocols.pranet import PRANET
from polybench.scoring.folder import StoredMap, stored_rows

SYNTHETIC = (530, 620)
WIDTH, SHIFT, SMOOTHNESS = 6, 12, 12  # of the maps' soft rims, of the errors that move them, of these errors; pixels

SET = 5
"""Images that are scored at a time."""

Pair = tuple[UInt8Array, Mask]
Score = Callable[[Sequence[Pair]], dict[str, float]]


class Timed(NamedTuple):
    """What a comparison found: milliseconds per image of both programs, and the largest difference of a number."""

    ours: list[float]
    theirs: list[float]
    difference: float

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return median(self.theirs) / median(self.ours)


def masks_of(folder: Path | None, n: int) -> Iterator[Mask]:
    """The first masks of a copy of Kvasir-SEG, or ellipses without one."""
    if folder is not None:
        for path in list_files(folder / "masks").files[:n]:
            yield read_mask(path) > 0
        return
    random = np.random.default_rng(0)
    y, x = np.mgrid[: SYNTHETIC[0], : SYNTHETIC[1]]
    for _ in range(n):
        centre, radii = random.uniform(0.3, 0.7, 2) * SYNTHETIC, random.uniform(0.1, 0.3, 2) * SYNTHETIC
        yield ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 < 1


def map_of(mask: Mask, seed: int) -> UInt8Array:
    """A map (H, W) of 8 bits as a trained net gives it: sure far from the rim, soft and partly wrong along it."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=mask.shape), SMOOTHNESS)
    inwards = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    logits = (inwards + SHIFT * noise / noise.std()) / WIDTH
    levels: UInt8Array = np.round(255 / (1 + np.exp(-logits))).astype(np.uint8)
    return levels


def ours(protocol: Protocol) -> Score:
    """Score a set as `polybench score` does."""

    def score(pairs: Sequence[Pair]) -> dict[str, float]:
        maps = (
            StoredMap(f"{place}", "", levels.astype(np.float32) / np.float32(255), mask, None)
            for place, (levels, mask) in enumerate(pairs)
        )
        return protocol.scores(stored_rows(maps, (protocol,)))

    return score


def structure_measures(pairs: Sequence[Pair]) -> dict[str, float]:
    """PySODMetrics' numbers of a set; with beta 1 its F-measure is the Dice."""
    names = ("sm", "wfm", "em", "fm", "mae")
    measures: list[Any] = [
        sod.Smeasure(),
        sod.WeightedFmeasure(beta=1),
        sod.Emeasure(),
        sod.Fmeasure(beta=1),
        sod.MAE(),
    ]
    for levels, mask in pairs:
        truth = mask.view(np.uint8) * 255
        for measure in measures:
            measure.step(levels, truth)
    found = {name: measure.get_results()[name] for name, measure in zip(names, measures, strict=True)}
    alignment, dice = found["em"]["curve"], found["fm"]["curve"]
    return {
        "mean_dice": float(dice.mean()),
        "max_dice": float(dice.max()),
        "s_measure": float(found["sm"]),
        "weighted_f": float(found["wfm"]),
        "mean_e": float(alignment.mean()),
        "max_e": float(alignment.max()),
        "mae": float(found["mae"]),
    }


def confusion_metrics(pairs: Sequence[Pair]) -> dict[str, float]:
    """scikit-learn's numbers of a set: means over its images."""
    values: dict[str, list[float]] = {}
    for levels, mask in pairs:
        truth, prediction = mask.ravel(), levels.ravel() >= 127.5
        found = {
            "dice": sk.f1_score(truth, prediction),
            "iou": sk.jaccard_score(truth, prediction),
            "precision": sk.precision_score(truth, prediction),
            "recall": sk.recall_score(truth, prediction),
            "f2": sk.fbeta_score(truth, prediction, beta=2),
            "specificity": sk.recall_score(truth, prediction, pos_label=0),
            "accuracy": sk.accuracy_score(truth, prediction),
        }
        for name, value in found.items():
            values.setdefault(name, []).append(float(value))
    return {name: mean(numbers) for name, numbers in values.items()}


def compare(pairs: Sequence[Pair], first: Score, second: Score) -> Timed:
    """Score every set with both, in turn; the first set once before, to warm up.

    Args:
        pairs: Maps and masks.
        first: Ours.
        second: Theirs, whose every number ours has too.
    """
    times: tuple[list[float], list[float]] = [], []
    difference = 0.0
    sets = [pairs[start : start + SET] for start in range(0, len(pairs), SET)]
    for images in (sets[0], *sets):
        found: list[Mapping[str, float]] = []
        for score, taken in zip((first, second), times, strict=True):
            start = time.process_time()
            found.append(score(images))
            taken.append(1000 * (time.process_time() - start) / len(images))
        difference = max(difference, *(abs(found[0][name] - value) for name, value in found[1].items()))
    return Timed(times[0][1:], times[1][1:], difference)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both comparisons; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, help="folder of Kvasir-SEG; without it masks are ellipses")
    parser.add_argument("--images", type=int, default=100, help="how many")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="This class will be removed in the future")  # PySODMetrics' Fmeasure
    pairs = [(map_of(mask, seed), mask) for seed, mask in enumerate(masks_of(options.data, options.images))]
    pixels = median(mask.size for _, mask in pairs) / 1e6
    table = Table("per image", "polybench ms", "other ms", "times faster", "largest difference")
    for name, protocol, other in (
        ("S, weighted F, E, MAE, sweeps; PySODMetrics", PRANET, structure_measures),
        ("confusion metrics; scikit-learn", PER_IMAGE, confusion_metrics),
    ):
        timed = compare(pairs, ours(protocol), other)
        milliseconds = [f"{median(values):.1f}" for values in (timed.ours, timed.theirs)]
        table.add_row(name, *milliseconds, f"{timed.ratio:.1f}", f"{timed.difference:.1e}")
    kind = "ellipses" if options.data is None else "masks of Kvasir-SEG"
    Console().print(f"{len(pairs)} {kind}, median {pixels:.2f} megapixels, one thread", table, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
