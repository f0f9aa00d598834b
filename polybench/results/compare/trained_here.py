"""A row of a net that was trained on another dataset beside the rows of the same net that were trained on this one."""

from pathlib import Path

from polybench.results.compare.compared import Compared, compare
from polybench.results.compare.rows import Rows
from polybench.results.methods import is_altered
from polybench.results.record import Record, read_record, read_records, row_name
from polybench.results.table import group_key


def beside_those_trained_here(path: Path) -> Compared | None:
    """Compare a row, image by image, with the rows of the same net, start and budget that were trained on its dataset.

    Args:
        path: The record of a test on a dataset that the net was not trained on.

    Returns:
        Each of these rows against that of the record; None where there are none.

    Raises:
        DataError: If a record can't be read.
    """
    tested, root = read_record(path).record, path.parents[2]
    alike = [stored.record for stored in read_records(root, tested.dataset.name) if _is_alike(stored.record, tested)]
    names = [row_name(tested), *dict.fromkeys(map(row_name, alike))]
    if len(names) == 1:
        return None
    known = Rows(root, tested.dataset.name, names=names)
    rows = [known.named(name) for name in names]
    return compare(rows, against=rows[0].name)


def _is_alike(record: Record, tested: Record) -> bool:
    """Whether a record is of the same net, trained as long from the same start, on the dataset that is tested."""
    return not is_altered(record) and _method(record) == _method(tested) and record.kind == "trained"


def _method(record: Record) -> tuple[object, ...]:
    net, ids = record.net, record.identity
    what = (net.class_path, net.summary, net.start_weights) if net is not None else None
    return group_key(record.dataset), record.budget, ids.budget_id if ids is not None else None, what
