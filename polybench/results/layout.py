"""Layout of a protocol's metrics: which one ranks the rows, which are shown beside it, and what a row is.

Records since schema 3 state the layout of their protocols. Only for records of schemas 1 and 2 are metrics named here.
"""

from collections.abc import Iterable
from typing import NamedTuple

from polybench.results.facts import ProtocolScores
from polybench.results.readings import readings

_EARLIER_HEADLINES = ("dice", "auc")
_EARLIER_SHOWN = {
    "dice": ("iou", "precision", "recall", "f2", "specificity", "accuracy"),
    "auc": ("accuracy", "precision", "recall"),
}
_EARLIER_COMPARED = ("s_measure", "weighted_f", "e", "mae", "auc", "hd95", "f1", "aji", "pq", "v_rand", "v_info")


class Layout(NamedTuple):
    """What tables show of a protocol.

    Attributes:
        headline: The metric that rows are ranked by.
        shown: Metrics beside it in a ranked table.
        compared: Metrics that represent the protocol beside others; those of one inner tuple share a column.
        what: What its rows are, such as images, patches or slices.
    """

    headline: str
    shown: tuple[str, ...]
    compared: tuple[tuple[str, ...], ...]
    what: str


def layout_of(scores: ProtocolScores) -> Layout:
    """The layout that a record states, or that a record of an earlier schema had."""
    if scores.headline is None:
        return _earlier(scores.values)
    return Layout(scores.headline, scores.shown, scores.compared or ((scores.headline,),), scores.what)


def layout_of_all(found: Iterable[ProtocolScores]) -> Layout:
    """The layout of the same protocol in several records, the newest first; one that is stated comes first."""
    scores = list(found)
    return layout_of(next((one for one in scores if one.headline is not None), scores[0]))


def _earlier(metrics: Iterable[str]) -> Layout:
    names = list(metrics)
    headline = next((name for name in _EARLIER_HEADLINES if name in names), names[0])
    compared: list[tuple[str, ...]] = []
    for bare in readings({name: name for name in names}).values():
        overlap = tuple(bare[name] for name in ("dice", "iou") if name in bare)
        compared += [overlap] if overlap else []
        compared += [(bare[name],) for name in _EARLIER_COMPARED if name in bare]
    shown = _EARLIER_SHOWN.get(headline) or tuple(name for name in names if name != headline)
    return Layout(headline, shown, tuple(compared), "patches" if headline == "auc" else "images")
