"""The tables and figures of the five papers: what shows each here, and how far; as a page."""

from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

from polybench.results.printed.files import lines
from polybench.results.printed.numbers import papers
from polybench.results.printed.rows import left_out
from polybench.results.render import markdown
from polybench.results.tables import Code, Column, Table

STATES = {
    "recipe complete": "one command makes it, with the paper's settings as far as they are printed",
    "in part": "one command makes what the note doesn't exclude",
    "reduced": "one command makes it small, of real images: narrow nets, small images, about an hour on one thread",
    "not yet": "polybench has no command for it",
    "can't be had": "what it is of was not released",
    "drawing of a method": "it shows no result",
}
"""State -> what it means."""


@dataclass(frozen=True)
class Place:
    """A table or figure, or some of them.

    Attributes:
        paper: Key of the paper.
        place: Its number.
        what: What it shows.
        command: The command line; empty for none.
        state: One of `STATES`.
        note: What is missing, or differs; may be empty.
    """

    paper: str
    place: str
    what: str
    command: str
    state: str
    note: str


@cache
def places() -> tuple[Place, ...]:
    """Read them, in the order of the papers."""
    return tuple(Place(**row) for row in lines("places.csv"))


def places_table(paper: str) -> Table:
    """The tables and figures of a paper.

    Args:
        paper: Its key.
    """
    columns = (Column("Where"), Column("What"), Column("Command"), Column("State"), Column("Note"))
    rows = tuple(
        (one.place, one.what, Code(one.command) if one.command else "", one.state, _note(one))
        for one in places()
        if one.paper == paper
    )
    return Table(columns, rows, f"{papers()[paper].name}: {papers()[paper].citation}")


def _note(place: Place) -> str:
    """Its note, and the rows that its plan hasn't."""
    words = place.command.split()
    plan = PurePath(words[words.index("--config") + 1]).stem if "--config" in words else ""
    return "; ".join(filter(None, (place.note, left_out(place.paper, place.place.removeprefix("Table "), plan))))


def places_page() -> str:
    """The page of all papers, in Markdown; always the same bytes for the same data."""
    parts = [
        "# Tables and figures of the five papers\n",
        "<!-- Made by `polybench list papers --output leaderboards/papers.md`; do not edit. -->\n",
        "What each paper prints stands on the page of its dataset. No table was run here with a paper's settings: rows "
        "of\nthe boards are reduced, and their pages say so. States:\n",
        "".join(f"- **{state}**: {meaning}.\n" for state, meaning in STATES.items()),
    ]
    for key in papers():
        table = places_table(key)
        name, _, citation = table.title.partition(": ")
        parts += [f"## {markdown.text(name)}\n", f"{markdown.text(citation)}.\n", markdown.table_text(table)]
    return "\n".join(parts)
