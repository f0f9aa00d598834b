"""Rows that are out of date: a run of today would not give them again.

A record is compared with what its own configuration amounts to today: protocols and their versions, the versions of the
classes (net, loss, policy, data module), the list of its split, and, where the dataset is here, the copy.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from polybench.core.errors import DataError, UserError
from polybench.core.own_code import make_importable
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import open_split
from polybench.experiments.class_versions import resolve
from polybench.results.record import Record, StoredRecord, read_records
from polybench.results.tables import Column, Table
from polybench.runs.cell_data import open_data
from polybench.runs.run_today import IMAGENET, RunToday, outdated_protocols

COLUMNS = (Column("Record"), Column("Out of date"))

FILES = (".csv", ".ckpt", ".npz", ".pt", ".pth", ".safetensors")
"""Ends of the names of files that move a number."""


def stale_table(leaderboard: Path) -> Table:
    """A row for each record that is out of date, with the reasons.

    Args:
        leaderboard: The leaderboard's folder.

    Raises:
        DataError: If there is no record, or one can't be read.
    """
    records = read_records(leaderboard)
    if not records:
        raise DataError(f"There is no record in '{leaderboard}': name another folder with --leaderboard.")
    make_importable()  # data modules of the user's own, in the current folder
    copies = _Copies()
    elsewhere = [one for one in records if _names_files_elsewhere(one.record.config)]
    from_files = [one for one in records if one not in elsewhere and _starts_from_files(one.record)]
    found = [(one, list(_reasons(one.record, copies))) for one in records if one not in elsewhere]
    rows = [(_place(one), "; ".join(reasons)) for one, reasons in found if reasons]
    notes = [f"{len(rows)} of {len(records)} records are out of date."]
    if copies.not_here:
        notes.append(f"Copies of {', '.join(sorted(copies.not_here))} are not compared: these data aren't here.")
    notes += [f"The copy of {name} is not compared: {why}" for name, why in sorted(copies.unopened.items())]
    if from_files:
        notes.append(f"{len(from_files)} start from files or other runs, which are taken to be those of their records.")
    if elsewhere:
        notes.append(f"{len(elsewhere)} are not compared, since their configurations name files that aren't here.")
    return Table(COLUMNS, tuple(rows), "Rows that are out of date", tuple(notes))


def _names_files_elsewhere(value: Any) -> bool:
    """Whether a configuration names a file that isn't here, so that nobody can tell whether it has changed."""
    if isinstance(value, Mapping):
        return any(map(_names_files_elsewhere, value.values()))
    if isinstance(value, list):
        return any(map(_names_files_elsewhere, value))
    return isinstance(value, str) and value.endswith(FILES) and not Path(value).is_file()


def _starts_from_files(record: Record) -> bool:
    """Whether a row's weights start from a file or another run, which today may be another one."""
    if record.kind != "trained" or record.start is None or record.start.source is None:
        return False
    return record.start.kind != "initialised" or record.start.source.dataset != IMAGENET


def _place(stored: StoredRecord) -> str:
    return f"{stored.path.parent.name}/{stored.path.stem}"


class _Copies:
    """The manifests of the data that are here.

    Attributes:
        not_here: Datasets that aren't.
        unopened: Datasets that nobody can look for, and why.
    """

    def __init__(self) -> None:
        self.not_here: set[str] = set()
        self.unopened: dict[str, str] = {}
        self._manifests: dict[str, str | None] = {}

    def manifest(self, record: Record) -> str | None:
        """The hash of the copy that is here of a record's dataset; None where it isn't."""
        config = record.config
        key = repr(config["data"])
        if key not in self._manifests:
            try:
                facts = open_data(config).facts
                self._manifests[key] = facts.manifest_sha256 if facts is not None else None
            except DataError:
                self.not_here.add(record.dataset.name)
                self._manifests[key] = None
            except UserError as error:
                self.unopened[record.dataset.name] = str(error)
                self._manifests[key] = None
        return self._manifests[key]


def _reasons(record: Record, copies: _Copies) -> Iterator[str]:
    """Why a record is out of date."""
    for key, now in outdated_protocols(record).items():
        yield f"protocol {key}, now {now}"
    if record.kind != "trained":
        return
    if record.identity is None:
        yield "identity 1, of an earlier version"
        return
    config = {key: value for key, value in record.config.items() if key not in {"processes", *record.sections}}
    run = RunToday(config, int(record.config.get("processes", 1)))
    yield from _classes(record, run)
    if _evaluation_has_moved(record, run):
        yield "evaluated in another way: its evaluation_id is another one today"
    split = _split_today(record.config)
    if split is not None and split != record.dataset.split_sha256:
        yield f"split {record.dataset.split} has changed"
    copy = copies.manifest(record)
    if copy is not None and copy != record.dataset.manifest_sha256:
        yield "another copy of the data is here"


def _classes(record: Record, run: RunToday) -> Iterator[str]:
    """Classes whose version isn't that of the record; the name of the one where it alone explains the change."""
    assert record.identity is not None
    wanted = record.identity.training_id
    try:
        if run.training_id(record.dataset, record.start) == wanted:
            return
        for changed, what in _earlier(run.content):
            if run.training_id(record.dataset, record.start, changed) == wanted:
                yield what
                return
    except (UserError, ValueError) as error:
        yield f"its configuration can't be read any more: {error}"
        return
    yield "a class of its configuration, or a package that brings one, has another version"


def _evaluation_has_moved(record: Record, run: RunToday) -> bool:
    """Whether batch, tiles or fitting of an evaluation amount to something else today."""
    assert record.identity is not None
    if record.config.keys() & record.sections.keys():  # a method changed the predictions
        return False
    try:
        return run.evaluation_id(record) != record.identity.evaluation_id
    except UserError:
        return False


def _earlier(content: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The canonical form with one class at an earlier version of ours, for each class and version."""
    for place, node in _versioned(content):
        head, *rest = str(node["version"]).split(".")
        for version in range(1, int(head)):
            changed = deepcopy(dict(content))
            found: Any = changed
            for key in place:
                found = found[key]
            found["version"] = ".".join([str(version), *rest])
            yield changed, f"{node['class']} was version {version}, now {head}"


def _versioned(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """The classes of a canonical form with a version of ours, and their places."""
    if isinstance(value, Mapping):
        if "class" in value and str(value.get("version", "")).partition(".")[0].isdecimal():
            yield place, value
        for key, item in value.items():
            yield from _versioned(item, (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _versioned(item, (*place, number))


def _split_today(config: Mapping[str, Any]) -> str | None:
    """The hash of the split's list today; None where the configuration names none of a dataset of ours."""
    node = _dataset_node(config.get("data"))
    return None if node is None else _split_sha256(node["class_path"], (node.get("init_args") or {}).get("split"))


@cache
def _split_sha256(class_path: str, split: str | None) -> str | None:
    try:
        return open_split(resolve(class_path), split).sha256
    except UserError:
        return None


def _dataset_node(value: Any) -> Mapping[str, Any] | None:
    """The segmentation dataset of a data module's configuration, or that which it takes its images from."""
    if not isinstance(value, Mapping):
        return None
    if "class_path" in value:
        try:
            found = resolve(value["class_path"])
        except UserError:
            return None
        if isinstance(found, type) and issubclass(found, SegmentationDataModule):
            return value
    inner = (_dataset_node(item) for item in value.values())
    return next((node for node in inner if node is not None), None)
