"""What a page says of a group of records that are those of several folds each."""

from collections.abc import Sequence
from dataclasses import dataclass

from polybench.results.folds import PooledRecord
from polybench.results.quantities import between
from polybench.results.record import StoredRecord
from polybench.results.tables import Cell, Code, Text, joined


@dataclass(frozen=True)
class FoldsPart:
    """Folds as a page describes them.

    Attributes:
        heading: Which folds were tested.
        complete: Whether all of them were, so that every image was tested; else nothing is ranked.
        counts: Images of each subset, a sentence.
        lists_sha256: Hash of the lists of all folds.
        left_out: Metrics that the tables of the folds don't determine together; empty where they determine all.
    """

    heading: str
    complete: bool
    counts: str
    lists_sha256: str
    left_out: Cell

    @property
    def note(self) -> Cell | None:
        """What a reader of an incomplete table must know."""
        if self.complete:
            return None
        return Text("Not ranked: rows are compared when all folds of them are tested.", "strong")


def folds_part(records: Sequence[StoredRecord]) -> FoldsPart | None:
    """Describe the folds of a group; None for records that are not pooled.

    Args:
        records: The records of the group, which tested the same folds.
    """
    pools = [one for one in records if isinstance(one, PooledRecord)]
    if not pools:
        return None
    data = [part.record.dataset for part in pools[0].folds]
    found = [one.fold for one in data if one.fold]
    numbers, of = [fold.number for fold in found], found[0].of
    complete = len(numbers) == of
    name = "Group folds" if pools[0].record.dataset.group_disjoint else "Folds"
    which = "every image tested once" if complete else f"only {_listed(numbers)} tested"
    train, val = ([getattr(one.counts, subset) for one in data] for subset in ("train", "val"))
    counts = (
        f"In each fold {between(min(train), max(train))} images for training and {between(min(val), max(val))} for "
        f"validation; {sum(one.counts.test for one in data)} for test in all, each in one fold."
    )
    return FoldsPart(
        f"{name}, {len(numbers)} of {of}: {which}", complete, counts, found[0].lists_sha256, _left_out(pools)
    )


def _listed(numbers: Sequence[int]) -> str:
    """Folds by number, such as `folds 1, 2 and 4`."""
    *others, last = map(str, numbers)
    return f"folds {', '.join(others)} and {last}" if others else f"fold {last}"


def _left_out(pools: Sequence[PooledRecord]) -> Cell:
    """The metrics that no pooled row has, by protocol."""
    found: dict[str, dict[str, None]] = {}
    for pool in pools:
        for protocol, metrics in pool.left_out.items():
            found.setdefault(protocol, {}).update(dict.fromkeys(metrics))
    return joined([joined((", ".join(found[key]), "of", Code(key))) for key in sorted(found)], "; ")
