"""Tables of printed numbers for the page of a dataset: rows and columns are those of the paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from polybench.results.printed.numbers import PrintedNumber, papers, printed_numbers
from polybench.results.tables import MISSING, Cell, Column, Marks, Table, joined

Row = tuple[str, str]


@dataclass(frozen=True)
class PrintedPart:
    """What belongs to one protocol.

    Attributes:
        protocol: Its name; empty for numbers of none.
        tables: The papers' tables.
    """

    protocol: str
    tables: tuple[Table, ...]


def printed_parts(dataset: str) -> list[PrintedPart]:
    """What the papers print about a dataset, by protocol; those without one last.

    Args:
        dataset: Its name.
    """
    found: dict[str, dict[tuple[str, str], list[PrintedNumber]]] = {}
    for number in printed_numbers():
        if number.dataset == dataset:
            found.setdefault(number.protocol, {}).setdefault((number.paper, number.table), []).append(number)
    parts = [PrintedPart(name, tuple(map(printed_table, tables.values()))) for name, tables in found.items()]
    return sorted(parts, key=lambda part: not part.protocol)


def printed_table(numbers: Sequence[PrintedNumber]) -> Table:
    """A table as it is printed, with a footnote for each note.

    Args:
        numbers: Those of one table and one dataset, at least one.
    """
    first = numbers[0]
    cells = {((one.method, one.backbone), one.metric): one for one in numbers}
    rows, metrics = list(dict.fromkeys(row for row, _ in cells)), list(dict.fromkeys(one.metric for one in numbers))
    letters = _letters(numbers)
    backbones = any(backbone for _, backbone in rows)
    columns = [Column("Method"), *([Column("Backbone")] if backbones else [])]
    columns += [Column(_heading(metric, numbers), "right") for metric in metrics]
    body = []
    for row in rows:
        values = [cells[row, metric] for metric in metrics if (row, metric) in cells]
        whole = _shared_note(values)
        line: list[Cell] = [joined((row[0], _mark(whole, letters)), "")]
        line += [row[1]] if backbones else []
        line += [_value(cells.get((row, metric)), letters, whole) for metric in metrics]
        body.append(tuple(line))
    setting = f": {first.setting}" if first.setting else ""
    return Table(
        columns=tuple(columns),
        rows=tuple(body),
        title=f"{_place(first)}, {first.printed_dataset or 'no dataset'}{setting}",
        notes=tuple(joined((Marks((letter,)), note)) for note, letter in letters.items()),
    )


def _place(number: PrintedNumber) -> str:
    name = papers()[number.paper].name
    return f"Text of the {name} paper" if number.table == "text" else f"Table {number.table} of the {name} paper"


def _heading(metric: str, numbers: Sequence[PrintedNumber]) -> str:
    """A metric and its unit; fractions need none."""
    unit = next(one.unit for one in numbers if one.metric == metric)
    unit = {"percent": "%", "fraction": "", "count": "", "Y/N": "", "p": "", "-": ""}.get(unit, unit)
    return f"{metric} ({unit})" if unit else metric


def _letters(numbers: Sequence[PrintedNumber]) -> dict[str, str]:
    """Each note -> its letter, in the order of the table; after z come aa, ab, ..."""
    notes = dict.fromkeys(one.note for one in numbers if one.note)
    return {note: _letter(place) for place, note in enumerate(notes)}


def _letter(place: int) -> str:
    more, last = divmod(place, len(ascii_lowercase))
    return (ascii_lowercase[more - 1] if more else "") + ascii_lowercase[last]


def _shared_note(values: Sequence[PrintedNumber]) -> str:
    """The note of all numbers of a row; empty where they differ."""
    notes = {one.note for one in values}
    return notes.pop() if len(notes) == 1 and len(values) > 1 else ""


def _value(number: PrintedNumber | None, letters: Mapping[str, str], whole: str) -> Cell:
    if number is None:
        return MISSING
    return joined((number.value, MISSING if number.note == whole else _mark(number.note, letters)), "")


def _mark(note: str, letters: Mapping[str, str]) -> Cell:
    return Marks((letters[note],)) if note else MISSING
