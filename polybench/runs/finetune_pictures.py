"""Figures of a study of fine-tuning: areas against depth and share, and FROC curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from polybench.results.facts import MetricValue
from polybench.results.image_rows import ImageRows, Values
from polybench.runs.finetune_file import Study

COLUMN = "candidates@1"


def area_picture(study: Study, areas: Mapping[str, Sequence[Sequence[MetricValue]]]) -> Figure:
    """Draw areas against depth, a line for each share, and against share, a line for each depth.

    Args:
        study: The study.
        areas: Depth -> for each share the areas of its seeds; means are joined, with their 95 % intervals as bars, and
            each of several seeds is a point.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    depths = list(study.depths)
    for place, share in enumerate(study.shares):
        aside = 0.06 * (place - (len(study.shares) - 1) / 2)  # so that bars don't hide each other
        places = [one + aside for one in range(len(depths))]
        _line(left, places, [areas[depth][place] for depth in depths], f"{share:g} %")
    left.set_xticks(range(len(depths)), depths, rotation=30, ha="right")
    left.set_xlabel("tuned from")
    left.set_ylabel("area under the ROC curve")
    for place, depth in enumerate(depths):
        aside = 1.03 ** (place - (len(depths) - 1) / 2)
        _line(right, [share * aside for share in study.shares], areas[depth], depth)
    right.set_xscale("log")
    right.set_xlim(min(study.shares) / 1.5, max(study.shares) * 1.5)
    right.set_xticks(study.shares, [f"{share:g}" for share in study.shares])
    right.minorticks_off()
    right.set_xlabel("per cent of the training set")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def bar_of(seeds: Sequence[MetricValue]) -> tuple[float, float, float]:
    """Mean area of seeds, and how far the bar reaches below and above it: to the mean of the ends of their intervals.

    Args:
        seeds: The areas of the seeds, at least one; one without an interval has no bar.

    Example:
        >>> seeds = [MetricValue(0.75, 0.5, 1.0, "higher"), MetricValue(0.5, 0.25, 0.75, "higher")]
        >>> bar_of(seeds)
        (0.625, 0.25, 0.25)
    """
    mean = float(np.mean([one.value for one in seeds]))
    low = float(np.mean([one.value if one.low is None else one.low for one in seeds]))
    high = float(np.mean([one.value if one.high is None else one.high for one in seeds]))
    return mean, max(0.0, mean - low), max(0.0, high - mean)


def _line(axes: Axes, places: Sequence[float], values: Sequence[Sequence[MetricValue]], label: str) -> None:
    known = [(place, each) for place, each in zip(places, values, strict=True) if each]
    bars = np.array([bar_of(each) for _, each in known]).reshape(-1, 3)
    line = axes.errorbar(
        [place for place, _ in known], bars[:, 0], bars[:, 1:].T, label=label, capsize=2, linewidth=1.2
    )
    points = [(place, one.value) for place, each in known for one in each]
    axes.plot(*zip(*points, strict=True), ".", color=line.lines[0].get_color()) if points else None


def froc_picture(tables: Mapping[str, ImageRows], share: float) -> Figure:
    """Draw the FROC curve of each depth.

    Args:
        tables: Depth -> the table of its first seed.
        share: Per cent of the training set that they were trained on.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for depth, table in tables.items():
        axes.step(*froc_points(table), where="post", label=depth)
    axes.set_xscale("log")
    axes.set_xlabel(f"false positives per image ({share:g} % of the training set)")
    axes.set_ylabel("sensitivity by lesion")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
    return figure


def froc_points(table: ImageRows) -> tuple[Values, Values]:
    """False positives per image and sensitivity at each threshold of a table of candidates, from the highest.

    Args:
        table: With the columns of `candidates@1`.
    """
    names = ("score", "lesion", "lesions", "candidate")
    score, lesion, lesions, candidate = (np.asarray(table[f"{COLUMN}/{name}"]) for name in names)
    images = [row_id.rpartition("/")[0] for row_id in table.ids]
    of_image = dict(zip(images, lesions.tolist(), strict=True))
    seen: set[tuple[str, float]] = set()
    false, hit, points = 0, 0, []
    order = [place for place in np.argsort(-score, kind="stable").tolist() if candidate[place]]
    for position, place in enumerate(order):
        if lesion[place] < 0:
            false += 1
        elif (images[place], lesion[place]) not in seen:
            seen.add((images[place], lesion[place]))
            hit += 1
        if position + 1 == len(order) or score[order[position + 1]] < score[place]:
            points.append((false / len(of_image), hit / max(1.0, sum(of_image.values()))))
    found = np.array(points, dtype=np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]
