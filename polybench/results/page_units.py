"""The units of a page: records whose parts of it follow from them, whatever the other records of the dataset are.

A unit is a group of images; the records of folds, which are pooled, are one unit. What a page needs besides of all
records together is little: the protocols and their definitions, and whether any row is ranked. So the text of a unit
whose records are the same as before is the same, and a new record costs what its own unit costs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from polybench.results.derived.audits import Audit
from polybench.results.derived.row_numbers import Numbers, RowNumbers
from polybench.results.folds import pooled
from polybench.results.page_parts import PagePart, newest_version, page_part
from polybench.results.record import StoredRecord
from polybench.results.statistics.intervals import column
from polybench.results.table import BUDGETS, Group, finished, group_key, groups_of, newest, ordered_protocols

_FOLDS = "folds"


@dataclass(frozen=True)
class Facts:
    """What a page needs of the records of a unit besides its parts.

    Attributes:
        protocols: Name of the first record with these protocols, and the protocols in its order.
        definitions: `protocol@version` -> when the newest record that defines it was finished, its name, and the text.
        newest: When the newest record was finished, its name, and the protocol that ranks its dataset.
    """

    protocols: tuple[tuple[str, tuple[str, ...]], ...]
    definitions: dict[str, tuple[str, str, str]]
    newest: tuple[str, str, str]


@dataclass(frozen=True)
class Images:
    """The images of some tables."""

    ids: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class TableColumn:
    """A column of a record's table, and which `Images` it is of."""

    images: int
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class PartText:
    """The text of a group of images.

    Attributes:
        key: What sorts it among other groups.
        ranked_by: The protocol that ranks it.
        ranked: The same with its version.
        current: Whether a page leads with one of its rankings.
        folds: Whether folds were pooled.
        top: What the page says first of it.
        below: Its details.
    """

    key: str
    ranked_by: str
    ranked: str
    current: bool
    folds: bool
    top: str
    below: str


@dataclass(frozen=True)
class UnitText:
    """The text of a unit.

    Attributes:
        key: Which unit.
        members: Names of its records.
        facts: What a page needs besides.
        parts: Its groups of images.
        leading: Whether the page leads with some rankings, which its other rankings follow.
        defined: Whether the page defines protocols.
        numbers: Derived numbers of its rows, see `polybench.results.derived.row_numbers`.
        images: The images of its tables.
        columns: Name of a record -> the column of the metric that ranks it.
    """

    key: str
    members: tuple[str, ...]
    facts: Facts
    parts: tuple[PartText, ...]
    leading: bool
    defined: bool
    numbers: dict[str, RowNumbers]
    images: tuple[Images, ...]
    columns: dict[str, TableColumn]


@dataclass(frozen=True)
class Unit:
    """A unit to make.

    Attributes:
        records: Its records.
        numbers: Derived numbers of its rows that are known.
    """

    records: list[StoredRecord]
    numbers: Mapping[str, RowNumbers] = field(default_factory=dict)


Render = Callable[[PagePart, bool, bool], tuple[str, str]]
"""A part, whether the page leads with some rankings and whether it defines protocols -> its text first, and below."""
Read = Callable[[UnitText], Unit]


def units_of(records: Iterable[StoredRecord]) -> dict[str, Unit]:
    """Key of a unit -> the unit."""
    found: dict[str, Unit] = {}
    for stored in records:
        facts = stored.record.dataset
        found.setdefault(_FOLDS if facts.fold else group_key(facts), Unit([])).records.append(stored)
    return found


