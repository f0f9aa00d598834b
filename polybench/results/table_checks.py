"""Check of a record against its per-image table: every number that the table determines is recomputed."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import scipy

from polybench.core.errors import RecordError
from polybench.results.contradictions import contradictions
from polybench.results.facts import MetricValue, ProtocolScores
from polybench.results.image_rows import KEYS
from polybench.results.recomputed import (
    MEAN_DRAWS,
    OTHER_DRAWS,
    POSITIVE,
    confusion,
    every_image_once,
    groups_drawn,
    is_mean,
    numbers_of,
)
from polybench.results.statistics.intervals import column
from polybench.results.table_columns import COUNTED, foreign_columns, required_columns
from polybench.results.table_file import ImageTable

if TYPE_CHECKING:
    import pandas as pd

    from polybench.results.record import Record

TABLE_DIGITS = 6e-6
"""Tolerance between a number of a table's six-digit values and a record's, as a share of the largest or of 1."""
DRAWS_AGREE = 0.25
"""Tolerance between the ends of an interval and a record's, as a share of its width, where other versions of numpy or
scipy have drawn the groups."""

PROBABILITY = "calibration@1/probability"
CONFUSION_OF_IMAGES = ("per_image@2", "fov@2")
"""Protocols whose metrics follow from the counts of their own row."""


def check_table(record: "Record", table: ImageTable, path: Path) -> None:
    """Check a record against its table, and against itself, see `polybench.results.contradictions`.

    The columns that the record's protocols put there, and no other; the counts of images, groups and empty masks; each
    metric and its interval as far as the table determines them; the metrics of each image, where its counts are
    beside them; and the hash of the table, where the record has one.

    Args:
        record: The record.
        table: The table.
        path: The record's file, for messages.

    Raises:
        RecordError: If one of the two was edited, or belongs to another.
    """
    rows = table.rows
    _check_columns(record.metrics, [name for name in rows.columns if name not in KEYS], path)
    for key, scores in record.metrics.items():
        _check_counts(key, scores, rows, path)
        if key in CONFUSION_OF_IMAGES:
            _check_images(key, scores, rows, path)
    _check_numbers(record, rows, path)
    _check_area(record.metrics, rows, path)
    if record.table_sha256 is not None and record.table_sha256 != table.sha256:
        _refuse(path, "has the hash of another table than the one beside it")
    for fault in contradictions(record):
        _refuse(path, fault)


def _check_columns(metrics: Mapping[str, ProtocolScores], names: list[str], path: Path) -> None:
    for name, what in required_columns(metrics).items():
        if name not in names:
            _refuse(path, f"has {what}, and its table lacks the column '{name}'")
    if foreign := foreign_columns(names, metrics):
        _refuse(path, f"has no metric for the column '{foreign[0]}' of its table")


def _check_counts(key: str, scores: ProtocolScores, rows: "pd.DataFrame", path: Path) -> None:
    """Images, groups, and empty masks with those in which something was predicted."""
    found = (len(rows), rows["group"].nunique())
    if (scores.n, scores.groups) != found:
        stated = f"gives {scores.n} {scores.what} in {scores.groups} groups"
        _refuse(path, f"{stated} where its table has {found[0]} in {found[1]}")
    names = [column(key, count) for count in COUNTED.get(key.partition("@")[0], ())[:3]]
    if scores.empty_masks is None or not names:
        return
    tp, fp, fn = (rows[name].to_numpy() for name in names)
    empty = tp + fn == 0
    counted = (int(empty.sum()), int((empty & (fp > 0)).sum()))
    if (scores.empty_masks, scores.false_positives_on_empty) != counted:
        stated = f"gives {scores.empty_masks} empty masks, {scores.false_positives_on_empty} of them with a prediction"
        _refuse(path, f"{stated}, under {key} where its table has {counted[0]} and {counted[1]}")


def _check_images(key: str, scores: ProtocolScores, rows: "pd.DataFrame", path: Path) -> None:
    """The metrics of each image against its counts."""
    counts = [rows[column(key, count)].to_numpy(dtype=np.float64) for count in COUNTED[key.partition("@")[0]]]
    for metric, expected in confusion(counts).items():
        if metric in scores.values:
            off = np.abs(rows[column(key, metric)].to_numpy(dtype=np.float64) - expected)
            if off.max() > TABLE_DIGITS:
                image = rows["id"].iloc[int(off.argmax())]
                _refuse(path, f"has a table whose {metric} of '{image}' under {key} doesn't follow from its counts")


def _check_numbers(record: "Record", rows: "pd.DataFrame", path: Path) -> None:
    """Metrics and the ends of their intervals."""
    once, several = every_image_once(rows), rows["group"].nunique() > 1
    draws = {True: groups_drawn(rows, MEAN_DRAWS), False: groups_drawn(rows, OTHER_DRAWS)}
    alike = _drawn_alike(record.provenance.versions)
    for (key, metric), number in numbers_of(record.metrics, rows).items():
        stated, mean = record.metrics[key].values[metric], is_mean(key, metric)
        found = float(number(once)[0])
        slack = TABLE_DIGITS * (max(1.0, float(rows[column(key, metric)].abs().max())) if mean else 1.0)
        if abs(found - stated.value) > slack:
            source = "the mean of its table is" if mean else "its table gives"
            _refuse(path, f"gives {metric} {stated.value:.6f} under {key} where {source} {found:.6f}")
        if (several and mean) or stated.low is not None or stated.high is not None:
            low, high = np.quantile(number(draws[mean]), [0.025, 0.975]) if several else (None, None)
            _check_ends(f"{metric} under {key}", stated, (low, high), slack, alike, path)


def _check_ends(
    what: str, stated: MetricValue, found: tuple[float | None, float | None], slack: float, alike: bool, path: Path
) -> None:
    """The ends of an interval against those of the table, of which there are none with a single group."""
    low, high = found
    if low is None or high is None or stated.low is None or stated.high is None:
        fault = "an interval" if low is None else "no interval"
        _refuse(path, f"has {fault} of {what} where its table has {'none' if low is None else 'one'}")
    if not alike:
        slack += DRAWS_AGREE * (high - low)
    if max(abs(low - stated.low), abs(high - stated.high)) > slack:
        given = f"[{stated.low:.6f}, {stated.high:.6f}]"
        _refuse(path, f"gives the interval {given} of {what} where its table gives [{low:.6f}, {high:.6f}]")


def _drawn_alike(versions: Mapping[str, str]) -> bool:
    """Whether the groups of a record were drawn by the libraries that are installed."""
    return versions.get("numpy") == np.__version__ and versions.get("scipy") == scipy.__version__


def _check_area(metrics: Mapping[str, ProtocolScores], rows: "pd.DataFrame", path: Path) -> None:
    """The area under the ROC curve of patches; those whose probabilities agree in six digits may be in either order."""
    scores = metrics.get("patches@1")
    if scores is None or "auc" not in scores.values or not {PROBABILITY, POSITIVE} <= set(rows.columns):
        return
    probability, positive = rows[PROBABILITY].to_numpy(), rows[POSITIVE].to_numpy() > 0
    negatives, positives = np.sort(probability[~positive]), probability[positive]
    below, up_to = (np.searchsorted(negatives, positives, side) for side in ("left", "right"))
    pairs = max(len(negatives) * len(positives), 1)
    found, ties = float((below + up_to).sum()) / 2 / pairs, float((up_to - below).sum()) / pairs
    stated = scores.values["auc"].value
    if abs(found - stated) > ties / 2 + TABLE_DIGITS:
        _refuse(path, f"gives auc {stated:.6f} under patches@1 where its table gives {found:.6f}")


def _refuse(path: Path, fault: str) -> NoReturn:
    raise RecordError(f"The record '{path}' {fault}: records are never edited; restore both files.")
