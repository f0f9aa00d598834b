"""Records of the leaderboards as runs in W&B, each sent once, and the table of all rows."""

import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import wandb

from polybench.callbacks.dashboard import Dashboard
from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.experiments.dashboard_facts import filters_of, summary_of
from polybench.results.export import ranked_csv
from polybench.results.page import checked_records, refuse_unrecorded, require_root
from polybench.results.record import Record, StoredRecord, recorded_datasets

LEDGER = ".cache/wandb"
"""Folder below the leaderboards: for each project, which records were sent."""
OVERVIEW = "leaderboards"
"""Name of the run that holds the table of all ranked rows, and of the table."""


@dataclass
class Sent:
    """What an upload sent.

    Attributes:
        runs: Names of the runs that were sent now.
        before: How many records were sent before, by this command or by their own training.
        place: Where the table is.
        note: What the user should know, such as that there is no login; None for nothing.
        offline: Whether the runs are written to a folder, and nothing has been sent.
    """

    runs: list[str] = field(default_factory=list)
    before: int = 0
    place: str = ""
    note: str | None = None
    offline: bool = False


def upload(root: Path, project: str, datasets: Sequence[str], folder: Path, *, again: bool = False) -> Sent:
    """Send the records of trained nets that a project doesn't have yet, and the table of all ranked rows.

    Args:
        root: The folder of the leaderboards.
        project: The W&B project.
        datasets: Of which datasets; all where there are none.
        folder: Where runs are written that are sent later, since there is no login.
        again: Send records again that were sent before.

    Raises:
        ConfigError: If a dataset has no records.
        DataError: If `root` doesn't exist or a record can't be read.
        OSError: If the list of what was sent can't be written.
    """
    records = _records(root, datasets)
    ledger = root / LEDGER / f"{project}.json"
    known = {} if again else _read(ledger)
    there = set() if again else _names_there(project)
    sent = Sent()
    for stored in (one for found in records.values() for one in found if one.record.kind == "trained"):
        digest = file_sha256(stored.path)
        if known.get(stored.name) == digest or stored.name in there:
            sent.before += 1
            continue
        sent.note = _send(stored, digest, project, folder) or sent.note
        sent.runs.append(stored.name)
        known[stored.name] = digest
        atomic_write_text(ledger, json.dumps(known, indent=0, sort_keys=True))  # after each: an upload may be stopped
    overview = Dashboard(project=project, save_dir=str(folder))
    overview.describe({}, id=f"overview-{OVERVIEW}", name=OVERVIEW, group=OVERVIEW, job_type="overview")
    run = overview.experiment
    rows = pd.read_csv(io.StringIO(ranked_csv(records)))
    overview.log_metrics({"rows": wandb.Table(dataframe=rows, allow_mixed_types=True)})
    sent.place, sent.note, sent.offline = overview.place(), overview.note or sent.note, overview.url is None
    run.finish()
    return sent


def facts_of(record: Record) -> dict[str, object]:
    """What the run of a record is filtered by."""
    net, training, ids, size = record.net, record.training, record.identity, record.dataset.size
    return filters_of(
        record.config,
        recipe=record.recipe,
        variant=record.variant,
        seed=record.seed,
        budget=record.budget,
        dataset=record.dataset.name,
        split=record.dataset.split,
        task=record.task,
        parameters=net.parameters if net is not None else None,
        start_weights=net.start_weights if net is not None else None,
        size=list(size) if size is not None else None,
        batch_size=training.batch_size if training is not None else None,
        precision=record.provenance.precision,
        processes=record.provenance.devices,
        training_id=ids.training_id if ids is not None else None,
    )


def _records(root: Path, datasets: Sequence[str]) -> dict[str, list[StoredRecord]]:
    """Dataset -> its records, checked."""
    require_root(root)
    recorded = recorded_datasets(root)
    for name in datasets:
        refuse_unrecorded(root, name, recorded)
    return {name: checked_records(root, name) for name in datasets or recorded}


def _send(stored: StoredRecord, digest: str, project: str, folder: Path) -> str | None:
    """Send one record; the dashboard's note."""
    record, dashboard = stored.record, Dashboard(project=project, save_dir=str(folder))
    ids = record.identity
    start = ids.training_id[:12] if ids is not None else record.config_sha256[:12]
    dashboard.describe(
        facts_of(record),
        id=f"{start}-s{record.seed}-{digest[:6]}",
        name=stored.name,
        group=f"{record.dataset.name}/{record.recipe}",
        job_type="record",
        tags=[record.dataset.name, record.task, str(record.budget)],
    )
    run = dashboard.experiment
    run.summary.update(summary_of(record))
    dashboard.log_table("test/images", dataframe=stored.rows())
    artifact = wandb.Artifact(f"record-{stored.name}", type="record", metadata={"command": record.command})
    artifact.add_file(str(stored.path))
    artifact.add_file(str(stored.path.with_suffix(".csv")))
    run.log_artifact(artifact)
    run.finish()
    return dashboard.note


def _read(ledger: Path) -> dict[str, str]:
    """Records that were sent before; none where the list is missing or damaged."""
    with suppress(OSError, ValueError):
        found = json.loads(ledger.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return {str(name): str(digest) for name, digest in found.items()}
    return {}


def _names_there(project: str) -> set[str]:
    """Names of the project's runs, among them those that trainings have sent; none without a login or a project."""
    if Dashboard(project=project).is_offline() or not wandb.login(prompt=False, verify=False):
        return set()
    with suppress(wandb.Error, ValueError):
        return {str(run.name) for run in wandb.Api().runs(project)}
    return set()
