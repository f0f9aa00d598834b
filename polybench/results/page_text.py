"""The text of a leaderboard page: a byte-stable function of the records and of the dataset's audit, in Markdown.

What the papers print about the dataset follows the details, see `polybench.results.printed`.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from polybench.results.derived.audits import Audit
from polybench.results.details import names
from polybench.results.facts import UNOFFICIAL
from polybench.results.methods import LONG
from polybench.results.page_parts import PagePart
from polybench.results.page_units import Unit, UnitText, definitions_of, unit_texts, units_of
from polybench.results.printed.tables import printed_parts
from polybench.results.record import StoredRecord
from polybench.results.render import markdown


def page_text(dataset: str, records: Sequence[StoredRecord], audit: Audit | None, marker: str) -> str:
    """Write the page of one dataset, see `polybench.results.page.render_page`.

    Args:
        dataset: Its name.
        records: Its records, in any order.
        audit: Its audit; None for none.
        marker: A line that marks pages.
    """
    return assembled(dataset, unit_texts(units_of(records), [], audit, part_text, _read_nothing), marker)


def assembled(dataset: str, units: Sequence[UnitText], marker: str) -> str:
    """The page of some units.

    Args:
        dataset: Name of the dataset.
        units: All its units.
        marker: A line that marks pages.
    """
    parts = sorted((part for unit in units for part in unit.parts), key=lambda part: part.key)
    text = (
        _environment()
        .get_template("page.md.j2")
        .render(
            dataset=dataset,
            marker=marker,
            parts=parts,
            folds=any(part.folds for part in parts),
            printed=printed_parts(dataset),
            definitions=definitions_of([unit.facts for unit in units]),
        )
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def part_text(part: PagePart, leading: bool, defined: bool) -> tuple[str, str]:
    """The text of a part: what the page says first, and what it says below.

    Args:
        part: The part.
        leading: Whether the page leads with some rankings.
        defined: Whether it defines protocols.
    """
    on_top = [ranking for ranking in part.rankings if ranking.current or not leading]
    macros = vars(_environment().get_template("page_part.md.j2").module)
    return macros["top"](part, on_top), macros["below"](part, on_top, defined)


def _read_nothing(unit: UnitText) -> Unit:
    raise AssertionError(f"'{unit.key}' is not known")


@cache
def _environment() -> Environment:
    """What finds and compiles the templates of a page, each once."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        md=markdown.text,
        code=markdown.code,
        command=markdown.command,
        fence=markdown.fence,
        html=markdown.html_text,
        inline=markdown.inline,
        names=names,
        table=markdown.table_text,
    )
    environment.globals.update(unofficial=UNOFFICIAL, long=LONG)
    return environment
