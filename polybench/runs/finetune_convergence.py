"""Curves of convergence of a study, from its records alone: validation AUC against mini-batches on a logarithmic axis.

Paper: Tajbakhsh et al., IEEE TMI 2016, Figure 10: the net that is tuned in all layers, and those from scratch with
Gaussian, Xavier and MSRA start weights. Two classes of interfaces are merged to a positive one, as the protocol
`classes` has it.
"""

from typing import cast

import numpy as np
from matplotlib.figure import Figure

from polybench.results.record import Record
from polybench.runs.finetune_file import SCRATCH
from polybench.runs.finetune_runs import SECTION, StudyRuns

TEXT = """\
Area under the ROC curve of validation after 1, 2, 5, 10 ... mini-batches: the net with the most layers tuned, and those
from scratch. The mean over seeds is joined, each seed is a point."""

Curves = dict[str, list[list[tuple[int, float]]]]
"""Depth -> the points of each of its seeds: mini-batches, and the area."""


def convergence(runs: StudyRuns, share: float) -> Curves:
    """The curves of the deepest tuning and of those from scratch; empty where no run took snapshots.

    Args:
        runs: The study.
        share: Per cent of the training set.
    """
    tuned = [depth for depth in runs.study.depths if not depth.startswith(SCRATCH)]
    shown = [*tuned[-1:], *(depth for depth in runs.study.depths if depth.startswith(SCRATCH))]
    found = {depth: [points_of(one.record) for one in runs.of(depth, share)] for depth in shown}
    return {depth: [one for one in some if one] for depth, some in found.items() if any(some)}


def points_of(record: Record) -> list[tuple[int, float]]:
    """The snapshots of a run."""
    section = record.sections.get(SECTION)
    points = [] if section is None else cast(list[tuple[int, float]], section.data.get("snapshots", []))
    return [(int(batches), float(area)) for batches, area in points]


def convergence_picture(curves: Curves) -> Figure:
    """Draw curves of convergence.

    Args:
        curves: Depth -> the points of its seeds.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for depth, seeds in curves.items():
        areas: dict[int, list[float]] = {}
        for batches, area in (point for points in seeds for point in points):
            areas.setdefault(batches, []).append(area)
        places = sorted(areas)
        label = depth.replace("_", ", ") if depth.startswith(SCRATCH) else f"tuned from {depth}"
        (line,) = axes.plot(places, [float(np.mean(areas[one])) for one in places], label=label)
        points = [(place, area) for place in places for area in areas[place]]
        axes.plot(*zip(*points, strict=True), ".", color=line.get_color())
    axes.set_xscale("log")
    axes.set_xlabel("mini-batches")
    axes.set_ylabel("validation AUC")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
