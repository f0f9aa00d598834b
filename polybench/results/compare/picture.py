"""Per-image scores of two rows against each other."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from polybench.results.compare.compared import Compared
from polybench.results.readings import title

MOST_PANELS = 6


def draw(found: Compared) -> Figure:
    """Draw each row, or the best of them, against the best one: a point an image, equal scores on the diagonal.

    Args:
        found: The comparison; the images that differ most have their numbers in the table of them.
    """
    others = list(range(1, len(found.rows)))[:MOST_PANELS]
    columns = min(len(others), 3)
    lines = -(-len(others) // columns)
    figure = Figure(figsize=(4 * columns, 4.1 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, other in zip(panels, others, strict=False):
        _panel(axes, found, other)
    for axes in panels[len(others) :]:
        axes.set_axis_off()
    return figure


def _panel(axes: Axes, found: Compared, other: int) -> None:
    images = found.scores.images * found.sign
    best, others = images[0], images[other]
    low, high = min(best.min(), others.min()), max(best.max(), others.max())
    margin = 0.03 * (high - low) or 0.03
    axes.plot([low, high], [low, high], color="0.6", linewidth=1, zorder=1)
    won = (found.scores.images[0] > found.scores.images[other]).sum()
    lost = (found.scores.images[0] < found.scores.images[other]).sum()
    axes.scatter(others, best, s=14, alpha=0.7, color="C0", edgecolors="none", zorder=2)
    marked = found.most_different()
    axes.scatter(others[marked], best[marked], s=14, color="C1", edgecolors="none", zorder=3)
    for number, place in enumerate(marked, 1):
        axes.annotate(str(number), (others[place], best[place]), xytext=(3, 2), textcoords="offset points", fontsize=7)
    axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
    axes.set_xlabel(found.rows[other].name, fontsize=9)
    axes.set_ylabel(found.rows[0].name, fontsize=9)
    less = ", less is better" if found.direction == "lower" else ""
    axes.set_title(f"{title(found.metric)} of each {found.one}{less}: {won} won, {lost} lost", fontsize=9)
