"""What `polybench score` leaves: the terminal's table, a JSON that says what it is of, and the values of each image."""

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polybench import __version__
from polybench.atomic import atomic_write_text
from polybench.cli.truth import Truth
from polybench.data.predictions import contents_sha256
from polybench.results.statistics import interval_of_mean

if TYPE_CHECKING:  # they bring torch, which --help can do without
    from polybench.metrics.sufficient import Rows

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Scored:
    """What was scored.

    Attributes:
        truth: With what.
        paths: Image id -> file of its prediction.
        missing: Images without a prediction.
        extra: Predictions without an image.
        rows: The statistics of all images.
        resized: How many predictions were resized.
        remarks: What a reader should know.
    """

    truth: Truth
    paths: Mapping[str, Path]
    missing: Sequence[str]
    extra: Sequence[str]
    rows: "Rows"
    resized: int
    remarks: Sequence[str]


def report(options: Namespace, scored: Scored) -> None:
    """Print the table, and write the files that were asked for.

    Args:
        options: Those of the command line.
        scored: What was scored.
    """
    from polybench.cli.panel import print_panel
    from polybench.metrics.panel import empty_masks, image_table, panel
    from polybench.metrics.protocols import PER_IMAGE

    rows, protocols = scored.rows, scored.truth.protocols
    numbers = panel(rows, protocols)
    intervals = {}
    for protocol in (PER_IMAGE, scored.truth.ranked_by):
        if (values := protocol.values(rows).get(protocol.headline)) is not None:
            interval = interval_of_mean(values, rows.groups, confidence=CONFIDENCE)
            intervals[protocol.name] = (protocol.headline, interval)
    empty, false_positives = empty_masks(rows)
    resized = f", {scored.resized} prediction(s) resized" if options.resize else ""
    resized += f", {len(scored.missing)} of them without a prediction" if scored.missing else ""
    print_panel(f"{len(rows.ids)} images of {scored.truth.title}{resized}", numbers, intervals, protocols)
    print("For fanet, efen and sweep's numbers at network size, a prediction's own size stands for the network's.")
    if empty:
        print(f"{empty} of {len(rows.ids)} masks are empty; something was predicted in {false_positives} of them.")
    if options.json is not None:
        content = {
            **identity(options, scored),
            "n": len(rows.ids),
            "groups": len(set(rows.groups)),
            "missing": list(scored.missing),
            "extra": list(scored.extra),
            "resized": scored.resized,
            "network_size": "the size at which a prediction is stored",
            "remarks": list(scored.remarks),
            "empty_masks": empty,
            "false_positives_on_empty": false_positives,
            "confidence": CONFIDENCE,
            "intervals": {name: {metric: {"low": of.low, "high": of.high}} for name, (metric, of) in intervals.items()},
            "versions": {protocol.name: protocol.version for protocol in protocols},
            "protocols": numbers,
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        atomic_write_text(options.json, text + "\n", follow=True)
    if options.csv is not None:
        table = image_table(rows, protocols)
        text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        atomic_write_text(options.csv, text, follow=True)


def identity(options: Namespace, scored: Scored) -> dict[str, Any]:
    """What was compared with what, and how.

    Args:
        options: Those of the command line.
        scored: What was scored.
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
