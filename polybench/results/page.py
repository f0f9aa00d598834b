"""The leaderboard page: a byte-stable function of the records and of the dataset's audit, in Markdown."""

import gc
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import compress, repeat
from pathlib import Path

from threadpoolctl import threadpool_limits

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import ConfigError, DataError, did_you_mean
from polybench.results.derived.audits import Audit, read_audit
from polybench.results.lock import lock_of
from polybench.results.page_cache import Hashes, hashes_of, is_current, remember, was_written
from polybench.results.record import (
    StoredRecord,
    read_known,
    read_record,
    read_records,
    record_paths,
    recorded_datasets,
)

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
    from polybench.results.page_text import page_text  # imported when needed: a page that is current needs no scipy

    return page_text(dataset, records, audit, MARKER)


def write_page(root: Path, dataset: str) -> Path | None:
    """Write `root/<dataset>.md` from the dataset's records, which no other dataset's page needs.

    Processes may write at once: each reads the records under a lock, `root/.<dataset>.lock`, so that the page that is
    written last has the records of all. A page that was written of exactly these files is left as it is, see
    `polybench.results.page_cache`.

    Returns:
        The page; None, and nothing written, where the dataset has no records.

    Raises:
        DataError: If `root` doesn't exist or a record can't be read.
        OSError: If the page can't be written.
    """
    require_root(root)
    path = root / f"{dataset}.md"
    with lock_of(root, dataset):
        hashes = hashes_of(root, dataset)
        if is_current(root, dataset, hashes):
            return path
        text = _page(root, dataset) if hashes is None else page_of_units(root, hashes)
        if text is not None:
            atomic_write_text(path, text)
            remember(root, dataset, hashes, text)
    return None if text is None else path


def write_pages(root: Path, processes: int = 1) -> list[Path]:
    """Write the page of every dataset that has records, as `write_page` does; nothing is removed.

    Args:
        root: The folder of the leaderboards.
        processes: How many at once, each with pages of its own. With several, a script that calls this must be
            importable (`if __name__ == "__main__":`), as `multiprocessing` says.

    Raises:
        DataError: If `root` doesn't exist or a record can't be read.
        OSError: If a page can't be written.
    """
    require_root(root)
    names = recorded_datasets(root)
    if processes < 2 or len(names) < 2:
        return [path for name in names if (path := write_page(root, name)) is not None]
    with ThreadPoolExecutor(processes) as pool:  # hashes need no process of their own
        current = set(compress(names, pool.map(was_written, repeat(root), names)))
    others = sorted(set(names) - current, key=lambda name: (-len(list((root / "records" / name).iterdir())), name))
    written: dict[str, Path | None] = {name: root / f"{name}.md" for name in current}
    if len(others) < 2:
        written |= {name: write_page(root, name) for name in others}
    else:
        with ProcessPoolExecutor(min(processes, len(others)), multiprocessing.get_context("spawn")) as workers:
            written |= zip(others, workers.map(write_page, repeat(root), others), strict=True)
    return [path for name in names if (path := written[name]) is not None]


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


def refuse_unrecorded(root: Path, dataset: str, recorded: Sequence[str]) -> None:
    """Refuse a dataset without records.

    Args:
        root: The folder of the leaderboards.
        dataset: A name that was given.
        recorded: The datasets that have records.

    Raises:
        ConfigError: If it has none.
    """
    if dataset not in recorded:
        raise ConfigError(f"There are no records of '{dataset}' in '{root}'.{did_you_mean(dataset, recorded)}")


def check_records(root: Path, dataset: str) -> None:
    """Make sure that the page of a dataset can be made; records of which one was made before are believed.

    Raises:
        RecordError: If one can't be read, was edited, or contradicts its table.
    """
    from polybench.results.unit_cache import read_kept  # imported when needed, as in `render_page`

    hashes = hashes_of(root, dataset)
    if is_current(root, dataset, hashes):
        return
    kept = read_kept(root, dataset, hashes.inputs) if hashes else None
    for path in record_paths(root, dataset):
        if hashes is None or kept is None or not kept.has(path.stem, hashes):
            _checked(read_record(path))


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
    return [_checked(stored, recompute=recompute) for stored in read_records(root, dataset)]


def _checked(stored: StoredRecord, *, recompute: bool = False) -> StoredRecord:
    if recompute:
        stored.check()
    else:
        stored.check_seal()
    return stored


def _page(root: Path, dataset: str, *, recompute: bool = False) -> str | None:
    """The page of a dataset; None where it has no records."""
    with _undisturbed():
        records = checked_records(root, dataset, recompute=recompute)
        return render_page(dataset, records, read_audit(root, dataset)) if records else None


def page_of_units(root: Path, hashes: Hashes) -> str | None:
    """Write the page of a dataset, of which only units with a new or another record are made again.

    Args:
        root: The folder of the leaderboards.
        hashes: Of the files that the page follows from.

    Returns:
        Markdown, that of `render_page`; None where the dataset has no records.

    Raises:
        DataError: If a record can't be read, or records can't be put together.
    """
    from polybench.results import page_text, page_units, unit_cache  # imported when needed, as in `render_page`

    dataset, paths = hashes.dataset, record_paths(root, hashes.dataset)
    kept = unit_cache.read_kept(root, dataset, hashes.inputs)

    def read(path: Path) -> StoredRecord:
        return read_known(path) if kept.has(path.stem, hashes) else _checked(read_record(path))

    def read_unit(unit: page_units.UnitText) -> page_units.Unit:
        return unit_cache.read_unit(unit, root / "records" / dataset)

    with _undisturbed():
        intact = {unit.key: unit for unit in kept.intact(hashes)}
        known = {name for unit in intact.values() for name in unit.members}
        fresh = page_units.units_of(read(path) for path in paths if path.stem not in known)
        for key in fresh.keys() & intact.keys():
            known_unit = read_unit(intact.pop(key))
            records = sorted([*fresh[key].records, *known_unit.records], key=lambda stored: stored.name)
            fresh[key] = page_units.Unit(records, known_unit.numbers)
        if not fresh and not intact:
            return None
        audit = read_audit(root, dataset)
        units = page_units.unit_texts(fresh, list(intact.values()), audit, page_text.part_text, read_unit)
        unit_cache.keep(root, dataset, hashes, units)
        return page_text.assembled(dataset, units, MARKER)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Make a page without searches for cycles and without threads of linear algebra.

    The millions of objects of records have no cycles. The matrices of a page are so small that threads wait for each
    other longer than they compute.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        if was_on:
            gc.enable()
