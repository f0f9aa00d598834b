"""A comparison as plain numbers, for files that programs read."""

from typing import Any

from polybench.results.compare.compared import Compared
from polybench.results.statistics.pairs import Pair

PAIR_FIELDS = ("row", "minus", "difference", "low", "high", "p", "p_holm", "won", "lost", "equal", "superiority")


def pair_numbers(found: Compared) -> list[dict[str, Any]]:
    """Each pair by `PAIR_FIELDS`, unrounded.

    `low` and `high` are the ends of the 95 % interval, None with a single group of images; `won`, `lost`, `equal` and
    `superiority` are None where scores are not those of single images.
    """
    return [dict(zip(PAIR_FIELDS, _fields(pair, found.sign), strict=True)) for pair in found.pairs]


def content_of_comparison(found: Compared) -> dict[str, Any]:
    """The comparison as plain values for JSON: rows best first, pairs, and the notes on what it rests on."""
    means = (found.scores.means * found.sign).tolist()
    return {
        "protocol": found.protocol,
        "metric": found.metric,
        "direction": found.direction,
        "rows": [
            {"row": row.name, "value": mean, "seeds": None if row.seeds is None else list(row.seeds)}
            for row, mean in zip(found.rows, means, strict=True)
        ],
        "pairs": pair_numbers(found),
        "notes": list(found.notes),
    }


def _fields(pair: Pair, sign: float) -> tuple[Any, ...]:
    low, high = sorted(sign * end for end in pair.ends) if pair.ends else (None, None)
    counts = (None, None, None) if pair.superiority is None else (pair.won, pair.lost, pair.tied)
    return (
        *(pair.method, pair.other, sign * pair.difference, low, high, pair.p, pair.adjusted),
        *(*counts, pair.superiority),
    )
