"""The weights that the training of a row started from."""

import math
from collections.abc import Sequence

from polybench.results.facts import Ancestor, NetFacts, StartFacts
from polybench.results.record import Record
from polybench.results.tables import MISSING, Cell, Code, joined

_SEEDS = {"own": "each seed from a source of its own", "shared": "all seeds from one source"}


def start_cell(runs: Sequence[Record]) -> Cell:
    """A cell of a table: `random`, `imagenet`, `all weights of X`, or `backbone of X, 52.3 % of tensors`."""
    return "; ".join(dict.fromkeys(_text(run.net, run.start) for run in runs if run.net)) or MISSING


def start_details(record: Record) -> Cell:
    """The same with counts of tensors and the checkpoints that the weights descend from; missing for baselines."""
    if record.net is None:
        return MISSING
    start = record.start
    parts: list[Cell] = [_text(record.net, start)]
    if start is not None and start.matched is not None:
        counts = (
            ("matched", start.matched),
            ("missing in the source", start.missing),
            ("unexpected in the source", start.unexpected),
            ("of another shape", start.misshaped),
        )
        parts.append("tensors: " + ", ".join(f"{count} {what}" for what, count in counts if count is not None))
    if start is not None and start.seeds is not None:
        parts.append(_SEEDS[start.seeds])
    if record.net.lineage:
        parts.append(joined(("descended from", joined(map(Code, record.net.lineage), ", "))))
    return joined(parts, ", ")


def share_text(share: float) -> str:
    """A share of tensors as a percentage, rounded down, so that only all of them are 100 %.

    >>> share_text(1.0), share_text(0.9996)
    ('100 %', '99.9 %')
    """
    return "100 %" if share == 1 else f"{math.floor(1000 * share) / 10:.1f} %"


def _text(net: NetFacts, start: StartFacts | None) -> str:
    if start is None or start.kind == "initialised" or start.source is None:
        return net.start_weights
    if start.kind == "weights":
        return f"all weights of {source_name(start.source)}"
    share = f", {share_text(start.share)} of tensors" if start.share is not None else ""
    return f"backbone of {source_name(start.source)}{share}"


def source_name(source: Ancestor) -> str:
    """Recipe, task and dataset of a run that weights come from; the start of a hash where they are not known."""
    return ", ".join(part for part in (source.stage, source.task, source.dataset) if part) or source.sha256[:8]
