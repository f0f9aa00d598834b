"""The section on a refined test: objects, pixels and time before and after (Tables I to IV of the paper)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polybench.methods.refinement.options import ORIGINS
from polybench.methods.refinement.thresholds import Thresholds
from polybench.metrics import PER_IMAGE, Protocol, Rows
from polybench.metrics.protocols import KERAS_FCN, OBJECTS
from polybench.results.facts import Ancestor, NetFacts
from polybench.results.readings import readings, title
from polybench.results.sections import Column, Section
from polybench.results.strict import encode

STEPS = {"tested": "tested at 0.5", "thresholded": "at the mask threshold", "refined": "refined"}
"""Steps of a refined test -> their names in the table."""

NOTE = (
    "A classifier of patches classifies each connected region of a mask, cut out of the image; regions that are no "
    "object are removed, with what lies in their holes. Objects are counted as by the protocol objects; the other "
    "numbers are means over the images, by per_image where the column doesn't name another protocol. A mask has no "
    "other thresholds and no network's size, so that protocols which need them leave refined rows out, and the "
    "numbers of keras_fcn at 0.2 and at 0.5 are of one mask. Times are those of one image on the row's device: "
    "segmentation alone, then all parts."
)

COLUMNS = (
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

HEADLINES = ("dice", "iou")
"""What is compared of a protocol that has many metrics."""


@dataclass(frozen=True)
class RefinedTest:
    """A test whose masks were refined.

    Attributes:
        lineage: The classifier and where its backbone came from, oldest first, the classifier last.
        thresholds: By which masks were refined.
        regions: Regions found in all images.
        removed: Those of them that were removed.
        rows: Rows of the masks at each of `STEPS`.
        milliseconds: Part of the work -> mean time for an image.
        net: The classifier's net; None where its record is unknown.
    """

    lineage: tuple[Ancestor, ...]
    thresholds: Thresholds
    regions: int
    removed: int
    rows: Mapping[str, Rows]
    milliseconds: Mapping[str, float]
    net: NetFacts | None


def refinement_section(test: RefinedTest, ranked_by: Protocol) -> Section:
    """Describe a refined test.

    Args:
        test: The test.
        ranked_by: The protocol that ranks the dataset.
    """
    shown = (OBJECTS, KERAS_FCN, PER_IMAGE)
    protocols = shown if ranked_by in shown else (*shown, ranked_by)
    scores = {step: {one.key: one.scores(rows) for one in protocols} for step, rows in test.rows.items()}
    objects = {step: [int(count) for count in test.rows[step].integers("objects").sum(axis=0)] for step in STEPS}
    origin = "chosen on validation" if test.thresholds.origin == "validation" else test.thresholds.origin
    return Section(
        title="Masks before and after refinement",
        note=NOTE,
        columns=COLUMNS,
        rows=tuple(_row(step, objects[step], scores[step], test.milliseconds) for step in STEPS),
        facts={"Refined by": _classifier(test), "Thresholds": _thresholds(test), **_further(scores, protocols)},
        data=_data(test, objects, scores),
        alters=True,
        row_note="Another test of a net that is trained in its own row: masks at a threshold that was "
        f"{origin}, then refined by a classifier.",
        added_parameters=test.net.parameters if test.net else None,
    )


def _row(
    step: str, objects: list[int], scores: Mapping[str, Mapping[str, float]], milliseconds: Mapping[str, float]
) -> dict[str, str | int | float | None]:
    """A line of the table; the work of the last step is that of all parts."""
    times = {"tested": milliseconds["segmentation"], "refined": sum(milliseconds.values())}
    found, pixels = scores[OBJECTS.key], scores[PER_IMAGE.key]
    return {
        "masks": STEPS[step],
        **dict(zip(("found", "invented", "missed"), objects, strict=True)),
        **{metric: found[metric] for metric in ("f1", "precision", "recall")},
        **{metric: pixels[metric] for metric in ("iou", "dice", "accuracy")},
        "miou": scores[KERAS_FCN.key]["miou_0.5"],
        "milliseconds": times.get(step),
    }


def _further(
    scores: Mapping[str, Mapping[str, Mapping[str, float]]], protocols: tuple[Protocol, ...]
) -> dict[str, str]:
    """What the other protocols say of each step: `keras_fcn` at 0.5, and Dice and IoU of what ranks the dataset."""
    facts = {}
    for protocol in protocols:
        if protocol in (OBJECTS, PER_IMAGE):
            continue
        reading = "at 0.5" if protocol is KERAS_FCN else ""
        of_steps = [readings(scores[step][protocol.key]).get(reading, {}) for step in STEPS]
        compared = [metric for metric in of_steps[0] if protocol is KERAS_FCN or metric in HEADLINES]
        values = [f"{title(metric)} {', '.join(f'{one[metric]:.4f}' for one in of_steps)}" for metric in compared]
        if values:
            label = " ".join(part for part in (protocol.key, reading, "step by step") if part)
            facts[label] = "; ".join(values)
    return facts


def _classifier(test: RefinedTest) -> str:
    """Which classifier refined: its run, its size, its hash and its lineage."""
    *ancestors, by = test.lineage
    parts = [part for part in (by.stage, by.task, by.dataset) if part]
    if test.net:
        parts.append(f"{test.net.parameters:,} parameters")
        if test.net.macs is not None:
            parts.append(f"{test.net.macs:,} multiply-accumulates per patch")
    descent = f", descended from {', '.join(one.sha256 for one in ancestors)}" if ancestors else ""
    return ", ".join([*parts, by.sha256]) + descent


def _thresholds(test: RefinedTest) -> str:
    mask, region, origin = test.thresholds
    return (
        f"masks at {mask:g}, regions kept above {region:g}, {ORIGINS[origin]}: {test.removed} of {test.regions} "
        "regions removed"
    )


def _data(
    test: RefinedTest, objects: Mapping[str, list[int]], scores: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> dict[str, Any]:
    """The same for machines, with every metric of the compared protocols before the refinement."""
    *ancestors, by = test.lineage
    return {
        "classifier": encode(by),
        "classifier_ancestors": encode(ancestors),
        "mask_threshold": test.thresholds.mask,
        "region_threshold": test.thresholds.region,
        "thresholds_from": test.thresholds.origin,
        "regions": test.regions,
        "removed": test.removed,
        "objects": dict(objects),
        "scores": {step: {key: dict(one) for key, one in scores[step].items()} for step in ("tested", "thresholded")},
        "milliseconds": dict(test.milliseconds),
        "classifier_net": encode(test.net),
    }
