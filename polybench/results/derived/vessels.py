"""One confusion matrix of all pixels inside the field of view, as papers on retinal vessels count.

IterNet, BCDU-Net, R2U-Net and many others put the pixels of all test images together, at a threshold of 0.5, and print
F1, accuracy, sensitivity and specificity of the whole. The `fov` protocol takes the mean over images instead, so that
the two can't be compared; both come from the same counts.
"""

from collections.abc import Mapping

from polybench.results.derived.seeds import Estimate, Numbers, Seeds
from polybench.results.image_rows import ImageRows, Values
from polybench.results.recomputed import Sample, confusion
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
    names = [column(protocol, count) for count in COUNTS]
    if not seeds.have(names):
        return None

    def of(rows: ImageRows) -> Numbers:
        def numbers(sample: Sample) -> Mapping[str, Values]:
            found = confusion([sample.sum(name) for name in names])
            return {name: found[ours] for name, ours in METRICS.items()}

        return numbers

    return seeds.estimates(of)
