"""One confusion matrix of all pixels inside the field of view, as papers on retinal vessels count.

IterNet, BCDU-Net, R2U-Net and many others put the pixels of all test images together, at a threshold of 0.5, and print
F1, accuracy, sensitivity and specificity of the whole. The `fov` protocol takes the mean over images instead, so that
the two can't be compared; both come from the same counts.
"""

from collections.abc import Sequence

from polybench.results.derived.seeds import Estimate, Seeds, estimates_of, of_those_with
from polybench.results.image_rows import Values
from polybench.results.recomputed import confusion
from polybench.results.statistics.intervals import column
from polybench.results.table_columns import COUNTS

METRICS = {"f1": "dice", "accuracy": "accuracy", "sensitivity": "recall", "specificity": "specificity"}
"""Name in papers on vessels -> polybench's."""


def vessel_scores(seeds: Seeds, protocol: str = "fov@2") -> dict[str, Estimate] | None:
    """Compute the scores of all pixels together.

    Args:
        seeds: The tables of a row.
        protocol: `name@version` of the protocol whose counts are those inside the field of view.

    Returns:
        Name of `METRICS` -> score; None where the tables don't have the counts.
    """
    return vessel_scores_of([seeds], protocol)[0]


def vessel_scores_of(rows: Sequence[Seeds], protocol: str) -> list[dict[str, Estimate] | None]:
    """The same of many rows at once."""
    names = [column(protocol, count) for count in COUNTS]
    return of_those_with(
        names,
        rows,
        lambda known: estimates_of(_numbers, [one.groups for one in known], [one.values(names) for one in known]),
    )


def _numbers(counts: Values) -> dict[str, Values]:
    """Scores of counts, (..., 4, draws)."""
    found = confusion([counts[..., place, :] for place in range(len(COUNTS))])
    return {name: found[ours] for name, ours in METRICS.items()}
