"""What a record must keep to beyond the types of its fields."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from polybench.core.errors import RecordError, shortened
from polybench.core.wording import is_column, is_noun
from polybench.results.facts import ProtocolScores

if TYPE_CHECKING:
    from polybench.results.record import Record

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PROTOCOL = re.compile(r"[a-z0-9_]{1,64}@[1-9][0-9]{0,5}")


def is_slug(name: str) -> bool:
    """Whether a name can be part of a record's file name."""
    return _SLUG.fullmatch(name) is not None


def check_names(record: "Record") -> None:
    """Check that names can be file names, and hashes are hashes.

    Raises:
        RecordError: If one isn't.
    """
    names = {"recipe": record.recipe, "variant": record.variant, "dataset.name": record.dataset.name}
    for key, name in names.items():
        if name is not None and not is_slug(name):
            raise RecordError(
                f"{key} '{shortened(name)}' can't be part of a file name: use letters, digits and _ . + - only."
            )
    hashes = {
        "config_sha256": record.config_sha256,
        "dataset.manifest_sha256": record.dataset.manifest_sha256,
        "dataset.split_sha256": record.dataset.split_sha256,
        "dataset.patches_sha256": record.dataset.patches_sha256,
        "table_sha256": record.table_sha256,
        "record_sha256": record.record_sha256,
        "provenance.checkpoint_sha256": record.provenance.checkpoint_sha256,
        "identity.training_id": record.identity.training_id if record.identity else None,
        "identity.evaluation_id": record.identity.evaluation_id if record.identity else None,
    }
    if record.dataset.fold is not None:
        hashes["dataset.fold.lists_sha256"] = record.dataset.fold.lists_sha256
    if record.identity and record.identity.folds:
        hashes |= {f"identity.folds.{name}": digest for name, digest in vars(record.identity.folds).items()}
    for key, digest in hashes.items():
        if digest is not None and not _SHA256.fullmatch(digest):
            raise RecordError(f"{key} '{shortened(digest)}' is not a sha256 in hexadecimal.")
    for protocol in record.metrics:
        if not _PROTOCOL.fullmatch(protocol):
            raise RecordError(f"metrics key '{shortened(protocol)}' is not of the form protocol@version.")
        _check_words(protocol, record.metrics[protocol])


def _check_words(protocol: str, scores: ProtocolScores) -> None:
    """Check the names that a protocol gives to its metrics and to its rows."""
    named = [*scores.values, *scores.shown, *scores.means, *(name for cell in scores.compared for name in cell)]
    for metric in [*named, *([scores.headline] if scores.headline is not None else [])]:
        if not is_column(metric):
            raise RecordError(f"metric '{shortened(metric)}' of {protocol} can't name a column: use a word.")
    if not scores.values:
        raise RecordError(f"{protocol} has no metrics.")
    if not is_noun(scores.what):
        raise RecordError(f"what '{shortened(scores.what)}' of {protocol} are must be a word, such as images.")


def check_counts(record: "Record") -> None:
    """Check that counts, sizes and times are not negative.

    Raises:
        RecordError: If one is.
    """
    counts, training, net = record.dataset.counts, record.training, record.net
    numbers: dict[str, float | None] = {
        "seed": record.seed,
        "dataset.counts": min(counts.train, counts.val, counts.test),
        "dataset.size": min(record.dataset.size or (1,)) - 1,
        "provenance.devices": record.provenance.devices,
    }
    if training is not None:
        numbers |= {f"training.{key}": value for key, value in vars(training).items()}
    if net is not None:
        numbers |= {"net.parameters": net.parameters, "net.macs": net.macs}
    for protocol, scores in record.metrics.items():
        numbers[f"metrics.{protocol}"] = min(scores.n - 1, scores.groups - 1, scores.empty_masks or 0)
    for key, number in numbers.items():
        if number is not None and number < 0:
            raise RecordError(f"{key} holds a number that is too small.")


def check_kind(record: "Record") -> None:
    """Check that a record has what its kind has, and when it was finished.

    Raises:
        RecordError: If something is missing or too much.
    """
    facts = {
        "budget": record.budget,
        "net": record.net,
        "training": record.training,
        "dataset.size": record.dataset.size if record.kind == "trained" else None,
    }
    for key, fact in facts.items():
        if (fact is None) == (record.kind == "trained"):
            raise RecordError(f"A {record.kind} record must {'not ' if record.kind == 'baseline' else ''}have '{key}'.")
    if record.identity and (record.identity.budget_id is None) == (record.kind == "trained"):
        raise RecordError(
            f"A {record.kind} record must {'not ' if record.kind == 'baseline' else ''}have 'identity.budget_id'."
        )
    fold = record.dataset.fold
    if fold is not None and not 1 <= fold.number <= fold.of:
        raise RecordError(f"dataset.fold is number {fold.number} of {fold.of}, which is none of them.")
    if fold is None and record.identity and record.identity.folds:
        raise RecordError("A record whose split is no fold must not have 'identity.folds'.")
    try:
        offset = datetime.fromisoformat(record.provenance.finished_at).utcoffset()
    except ValueError:
        offset = None
    if offset != timedelta(0):
        raise RecordError(
            f"provenance.finished_at '{record.provenance.finished_at}' is not an ISO date and time in UTC."
        )
