"""Scores of the sets that a pooled test consists of, each by itself, as a section of the record."""

from collections.abc import Mapping, Sequence

from lightning.pytorch import LightningDataModule
from pydantic import JsonValue

from polybench.data.module import SegmentationDataModule
from polybench.experiments.scores import protocol_scores
from polybench.metrics import Protocol, Rows
from polybench.results.facts import ProtocolScores
from polybench.results.readings import title
from polybench.results.sections import Column, Section, Value

NAME = "test_sets"
"""Key of the section in a record."""


def set_sections(data: LightningDataModule, rows: Rows | None) -> dict[str, Section]:
    """Score each set of a test by itself; empty where the dataset names none, or no image of one was evaluated.

    Args:
        data: The data module, or one that holds it (`inner_data`).
        rows: Rows of the test.
    """
    inner = getattr(data, "inner_data", None)
    dataset = getattr(data, inner) if inner else data
    if rows is None or not isinstance(dataset, SegmentationDataModule):
        return {}
    protocols = [one for one in dataset.test_sets_protocols if all(column in rows.columns for column in one.columns)]
    parts = {name: rows_of(rows, beginnings) for name, beginnings in dataset.test_sets.items()}
    scores = {
        name: [protocol_scores(part, one) for one in protocols]
        for name, part in parts.items()
        if part.ids and protocols
    }
    if not scores:
        return {}
    return {NAME: _section(protocols, scores, dataset.test_sets_note)}


def rows_of(rows: Rows, beginnings: Sequence[str]) -> Rows:
    """Return the rows of those images whose ids begin with one of some texts."""
    places = [place for place, image_id in enumerate(rows.ids) if image_id.startswith(tuple(beginnings))]
    columns = {name: column[places] for name, column in rows.columns.items()}
    return Rows([rows.ids[place] for place in places], [rows.groups[place] for place in places], columns)


def _section(protocols: Sequence[Protocol], scores: Mapping[str, Sequence[ProtocolScores]], note: str) -> Section:
    columns = [
        Column(key="set", header="Test set", kind="text"),
        Column(key="images", header="Images", kind="count"),
        Column(key="groups", header="Groups", kind="count"),
    ]
    for protocol in protocols:
        for metric in (protocol.headline, *protocol.shown):
            header = f"{title(metric)} ({protocol.name})"
            way = protocol.directions[metric]
            columns.append(Column(key=f"{protocol.key}/{metric}", header=header, direction=way))
    return Section(
        title="Test sets",
        note=note,
        columns=tuple(columns),
        rows=tuple(_row(name, protocols, found) for name, found in scores.items()),
        data={name: _values(protocols, found) for name, found in scores.items()},
    )


def _row(name: str, protocols: Sequence[Protocol], found: Sequence[ProtocolScores]) -> dict[str, Value]:
    row: dict[str, Value] = {"set": name, "images": found[0].n, "groups": found[0].groups}
    for protocol, scores in zip(protocols, found, strict=True):
        for metric in (protocol.headline, *protocol.shown):
            row[f"{protocol.key}/{metric}"] = scores.values[metric].value
    return row


def _values(protocols: Sequence[Protocol], found: Sequence[ProtocolScores]) -> dict[str, JsonValue]:
    """`protocol@version` -> metric -> its value and the ends of its 95 % interval, None where there is none."""
    return {
        protocol.key: {metric: [one.value, one.low, one.high] for metric, one in scores.values.items()}
        for protocol, scores in zip(protocols, found, strict=True)
    }
