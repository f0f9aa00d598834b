"""What a row's weights began with, in words."""

from collections.abc import Sequence

from polybench.results import format as formats
from polybench.results.facts import Ancestor, NetFacts, StartFacts
from polybench.results.record import Record

_SEEDS = {"own": "each seed from a source of its own", "shared": "all seeds from one source"}


def start_cell(runs: Sequence[Record]) -> str:
    """A cell of a table: `random`, `imagenet`, `all weights of X`, or `backbone of X, 52.3 % of tensors`."""
    texts = dict.fromkeys(_text(run.net, run.start) for run in runs if run.net)
    return formats.text("; ".join(texts)) or formats.DASH


def start_details(record: Record) -> str:
    """The same with the counts of tensors and with the checkpoints that the weights descend from; "" for baselines."""
    if record.net is None:
        return ""
    start = record.start
    parts = [formats.text(_text(record.net, start))]
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
        parts.append("descended from " + ", ".join(formats.code(digest) for digest in record.net.lineage))
    return ", ".join(parts)


def _text(net: NetFacts, start: StartFacts | None) -> str:
    if start is None or start.kind == "initialised" or start.source is None:
        return net.start_weights
    if start.kind == "weights":
        return f"all weights of {_name(start.source)}"
    share = f", {100 * start.share:.1f} % of tensors" if start.share is not None else ""
    return f"backbone of {_name(start.source)}{share}"


def _name(source: Ancestor) -> str:
    return ", ".join(part for part in (source.stage, source.task, source.dataset) if part) or source.sha256[:8]