def unit_texts(
    fresh: Mapping[str, Unit],
    known: Sequence[UnitText],
    audit: Audit | None,
    render: Render,
    read: Read,
) -> list[UnitText]:
    """The texts of all units of a page.

    Args:
        fresh: Key of a unit -> the unit, of those to make.
        known: Units that were made of the records that are there.
        audit: The audit of the dataset; None for none.
        render: What writes a part.
        read: What reads a known unit, which is made again where another unit changes what it follows
            from, such as a new version of the protocol that ranks.
    """
    facts = {key: _facts(unit.records) for key, unit in fresh.items()}
    every = [*facts.values(), *(unit.facts for unit in known)]
    protocols = {name for one in every for _, names in one.protocols for name in names}
    numbers = {key: Numbers(unit.numbers) for key, unit in fresh.items()}
    made = {key: _parts(unit.records, protocols, audit, numbers[key]) for key, unit in fresh.items()}
    leading = any(_is_current(part) for parts in made.values() for _, part in parts)
    leading = leading or any(part.current for unit in known for part in unit.parts)
    defined = bool(definitions_of(every))
    kept = [unit for unit in known if _stays(unit, protocols, leading, defined)]
    if len(kept) < len(known):
        again = {unit.key: read(unit) for unit in known if not _stays(unit, protocols, leading, defined)}
        return unit_texts({**fresh, **again}, kept, audit, render, read)
    texts = []
    for key, unit in fresh.items():
        images, columns = _columns(made[key]) if key != _FOLDS else ((), {})
        texts.append(
            UnitText(
                key=key,
                members=tuple(stored.name for stored in unit.records),
                facts=facts[key],
                parts=tuple(_part_text(group, part, render(part, leading, defined)) for group, part in made[key]),
                leading=leading,
                defined=defined,
                numbers=numbers[key].used,
                images=images,
                columns=columns,
            )
        )
    return [*texts, *known]


def _stays(unit: UnitText, protocols: Iterable[str], leading: bool, defined: bool) -> bool:
    """Whether the text of a unit is the same on a page of these protocols."""
    newest_ones = all(newest_version(part.ranked_by, protocols) == part.ranked for part in unit.parts)
    return newest_ones and (unit.leading, unit.defined) == (leading, defined)


def _part_text(group: Group, part: PagePart, text: tuple[str, str]) -> PartText:
    return PartText(
        key=group_key(group.records[0].record.dataset),
        ranked_by=part.dataset.ranked_by,
        ranked=part.ranked,
        current=_is_current(part),
        folds=part.folds is not None,
        top=text[0],
        below=text[1],
    )


def _columns(made: Sequence[tuple[Group, PagePart]]) -> tuple[tuple[Images, ...], dict[str, TableColumn]]:
    """The column of the metric that ranks each run, where it is in the run's table, and the images of these columns."""
    places: dict[Images, int] = {}
    found = {}
    for group, part in made:
        for row in (row for budget in (*BUDGETS, None) for row in group.rows(part.ranked, budget)):
            name = column(part.ranked, row.layout.headline)
            for run in row.runs:
                table = run.table_with([name])
                if name in table.columns:
                    place = places.setdefault(Images(table.ids, table.groups), len(places))
                    found[run.name] = TableColumn(place, name, tuple(table[name].tolist()))
    return tuple(places), found


def definitions_of(facts: Sequence[Facts]) -> dict[str, str]:
    """`protocol@version` -> what it is, from the newest record that defines it; in the order of a page.

    Args:
        facts: Those of all units, at least one.
    """
    found: dict[str, tuple[str, str, str]] = {}
    for one in facts:
        for key, text in one.definitions.items():
            found[key] = max(found.get(key, text), text, key=_when)
    _, _, ranked_by = max((one.newest for one in facts), key=_when)
    lists = [names for _, names in sorted(found_first for one in facts for found_first in one.protocols)]
    return {key: found[key][2] for key in ordered_protocols(lists, ranked_by) if key in found}


def _facts(records: Sequence[StoredRecord]) -> Facts:
    protocols: dict[tuple[str, ...], str] = {}
    definitions = {}
    for stored in sorted(records, key=lambda stored: stored.name):
        protocols.setdefault(tuple(stored.record.metrics), stored.name)
    for stored in sorted(records, key=finished):
        for key, scores in stored.record.metrics.items():
            if scores.definition is not None:
                definitions[key] = (stored.record.provenance.finished_at, stored.name, scores.definition)
    last = newest(records)
    return Facts(
        protocols=tuple((name, names) for names, name in protocols.items()),
        definitions=definitions,
        newest=(last.record.provenance.finished_at, last.name, last.record.dataset.ranked_by),
    )


def _when(text: tuple[str, str, str]) -> tuple[datetime, str]:
    return datetime.fromisoformat(text[0]), text[1]


def _parts(
    records: Sequence[StoredRecord], protocols: Iterable[str], audit: Audit | None, numbers: Numbers
) -> list[tuple[Group, PagePart]]:
    return [(group, page_part(group, protocols, audit, numbers)) for group in groups_of(pooled(records))]


def _is_current(part: PagePart) -> bool:
    return any(ranking.current for ranking in part.rankings)
