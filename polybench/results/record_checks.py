"""What a record must keep to beyond the types of its fields, and how its numbers are held against its table."""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from polybench.errors import DataError
from polybench.results.facts import ProtocolScores
from polybench.results.statistics import column

if TYPE_CHECKING:
    import pandas as pd

if TYPE_CHECKING:
    from polybench.results.record import Record

TABLE_DIGITS = 6e-6
"""How far the mean of a table's six-digit values may lie from a record's, as a share of the largest or of 1."""

_RESTORE = "records are never edited; restore both files."

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PROTOCOL = re.compile(r"[a-z0-9_]+@[1-9][0-9]*")


def is_slug(name: str) -> bool:
    """Whether a name can be part of a record's file name."""
    return _SLUG.fullmatch(name) is not None


def check_names(record: "Record") -> None:
    """Check that names can be file names, and hashes are hashes.

    Raises:
        DataError: If one isn't.
    """
    names = {"recipe": record.recipe, "variant": record.variant, "dataset.name": record.dataset.name}
    for key, name in names.items():
        if name is not None and not is_slug(name):
            raise DataError(f"{key} '{name}' can't be part of a file name: use letters, digits and _ . + - only.")
    hashes = {
        "config_sha256": record.config_sha256,
        "dataset.manifest_sha256": record.dataset.manifest_sha256,
        "dataset.split_sha256": record.dataset.split_sha256,
        "provenance.checkpoint_sha256": record.provenance.checkpoint_sha256,
        "identity.training_id": record.identity.training_id if record.identity else None,
        "identity.evaluation_id": record.identity.evaluation_id if record.identity else None,
    }
    for key, digest in hashes.items():
        if digest is not None and not _SHA256.fullmatch(digest):
            raise DataError(f"{key} '{digest}' is not a sha256 in hexadecimal.")
    for protocol in record.metrics:
        if not _PROTOCOL.fullmatch(protocol):
            raise DataError(f"metrics key '{protocol}' is not of the form protocol@version.")


def check_kind(record: "Record") -> None:
    """Check that a record has what its kind has, and when it was finished.

    Raises:
        DataError: If something is missing or too much.
    """
    facts = {
        "budget": record.budget,
        "net": record.net,
        "training": record.training,
        "dataset.size": record.dataset.size if record.kind == "trained" else None,
    }
    for key, fact in facts.items():
        if (fact is None) == (record.kind == "trained"):
            raise DataError(f"A {record.kind} record must {'not ' if record.kind == 'baseline' else ''}have '{key}'.")
    if record.identity and (record.identity.budget_id is None) == (record.kind == "trained"):
        raise DataError(
            f"A {record.kind} record must {'not ' if record.kind == 'baseline' else ''}have 'identity.budget_id'."
        )
    try:
        offset = datetime.fromisoformat(record.provenance.finished_at).utcoffset()
    except ValueError:
        offset = None
    if offset != timedelta(0):
        raise DataError(f"provenance.finished_at '{record.provenance.finished_at}' is not an ISO date and time in UTC.")


def check_table(metrics: Mapping[str, ProtocolScores], rows: "pd.DataFrame", path: Path) -> None:
    """Hold a record against the table beside it.

    The counts of images and groups must be those of the table; every metric that is a mean over images must have its
    column there (records of schemas 1 and 2 don't say which are, so that only columns that are there are compared), and
    the mean of that column must be the metric.

    Args:
        metrics: `protocol@version` -> scores.
        rows: The table.
        path: The record's file, for messages.

    Raises:
        DataError: If one of the two was edited.
    """
    images, groups = len(rows), rows["group"].nunique()
    for protocol, scores in metrics.items():
        if (scores.n, scores.groups) != (images, groups):
            raise DataError(
                f"The record '{path}' says {scores.n} {scores.what} in {scores.groups} groups where its table has "
                f"{images} in {groups}: {_RESTORE}"
            )
        for metric, score in scores.values.items():
            name = column(protocol, metric)
            if name in rows.columns:
                _check_mean(rows[name], metric, score.value, path)
            elif metric in scores.means:
                raise DataError(
                    f"The table of the record '{path}' lacks the column '{name}', of which {metric} is the mean: "
                    f"{_RESTORE}"
                )


def _check_mean(values: "pd.Series[float]", metric: str, value: float, path: Path) -> None:
    mean, largest = float(values.mean()), float(values.abs().max())
    if not math.isclose(mean, value, abs_tol=TABLE_DIGITS * max(1.0, largest)):
        raise DataError(
            f"The record '{path}' says {metric} {value:.6f} where the mean of its table is {mean:.6f}: {_RESTORE}"
        )
