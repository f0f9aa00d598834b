"""The section of a record on a test with mask feedback: the curve over iterations, and how the images ended."""

from collections.abc import Mapping

from polybench.methods.feedback.curve import Curve
from polybench.results.readings import title
from polybench.results.sections import Section


def iteration_section(curve: Curve, reported: int | None, headlines: Mapping[str, str]) -> Section:
    """Describe a test, iteration by iteration.

    Args:
        curve: The scores after each iteration.
        reported: The iteration that the record's metrics are of; None where each image's own fixed point counts.
        headlines: `protocol@version` -> the metric whose curve is shown.
    """
    last = len(next(iter(next(iter(curve.scores.values())).values())))
    counted = (
        f"iteration {reported}" if reported else f"each image's fixed point, or iteration {last} where it has none"
    )
    curves = {
        f"{title(metric)} after each iteration, {key}": ", ".join(f"{value:.4f}" for value in curve.scores[key][metric])
        for key, metric in headlines.items()
        if metric in curve.scores.get(key, {})
    }
    ends = (
        f"reported is {counted}; {curve.fixed_points} of {curve.images} images reached a fixed point, {curve.cycles} a "
        f"cycle; iterations computed for an image on average: {curve.mean_iterations:.3g}"
    )
    return Section(
        title="Mask feedback",
        facts={**curves, "Iterations": ends},
        data={
            "reported": reported,
            "fixed_points": curve.fixed_points,
            "cycles": curve.cycles,
            "mean_iterations": curve.mean_iterations,
            "curve": {
                key: {metric: list(values) for metric, values in scores.items()} for key, scores in curve.scores.items()
            },
        },
        evaluations=curve.mean_iterations,
    )
