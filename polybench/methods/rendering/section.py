"""The section of a record on rendered masks: the scores before and after the refinement."""

from collections.abc import Mapping
from typing import NamedTuple

from polybench.metrics import PER_IMAGE
from polybench.results.readings import title
from polybench.results.sections import Section


class Compared(NamedTuple):
    """Scores of the same images, metric -> number.

    Attributes:
        before: Of the upsampled coarse prediction.
        after: Of the refined one.
    """

    before: Mapping[str, float]
    after: Mapping[str, float]


def rendering_section(compared: Compared, refined: float) -> Section:
    """Describe a test with and without refinement.

    Args:
        compared: Both scores.
        refined: Share of the pixels of each image that were predicted anew.
    """
    shown = [PER_IMAGE.headline, *(metric for metric in PER_IMAGE.shown if metric != PER_IMAGE.headline)]
    scores = ", ".join(
        f"{title(metric)} {compared.before[metric]:.4f} before and {compared.after[metric]:.4f} after"
        for metric in shown
        if metric in compared.before
    )
    return Section(
        title="Attention rendering",
        facts={
            "Refined": f"{100 * refined:g} % of the pixels of each image",
            f"Refinement, {PER_IMAGE.key}": scores,
        },
        data={"refined": refined, "before": dict(compared.before), "after": dict(compared.after)},
    )
