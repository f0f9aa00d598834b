"""The text of a leaderboard page: a byte-stable function of the records and of the dataset's audit, in Markdown."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from polybench.results.derived.audits import Audit
from polybench.results.details import names
from polybench.results.facts import UNOFFICIAL
from polybench.results.folds import pooled
from polybench.results.methods import LONG
from polybench.results.page_parts import definitions, page_part
from polybench.results.record import StoredRecord
from polybench.results.render import markdown
from polybench.results.table import groups_of


def page_text(dataset: str, records: Sequence[StoredRecord], audit: Audit | None, marker: str) -> str:
    """Write the page of one dataset, see `polybench.results.page.render_page`.

    Args:
        dataset: Its name.
        records: Its records, in any order.
        audit: Its audit; None for none.
        marker: A line that marks pages.
    """
    parts = [page_part(group, records, audit) for group in groups_of(pooled(records))]
    leading = any(ranking.current for part in parts for ranking in part.rankings)
    text = _template().render(
        dataset=dataset,
        marker=marker,
        unofficial=UNOFFICIAL,
        long=LONG,
        parts=parts,
        on_top=[ranking for part in parts for ranking in part.rankings if ranking.current or not leading],
        folds=any(part.folds for part in parts),
        definitions=definitions(records),
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


@cache
def _template() -> Template:
    """The page's template, compiled once."""
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
    return environment.get_template("page.md.j2")
