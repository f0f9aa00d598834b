"""The fields in which records of schemas 1 to 3 describe methods, as the sections that methods write now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from pydantic import JsonValue

from polybench.results.facts import Ancestor, NetFacts, ProtocolScores
from polybench.results.layout import layout_of
from polybench.results.readings import title
from polybench.results.sections import Column, Section, Value
from polybench.results.strict import decode, encode

_METRICS = {
    "f1": ("objects", "f1"),
    "precision": ("objects", "precision"),
    "recall": ("objects", "recall"),
    "iou": ("per_image", "iou"),
    "dice": ("per_image", "dice"),
    "miou": ("keras_fcn", "miou_0.5"),
    "accuracy": ("per_image", "accuracy"),
}
_REFINEMENT_COLUMNS = (
    Column(key="masks", header="Masks", kind="text"),
    Column(key="found", header="Objects found", kind="count", direction="higher"),
    Column(key="invented", header="Objects invented", kind="count", direction="lower"),
    Column(key="missed", header="Objects missed", kind="count", direction="lower"),
    Column(key="f1", header="F1 of objects", direction="higher"),
    Column(key="precision", header="Precision of objects", direction="higher"),
    Column(key="recall", header="Recall of objects", direction="higher"),
    Column(key="iou", header="IoU", direction="higher"),
    Column(key="dice", header="Dice", direction="higher"),
    Column(key="miou", header="mIoU of keras_fcn", direction="higher"),
    Column(key="accuracy", header="Pixel accuracy", direction="higher"),
    Column(key="milliseconds", header="Milliseconds per image", decimals=2, direction="lower"),
)
_REFINEMENT_NOTE = (
    "A classifier of patches classifies each connected region of a mask, cut out of the image; regions that are no "
    "object are removed, with what lies in their holes. Objects are counted as by the protocol objects; the other "
    "numbers are means over the images, by per_image where the column doesn't name another protocol. A mask has no "
    "other thresholds and no network's size, so that protocols which need them leave refined rows out, and the "
    "numbers of keras_fcn at 0.2 and at 0.5 are of one mask. Times are those of one image on the row's device: "
    "segmentation alone, then all parts."
)


FIELDS = ("passes", "refinement")
"""Fields of schemas 1 to 3."""
CLASSES = ("PassFacts", "RefinementFacts")
"""What was importable from `polybench.results.facts`."""


@dataclass(frozen=True)
class PassFacts:
    """The field `passes`: scores after each iteration of mask feedback (FANet).

    Attributes:
        reported: The iteration that the record's metrics are of; None where each image's own fixed point counts.
        fixed_points: Test images whose mask repeated itself.
        cycles: Test images with several masks that alternate; the others were still moving.
        mean_passes: Iterations that had to be computed, a mean over the test images.
        curve: `protocol@version` -> metric -> number after each iteration.
    """

    reported: int | None
    fixed_points: int
    cycles: int
    mean_passes: float
    curve: Mapping[str, Mapping[str, tuple[float, ...]]]


@dataclass(frozen=True)
class RefinementFacts:
    """The field `refinement`: the classifier that refined masks, its thresholds, and the scores before.

    Attributes:
        classifier: The classifier's checkpoint, and what trained it.
        classifier_ancestors: Where its backbone came from, oldest first.
        mask_threshold: Least probability of the foreground at native size.
        region_threshold: A region is kept where the classifier's probability of an object exceeds it.
        thresholds_from: Where both come from.
        regions: Regions found in all test images.
        removed: Those of them that the classifier removed.
        objects: Step -> true positives, false positives and false negatives of the objects: `tested` (at 0.5, as any
            test does), `thresholded` (at `mask_threshold`), `refined`.
        scores: Step, the first two of them -> `protocol@version` -> metric -> number.
        milliseconds: Part of the work (`segmentation`, `regions`, `classification`) -> mean time for a test image, each
            process's first batch left out where there are others.
        classifier_net: The classifier's net, multiply-accumulate operations for one patch; None in records of earlier
            versions.
    """

    classifier: Ancestor
    classifier_ancestors: tuple[Ancestor, ...]
    mask_threshold: float
    region_threshold: float
    thresholds_from: Literal["validation", "released", "given"]
    regions: int
    removed: int
    objects: Mapping[str, tuple[int, int, int]]
    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    milliseconds: Mapping[str, float]
    classifier_net: NetFacts | None = None


def sections_of(fields: Mapping[str, object], metrics: Mapping[str, ProtocolScores]) -> dict[str, Section]:
    """The sections that stand for the earlier fields of a record.

    Args:
        fields: The fields, as the record's JSON has them.
        metrics: `protocol@version` -> scores of the record.

    Raises:
        ValueError: If a field has unknown or missing keys, values of other types, or lacks numbers.
    """
    found = {}
    if fields.get("passes") is not None:
        found["feedback"] = section_of_passes(decode(PassFacts, fields["passes"], "passes"), metrics)
    if fields.get("refinement") is not None:
        facts = decode(RefinementFacts, fields["refinement"], "refinement")
        found["refinement"] = section_of_refinement(facts, metrics)
    return found


def section_of_passes(facts: PassFacts, metrics: Mapping[str, ProtocolScores]) -> Section:
    """The section of a net that is given its own mask again, from the field `passes`.

    Args:
        facts: The field.
        metrics: `protocol@version` -> scores of the record.
    """
    lengths = {len(numbers) for found in facts.curve.values() for numbers in found.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError("passes.curve must have a number for each pass, as many for each metric.")
    if not metrics:
        raise ValueError("passes is the curve of metrics that the record lacks.")
    images, last = next(iter(metrics.values())).n, lengths.pop()
    reported = f"iteration {facts.reported}"
    if facts.reported is None:
        reported = f"each image's fixed point, or iteration {last} where it has none"
    ends = (
        f"reported is {reported}; {facts.fixed_points} of {images} images reached a fixed point, {facts.cycles} a "
        f"cycle; iterations computed for an image on average: {facts.mean_passes:.3g}"
    )
    headlines = {key: layout_of(scores).headline for key, scores in metrics.items()}
    curves = {
        f"{title(name)} after each iteration, {key}": ", ".join(f"{value:.4f}" for value in found[name])
        for key, found in facts.curve.items()
        if (name := headlines.get(key, "")) in found
    }
    return Section(
        title="Mask feedback",
        facts={**curves, "Iterations": ends},
        data={
            "reported": facts.reported,
            "fixed_points": facts.fixed_points,
            "cycles": facts.cycles,
            "mean_iterations": facts.mean_passes,
            "curve": {
                key: {name: list(values) for name, values in found.items()} for key, found in facts.curve.items()
            },
        },
        evaluations=facts.mean_passes,
    )


def section_of_refinement(facts: RefinementFacts, metrics: Mapping[str, ProtocolScores]) -> Section:
    """The section of a test whose masks a classifier refined, from the field `refinement`.

    Args:
        facts: The field.
        metrics: `protocol@version` -> scores of the record.
    """
    _check_parts(facts)
    net = facts.classifier_net
    chosen = "chosen on validation" if facts.thresholds_from == "validation" else facts.thresholds_from
    return Section(
        title="Masks before and after refinement",
        note=_REFINEMENT_NOTE,
        columns=_REFINEMENT_COLUMNS,
        rows=_steps(facts, metrics),
        facts={"Refined by": _classifier(facts), "Thresholds": _thresholds(facts)},
        data=cast(dict[str, JsonValue], encode(facts)),
        alters=True,
        row_note="Another test of a net that is trained in its own row: masks at a threshold that was "
        f"{chosen}, then refined by a classifier.",
        added_parameters=net.parameters if net else None,
    )


def _check_parts(facts: RefinementFacts) -> None:
    """Check that the parts that pages show are there.

    Raises:
        ValueError: If one is missing.
    """
    parts: dict[str, tuple[Mapping[str, object], tuple[str, ...]]] = {
        "objects": (facts.objects, ("tested", "thresholded", "refined")),
        "scores": (facts.scores, ("tested", "thresholded")),
        "milliseconds": (facts.milliseconds, ("segmentation", "regions", "classification")),
    }
    for key, (found, needed) in parts.items():
        if missing := [name for name in needed if name not in found]:
            raise ValueError(f"refinement.{key} lacks '{missing[0]}'.")


def _steps(facts: RefinementFacts, metrics: Mapping[str, ProtocolScores]) -> tuple[Mapping[str, Value], ...]:
    """Tested at 0.5, at the mask threshold, and refined; the time of the last is that of all parts."""
    refined = {key: {name: one.value for name, one in scores.values.items()} for key, scores in metrics.items()}
    times = facts.milliseconds
    steps: tuple[tuple[str, str, Mapping[str, Mapping[str, float]], float | None], ...] = (
        ("tested", "tested at 0.5", facts.scores["tested"], times["segmentation"]),
        ("thresholded", "at the mask threshold", facts.scores["thresholded"], None),
        ("refined", "refined", refined, sum(times.values())),
    )
    return tuple(
        {
            "masks": words,
            **dict(zip(("found", "invented", "missed"), facts.objects[step], strict=True)),
            **_numbers(scores),
            "milliseconds": milliseconds,
        }
        for step, words, scores, milliseconds in steps
    )


def _numbers(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float | None]:
    """The metrics of `_METRICS`; None for one of which the record has no number."""
    return {
        name: next((values.get(metric) for key, values in scores.items() if key.startswith(f"{protocol}@")), None)
        for name, (protocol, metric) in _METRICS.items()
    }


def _classifier(facts: RefinementFacts) -> str:
    by, net = facts.classifier, facts.classifier_net
    parts = [part for part in (by.stage, by.task, by.dataset) if part]
    if net is not None:
        parts.append(f"{net.parameters:,} parameters")
    if net is not None and net.macs is not None:
        parts.append(f"{net.macs:,} multiply-accumulates per patch")
    parts.append(by.sha256)
    if facts.classifier_ancestors:
        parts.append("descended from " + ", ".join(one.sha256 for one in facts.classifier_ancestors))
    return ", ".join(parts)


def _thresholds(facts: RefinementFacts) -> str:
    origin = {"validation": "chosen on the validation images", "released": "those of the released code"}
    return (
        f"masks at {facts.mask_threshold:g}, regions kept above {facts.region_threshold:g}, "
        f"{origin.get(facts.thresholds_from, 'given on the command line')}: {facts.removed} of {facts.regions} regions "
        "removed"
    )
