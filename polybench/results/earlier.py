"""The fields in which records of schemas 1 to 3 describe methods, as the sections that methods write now."""

from collections.abc import Mapping
from dataclasses import replace

from polybench.results.facts import PassFacts, ProtocolScores, RefinementFacts
from polybench.results.layout import layout_of
from polybench.results.readings import title
from polybench.results.record import Record
from polybench.results.sections import Column, Section, Value

_PIXEL_METRICS = {
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


def sections_of(record: Record) -> Mapping[str, Section]:
    """The sections of a record, those of its earlier fields among them."""
    found = dict(record.sections)
    if record.passes is not None and "feedback" not in found:
        found["feedback"] = section_of_passes(record.passes, record.metrics)
    if record.refinement is not None and "refinement" not in found:
        found["refinement"] = section_of_refinement(record.refinement, record.metrics)
    return found


def without_methods(record: Record) -> Record:
    """A record without what methods say of it."""
    return replace(record, passes=None, refinement=None, sections={})


def section_of_passes(facts: PassFacts, metrics: Mapping[str, ProtocolScores]) -> Section:
    """The section of a net that is given its own mask again, from the field `passes`.

    Args:
        facts: The field.
        metrics: `protocol@version` -> scores of the record.
    """
    images = next(iter(metrics.values())).n
    last = len(next(iter(next(iter(facts.curve.values())).values())))
    reported = f"pass {facts.reported}"
    if facts.reported is None:
        reported = f"each image's fixed point, or pass {last} where it has none"
    ends = (
        f"reported is {reported}; {facts.fixed_points} of {images} images reached a fixed point, {facts.cycles} a "
        f"cycle; passes computed for an image on average: {facts.mean_passes:.3g}"
    )
    headlines = {key: layout_of(scores).headline for key, scores in metrics.items()}
    curves = {
        f"{title(name)} after each pass, {key}": ", ".join(f"{value:.4f}" for value in found[name])
        for key, found in facts.curve.items()
        if (name := headlines.get(key, "")) in found
    }
    return Section(
        title="Masks after each pass",
        facts={**curves, "Passes": ends},
        data={
            "reported": facts.reported,
            "fixed_points": facts.fixed_points,
            "cycles": facts.cycles,
            "mean_passes": facts.mean_passes,
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
    net = facts.classifier_net
    chosen = "chosen on validation" if facts.thresholds_from == "validation" else facts.thresholds_from
    return Section(
        title="Masks before and after refinement",
        note=_REFINEMENT_NOTE,
        columns=_REFINEMENT_COLUMNS,
        rows=_steps(facts, metrics),
        facts={"Refined by": _classifier(facts), "Thresholds": _thresholds(facts)},
        alters=True,
        row_note=f"Masks at a threshold that was {chosen}, then refined by a classifier.",
        added_parameters=net.parameters if net else None,
    )


def _steps(facts: RefinementFacts, metrics: Mapping[str, ProtocolScores]) -> tuple[Mapping[str, Value], ...]:
    """Tested at 0.5, at the mask threshold, and refined; the time of the last is that of all parts."""
    refined = {key: {name: one.value for name, one in scores.values.items()} for key, scores in metrics.items()}
    at, times = f"masks at {facts.mask_threshold:g}", facts.milliseconds
    steps: tuple[tuple[str, str, Mapping[str, Mapping[str, float]], float | None], ...] = (
        ("tested", "tested at 0.5", facts.scores["tested"], times["segmentation"]),
        ("thresholded", at, facts.scores["thresholded"], None),
        ("refined", f"{at}, refined", refined, sum(times.values())),
    )
    return tuple(
        {
            "masks": words,
            **dict(zip(("found", "invented", "missed"), facts.objects[step], strict=True)),
            **_pixels(scores),
            "milliseconds": milliseconds,
        }
        for step, words, scores, milliseconds in steps
    )


def _pixels(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float | None]:
    """Means over the images of the metrics of pixels."""
    return {
        name: next((values.get(metric) for key, values in scores.items() if key.startswith(f"{protocol}@")), None)
        for name, (protocol, metric) in _PIXEL_METRICS.items()
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
