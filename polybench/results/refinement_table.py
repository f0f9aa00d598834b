"""What refinement changed, in words: objects, pixels and time before and after (Tables I to IV of the paper)."""

from collections.abc import Iterable, Mapping, Sequence

from polybench.results import format as formats
from polybench.results.facts import RefinementFacts
from polybench.results.record import Record

REFINEMENT_COLUMNS = {
    "Recipe": ":---",
    "Seed": "---:",
    "Masks": ":---",
    "Objects found": "---:",
    "Invented": "---:",
    "Missed": "---:",
    "IoU": "---:",
    "Dice": "---:",
    "mIoU (`keras_fcn`)": "---:",
    "Pixel accuracy": "---:",
    "Milliseconds per image": "---:",
}
"""Title -> alignment, in Markdown."""
_PIXEL_METRICS = (("per_image", "iou"), ("per_image", "dice"), ("keras_fcn", "miou_0.5"), ("per_image", "accuracy"))


def refinement_rows(runs: Iterable[tuple[str, Record]]) -> tuple[list[str], ...]:
    """The cells of `REFINEMENT_COLUMNS`, three lines for each refined run.

    Args:
        runs: What to call a run, in Markdown, and its record; those that no classifier refined have no line.
    """
    return tuple(
        cells
        for name, record in runs
        if record.refinement is not None
        for cells in _lines(name, record, record.refinement)
    )


def refinement_facts(runs: Sequence[Record]) -> list[tuple[str, str]]:
    """Label -> text for the runs of a row: which classifier, which thresholds, what it removed; nothing if none did."""
    refined = [(f"seed {run.seed}: " if len(runs) > 1 else "", run.refinement) for run in runs if run.refinement]
    if not refined:
        return []
    classifiers = [f"{seed}{_classifier(facts)}" for seed, facts in refined]
    thresholds = [f"{seed}{_thresholds(facts)}" for seed, facts in refined]
    return [("Refined by", "; ".join(classifiers)), ("Thresholds", "; ".join(thresholds))]


def _classifier(facts: RefinementFacts) -> str:
    by = facts.classifier
    what = ", ".join(formats.text(part) for part in (by.stage, by.task, by.dataset) if part)
    lineage = ", ".join(formats.code(one.sha256) for one in facts.classifier_ancestors)
    net = facts.classifier_net
    size = f", {net.parameters:,} parameters" if net else ""
    if net and net.macs is not None:
        size += f", {net.macs:,} multiply-accumulates per patch"
    return f"{what}{size}, {formats.code(by.sha256)}" + (f", descended from {lineage}" if lineage else "")


def _thresholds(facts: RefinementFacts) -> str:
    origin = {"validation": "chosen on the validation images", "released": "those of the released code"}
    return (
        f"masks at {facts.mask_threshold:g}, regions kept above {facts.region_threshold:g}, "
        f"{origin.get(facts.thresholds_from, 'given on the command line')}: {facts.removed} of {facts.regions} regions "
        "removed"
    )


def _lines(name: str, record: Record, facts: RefinementFacts) -> list[list[str]]:
    """Tested at 0.5, at the mask threshold, and refined; the work of the last is that of all parts."""
    refined = {
        protocol: {metric: value.value for metric, value in scores.values.items()}
        for protocol, scores in record.metrics.items()
    }
    at, times = f"masks at {facts.mask_threshold:g}", facts.milliseconds
    steps = (
        ("tested", "tested at 0.5", facts.scores["tested"], f"{times['segmentation']:.3g}"),
        ("thresholded", at, facts.scores["thresholded"], formats.DASH),
        ("refined", f"{at}, refined", refined, f"{sum(times.values()):.3g}"),
    )
    return [
        [name, str(record.seed), words, *map(str, facts.objects[step]), *_pixels(scores), time]
        for step, words, scores, time in steps
    ]


def _pixels(scores: Mapping[str, Mapping[str, float]]) -> list[str]:
    """IoU and Dice of the object, the mean IoU of object and background, and accuracy: means over the images."""
    found = (
        next((values.get(metric) for key, values in scores.items() if key.startswith(f"{protocol}@")), None)
        for protocol, metric in _PIXEL_METRICS
    )
    return [formats.DASH if value is None else formats.fraction(value) for value in found]
