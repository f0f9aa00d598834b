"""Keys and shapes of two encoders compared, and the part of a record that says which tensors were transferred."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import torch
from rich.table import Table
from torch import Tensor, nn

from polybench.results.sections import Column, Section
from polybench.results.start import share_text

SHOWN = 20
"""Names of tensors of a kind that a record holds."""

COLUMNS = (
    Column(key="matched", header="Matched tensors", kind="count"),
    Column(key="missing", header="Missing in the source", kind="count"),
    Column(key="unexpected", header="Unexpected in the source", kind="count"),
    Column(key="misshaped", header="Of another shape", kind="count"),
    Column(key="share", header="Share of the encoder", kind="text"),
)

State = Mapping[str, Tensor]


class Match(NamedTuple):
    """Keys of source and target compared.

    Attributes:
        matched: In both, of one shape.
        missing: In the target alone.
        unexpected: In the source alone.
        misshaped: In both, with shapes `(source, target)`.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]

    @property
    def target(self) -> int:
        """Tensors of the target."""
        return len(self.matched) + len(self.missing) + len(self.misshaped)

    @property
    def share(self) -> float:
        """Share of the target's tensors that match."""
        return len(self.matched) / max(1, self.target)

    @property
    def in_words(self) -> str:
        """How many of the target's tensors match."""
        return f"{len(self.matched)} of {self.target} tensors of the encoder ({share_text(self.share)})"


def compare(source: State, target: State) -> Match:
    """Compare the keys and shapes of two encoders."""
    shared = [key for key in target if key in source]
    misshaped = {
        key: (tuple(source[key].shape), tuple(target[key].shape))
        for key in shared
        if source[key].shape != target[key].shape
    }
    return Match(
        matched=tuple(key for key in shared if key not in misshaped),
        missing=tuple(key for key in target if key not in source),
        unexpected=tuple(key for key in source if key not in target),
        misshaped=misshaped,
    )


def copy_tensors(source: State, target: nn.Module, keys: Sequence[str]) -> None:
    """Copy tensors into an encoder in place, so that optimizers and DDP keep what they hold."""
    state = target.state_dict(keep_vars=True)
    with torch.no_grad():
        for key in keys:
            state[key].copy_(source[key])


def match_table(match: Match, source: str) -> Table:
    """A comparison as a table for the terminal."""
    table = Table(title=f"Transfer from {source}", title_justify="left")
    for name in ("tensors", "number", "first of them"):
        table.add_column(name)
    for name, keys in _kinds(match).items():
        table.add_row(name, str(len(keys)), ", ".join(keys[:3]))
    return table


def side_by_side(source: State, source_keys: Sequence[str], target: State, target_keys: Sequence[str]) -> str:
    """The first three of some keys of source and target with their shapes, as a table of plain text."""
    columns = [
        [title, *(f"{key} {tuple(state[key].shape)}" for key in keys[:3])]
        for title, state, keys in (
            ("source", source, source_keys),
            ("encoder of the net", target, target_keys),
        )
    ]
    width = max(map(len, columns[0]))
    rows = zip_longest(*columns, fillvalue="")
    return "\n".join(f"  {left:<{width}}   {right}".rstrip() for left, right in rows)


def section_of(match: Match, source: str, facts_of_source: Mapping[str, str]) -> Section:
    """A comparison as a section of a record.

    Args:
        match: The comparison.
        source: Where the weights came from, in a few words.
        facts_of_source: What to say of the source beside it, label -> plain text.
    """
    counts = {"matched": len(match.matched), "missing": len(match.missing), "unexpected": len(match.unexpected)}
    kinds = {name: keys for name, keys in _kinds(match).items() if keys and keys is not match.matched}
    facts = {"Transferred": f"{match.in_words}, from {source}"}
    facts |= {**{f"Tensors {name}": listed(keys) for name, keys in kinds.items()}, **facts_of_source}
    return Section(
        title="Weight transfer",
        note="Tensors of the net's encoder that the source gave before training; the others began as the net had them.",
        columns=COLUMNS,
        rows=({**counts, "misshaped": len(match.misshaped), "share": share_text(match.share)},),
        facts=facts,
        data={
            **counts,
            "misshaped": len(match.misshaped),
            "share": match.share,
            "names": {name: list(keys[:SHOWN]) for name, keys in kinds.items()},
        },
    )


def _kinds(match: Match) -> dict[str, tuple[str, ...]]:
    """Kind of tensors -> their names."""
    shapes = tuple(f"{key} {source} -> {target}" for key, (source, target) in match.misshaped.items())
    return {
        "matched": match.matched,
        "missing in the source": match.missing,
        "unexpected in the source": match.unexpected,
        "of another shape": shapes,
    }


def listed(keys: Sequence[str], most: int = SHOWN) -> str:
    """Names up to a bound, and how many more there are."""
    rest = len(keys) - most
    return ", ".join(keys[:most]) + (f" and {rest} more" if rest > 0 else "")
