"""The units of a page: records whose parts of it follow from them, whatever the other records of the dataset are.

A unit is a group of images; the records of folds, which are pooled, are one unit. What a page needs besides of all
records together is little: the protocols and their definitions, and whether any row is ranked. So the text of a unit
whose records are the same as before is the same, and a new record costs what its own unit costs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from polybench.results.derived.audits import Audit
from polybench.results.folds import pooled
from polybench.results.page_parts import PagePart, newest_version, page_part
from polybench.results.record import StoredRecord
from polybench.results.table import finished, group_key, groups_of, newest, ordered_protocols


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
    """

    key: str
    members: tuple[str, ...]
    facts: Facts
    parts: tuple[PartText, ...]
    leading: bool
    defined: bool


Render = Callable[[PagePart, bool, bool], tuple[str, str]]
"""A part, whether the page leads with some rankings and whether it defines protocols -> its text first, and below."""
Read = Callable[[UnitText], Sequence[StoredRecord]]


def units_of(records: Iterable[StoredRecord]) -> dict[str, list[StoredRecord]]:
    """Key of a unit -> its records."""
    found: dict[str, list[StoredRecord]] = {}
    for stored in records:
        facts = stored.record.dataset
        found.setdefault("folds" if facts.fold else group_key(facts), []).append(stored)
    return found


def unit_texts(
    fresh: Mapping[str, Sequence[StoredRecord]],
    known: Sequence[UnitText],
    audit: Audit | None,
    render: Render,
    read: Read,
) -> list[UnitText]:
    """The texts of all units of a page.

    Args:
        fresh: Key of a unit -> its records, of the units to make.
        known: Units that were made of the records that are there.
        audit: The audit of the dataset; None for none.
        render: What writes a part.
        read: What reads the records of a known unit, which is made again where another unit changes what it follows
            from, such as a new version of the protocol that ranks.
    """
    facts = {key: _facts(records) for key, records in fresh.items()}
    every = [*facts.values(), *(unit.facts for unit in known)]
    protocols = {name for one in every for _, names in one.protocols for name in names}
    made = {key: _parts(records, protocols, audit) for key, records in fresh.items()}
    leading = any(map(_is_current, (part for parts in made.values() for part in parts.values())))
    leading = leading or any(part.current for unit in known for part in unit.parts)
    defined = bool(definitions_of(every))
    other = [
        unit
        for unit in known
        if (unit.leading, unit.defined) != (leading, defined)
        or any(newest_version(part.ranked_by, protocols) != part.ranked for part in unit.parts)
    ]
    if other:
        kept = [unit for unit in known if unit not in other]
        return unit_texts({**fresh, **{unit.key: read(unit) for unit in other}}, kept, audit, render, read)
    texts = [
        UnitText(
            key=key,
            members=tuple(stored.name for stored in records),
            facts=facts[key],
            parts=tuple(
                PartText(
                    key=place,
                    ranked_by=part.dataset.ranked_by,
                    ranked=part.ranked,
                    current=_is_current(part),
                    folds=part.folds is not None,
                    **dict(zip(("top", "below"), render(part, leading, defined), strict=True)),
                )
                for place, part in made[key].items()
            ),
            leading=leading,
            defined=defined,
        )
        for key, records in fresh.items()
    ]
    return [*texts, *known]


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


def _parts(records: Sequence[StoredRecord], protocols: Iterable[str], audit: Audit | None) -> dict[str, PagePart]:
    groups = groups_of(pooled(records))
    return {group_key(group.records[0].record.dataset): page_part(group, protocols, audit) for group in groups}


def _is_current(part: PagePart) -> bool:
    return any(ranking.current for ranking in part.rankings)
