"""Report of a score as plain values: numbers, truth and predictions."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polybench.core.version import __version__
from polybench.results.statistics.intervals import Interval, interval_of_mean
from polybench.scoring.predictions import contents_sha256
from polybench.scoring.strata import Classes, ScoredStrata, scored_strata, strata_content
from polybench.scoring.truth import Truth

if TYPE_CHECKING:  # imports torch, which --help doesn't need
    from polybench.metrics.sufficient import Rows

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Scored:
    """Predictions that were scored, with their truth and statistics.

    Attributes:
        truth: The truth.
        paths: Image id -> file of its prediction.
        missing: Images without a prediction.
        extra: Predictions without an image.
        rows: The statistics of all images.
        resized: Number of predictions that were resized.
        remarks: Remarks for readers.
        classes: Classes of the images, by which scores are also given; None for none.
    """

    truth: Truth
    paths: Mapping[str, Path]
    missing: Sequence[str]
    extra: Sequence[str]
    rows: "Rows"
    resized: int
    remarks: Sequence[str]
    classes: Classes | None = None


def intervals_of(scored: Scored) -> dict[str, tuple[str, Interval]]:
    """Map two protocols to their headline metric and the interval of its mean."""
    from polybench.metrics.protocols import PER_IMAGE

    intervals = {}
    for protocol in (PER_IMAGE, scored.truth.ranked_by):
        if (values := protocol.values(scored.rows).get(protocol.headline)) is not None:
            interval = interval_of_mean(values, scored.rows.groups, confidence=CONFIDENCE)
            intervals[protocol.name] = (protocol.headline, interval)
    return intervals


def strata_of(scored: Scored) -> list[ScoredStrata]:
    """Compute the two headlines of `intervals_of` by the classes of the images; empty without classes."""
    from polybench.metrics.protocols import PER_IMAGE

    if scored.classes is None:
        return []
    return scored_strata(scored.rows, (PER_IMAGE, scored.truth.ranked_by), scored.classes)


def content_of(
    options: Namespace,
    scored: Scored,
    numbers: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, tuple[str, Interval]],
    strata: Sequence[ScoredStrata] = (),
) -> dict[str, Any]:
    """Collect all numbers and their identity as plain values.

    Args:
        options: Options of the command line.
        scored: The scored predictions.
        numbers: Protocol's name -> metric -> number.
        intervals: Result of `intervals_of`.
        strata: Result of `strata_of`.
    """
    from polybench.metrics.panel import empty_masks

    empty, false_positives = empty_masks(scored.rows)
    return {
        **identity(options, scored),
        "n": len(scored.rows.ids),
        "groups": len(set(scored.rows.groups)),
        "missing": list(scored.missing),
        "extra": list(scored.extra),
        "resized": scored.resized,
        "network_size": "the size at which a prediction is stored",
        "remarks": list(scored.remarks),
        "empty_masks": empty,
        "false_positives_on_empty": false_positives,
        "confidence": CONFIDENCE,
        "intervals": {name: {metric: {"low": of.low, "high": of.high}} for name, (metric, of) in intervals.items()},
        "versions": {protocol.name: protocol.version for protocol in scored.truth.protocols},
        "protocols": numbers,
        **({"by": strata_content(scored.classes, strata)} if scored.classes else {}),
    }


def identity(options: Namespace, scored: Scored) -> dict[str, Any]:
    """Describe predictions, truth and options.

    Args:
        options: Options of the command line.
        scored: The scored predictions.
    """
    return {
        "polybench": __version__,
        "truth": scored.truth.identify(),
        "predictions": {"folder": options.pred.resolve().name, "sha256": contents_sha256(scored.paths)},
        "options": {
            "resize": options.resize,
            "instances": options.instances,
            "membranes": options.membranes,
            "missing": options.missing,
            "valid": options.valid is not None,
        },
    }
