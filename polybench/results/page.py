"""The leaderboard page: a byte-stable function of the records and of the dataset's audit, in Markdown."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import DataError
from polybench.results.derived.audits import Audit, read_audit
from polybench.results.details import names
from polybench.results.facts import UNOFFICIAL
from polybench.results.folds import pooled
from polybench.results.lock import lock_of
from polybench.results.methods import LONG
from polybench.results.page_parts import definitions, page_part
from polybench.results.record import StoredRecord, read_records, recorded_datasets
from polybench.results.render import markdown
from polybench.results.table import groups_of

MARKER = "<!-- Made by `polybench leaderboard` from the records; do not edit. -->"


def render_page(dataset: str, records: Sequence[StoredRecord], audit: Audit | None = None) -> str:
    """Write the page of one dataset.

    Args:
        dataset: Its name.
        records: Its records, in any order.
        audit: Its audit, from which numbers by object size and without near-duplicates follow; None for none.

    Returns:
        Markdown; equal records and audits give equal bytes.

    Raises:
        DataError: If the seeds of one row can't be averaged, or its folds can't be pooled.
    """
    parts = [page_part(group, records, audit) for group in groups_of(pooled(records))]
    leading = any(ranking.current for part in parts for ranking in part.rankings)
    text = _template().render(
        dataset=dataset,
        marker=MARKER,
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


def write_page(root: Path, dataset: str) -> Path | None:
    """Write `root/<dataset>.md` from the dataset's records, which no other dataset's page needs.

    Processes may write at once: each reads the records under a lock, `root/.<dataset>.lock`, so that the page that is
    written last has the records of all.

    Returns:
        The page; None, and nothing written, where the dataset has no records.

    Raises:
        DataError: If `root` doesn't exist or a record can't be read.
        OSError: If the page can't be written.
    """
    require_root(root)
    path = root / f"{dataset}.md"
    with lock_of(root, dataset):
        text = _page(root, dataset)
        if text is not None:
            atomic_write_text(path, text)
    return None if text is None else path


def write_pages(root: Path) -> list[Path]:
    """Write the page of every dataset that has records, as `write_page` does; nothing is removed.

    Raises:
        DataError: If `root` doesn't exist or a record can't be read.
        OSError: If a page can't be written.
    """
    require_root(root)
    return [path for name in recorded_datasets(root) if (path := write_page(root, name)) is not None]


def stale_pages(root: Path) -> list[str]:
    """Say for each page how it differs from what the records give; empty when all is well.

    Every number of a record that its table determines is computed again. Line ends may be those of Windows, as git
    writes them there.

    Raises:
        DataError: If `root` doesn't exist or a record can't be read.
    """
    require_root(root)
    pages = {root / f"{name}.md": _page(root, name, recompute=True) for name in recorded_datasets(root)}
    reasons = []
    for path, text in pages.items():
        if text is None:
            continue
        if not path.is_file():
            reasons.append(f"'{path}' is missing.")
        elif path.read_bytes().replace(b"\r\n", b"\n") != text.encode():
            reasons.append(f"'{path}' differs from its records.")
    for path in sorted(root.glob("*.md")):
        if path not in pages and path.is_file() and MARKER.encode() in path.read_bytes():
            reasons.append(f"'{path}' has no records.")
    return reasons


def require_root(root: Path) -> None:
    """Check that the folder of the leaderboards exists.

    Raises:
        DataError: If it doesn't.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder of leaderboards at '{root}': name it with --root.")


def checked_records(root: Path, dataset: str, *, recompute: bool = False) -> list[StoredRecord]:
    """The records of a dataset, each checked to be as polybench wrote it.

    Args:
        root: The folder of the leaderboards.
        dataset: Its name.
        recompute: Whether every number of a record is held against its table; else this is done where the record
            doesn't state the hashes of both files alone, and hashes are compared where it does.

    Raises:
        RecordError: If one can't be read, was edited, or contradicts its table.
    """
    records = read_records(root, dataset)
    for stored in records:
        if recompute:
            stored.check()
        else:
            stored.check_seal()
    return records


def _page(root: Path, dataset: str, *, recompute: bool = False) -> str | None:
    """The page of a dataset; None where it has no records."""
    records = checked_records(root, dataset, recompute=recompute)
    return render_page(dataset, records, read_audit(root, dataset)) if records else None
