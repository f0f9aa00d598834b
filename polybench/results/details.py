"""The folded details of a row: the command that reproduces it, its runs and its facts."""

from collections.abc import Iterable
from dataclasses import dataclass

from polybench.results import quantities
from polybench.results.folds import parts_of
from polybench.results.methods import method_facts
from polybench.results.record import Record, StoredRecord, row_id
from polybench.results.render.markdown import address
from polybench.results.start import start_details
from polybench.results.table import Row, budget_of
from polybench.results.tables import (
    MISSING,
    Bytes,
    Cell,
    Code,
    Column,
    Link,
    Number,
    Seconds,
    Table,
    distinct,
    joined,
)
from polybench.results.verified import mark_of
from polybench.results.view import EARLIER_IDENTITY, hardware_of, name_of

RUN_COLUMNS = (
    Column("Run"),
    Column("Score", "right"),
    Column("Epochs (best)", "right"),
    Column("Training", "right"),
    Column("Images per second", "right"),
    Column("Peak memory", "right"),
    Column("Finished (UTC)"),
    Column("Commit"),
    Column("Checkpoint sha256"),
)


@dataclass(frozen=True)
class Details:
    """The foldable part of one row.

    Attributes:
        anchor: Where the row's links lead.
        name: Name of the row.
        origin: What `digits` are of.
        digits: Eight hexadecimal digits of the row.
        what: Seeds of a trained row, size of a baseline's images, and the number of folds where several are pooled.
        commands: One command line for each seed, equal ones once.
        needs: What the commands need in addition, a sentence each.
        runs: Every run, repeats included.
        facts: Label -> text.
    """

    anchor: str
    name: str
    origin: str
    digits: str
    what: str
    commands: tuple[str, ...]
    needs: tuple[str, ...]
    runs: Table
    facts: tuple[tuple[str, Cell], ...]


def details(row: Row, protocol: str) -> Details:
    """The details of a row; what differs between its runs is in the table of runs, or listed for each."""
    record = row.first.record
    seeds = f"seed{'s' if len(row.runs) > 1 else ''} {', '.join(str(run.record.seed) for run in row.runs)}"
    runs = [part.record for part in row.parts]
    folds = parts_of(row.first)
    hashes = [Code(digest) for digest in dict.fromkeys(part.record.config_sha256 for part in folds)]
    several = f", {len(folds)} folds" if len(folds) > 1 else ""
    facts: list[tuple[str, Cell]] = [
        ("Net", distinct(map(_net, runs))),
        ("Weights", distinct(map(start_details, runs))),
        ("Seen in training", budget_of(row) or MISSING),
        *method_facts(runs),
        ("Crops", _crops(record)),
        ("Batch size", distinct(str(one.training.batch_size) for one in runs if one.training)),
        ("Hardware", distinct(hardware_of(part.record, full=True) for part in row.every_part)),
        ("Versions", distinct(_versions(part.record) for part in row.every_part)),
        ("Run again", joined([mark.sentence() for part in row.every_part if (mark := mark_of(part))], "; ")),
        ("Identity", _hashes(record)),
        (
            "Configuration",
            joined(
                (
                    "sha256",
                    joined((joined(hashes, ", "), f"in full in the record{'s' if len(hashes) > 1 else ''}"), ", "),
                )
            ),
        ),
    ]
    return Details(
        anchor=row.anchor,
        name=name_of(record),
        origin=_origin(record),
        digits=row_id(record),
        what=(seeds if record.kind == "trained" else quantities.scored_at(record.dataset)) + several,
        commands=tuple(dict.fromkeys(one.command for one in runs)),
        needs=tuple(dict.fromkeys(need for one in runs for need in one.needs)),
        runs=Table(RUN_COLUMNS, tuple(_run_cells(part, protocol, row.layout.headline) for part in row.every_part)),
        facts=tuple((name, text) for name, text in facts if text != MISSING),
    )


def _run_cells(run: StoredRecord, protocol: str, metric: str) -> tuple[Cell, ...]:
    record, origin, took = run.record, run.record.provenance, run.record.training
    values = record.metrics[protocol].values
    epochs: Cell = MISSING
    if took is not None:
        epochs = str(took.epochs_run) + (f" ({took.best_epoch})" if took.best_epoch is not None else "")
    speed = took.images_per_second if took else None
    memory = took.peak_memory_bytes if took else None
    return (
        _files(run),
        Number(values[metric].value) if metric in values else MISSING,
        epochs,
        Seconds(took.wall_seconds) if took else MISSING,
        MISSING if speed is None else Number(speed, significant=4),
        MISSING if memory is None else Bytes(memory),
        origin.finished_at[:16].replace("T", " "),
        _commit(record),
        Code(origin.checkpoint_sha256) if origin.checkpoint_sha256 else MISSING,
    )


def _files(run: StoredRecord) -> Cell:
    """Links to a run's record, its per-image table and its dashboard."""
    file, board = f"records/{run.record.dataset.name}/{run.name}", run.record.provenance.logger_url
    fold = run.record.dataset.fold
    links: list[Cell] = [Link(run.name, url=f"{file}.json"), Link("per image", url=f"{file}.csv")]
    if fold is not None:
        links.insert(0, f"fold {fold.number}")
    if board and address(board):
        links.append(Link("dashboard", url=board))
    return joined(links, ", ")


def _commit(record: Record) -> Cell:
    origin = record.provenance
    commit: Cell = Code(origin.git_commit[:10]) if origin.git_commit else "unknown"
    return joined((commit, "+ uncommitted changes" if origin.dirty else ""))


def _crops(record: Record) -> Cell:
    """How crops were drawn, and how frames were evaluated by tiles."""
    crop = record.dataset.crop
    if crop is None or record.kind == "baseline":
        return MISSING
    return (
        f"{crop.per_image} of each frame and epoch at scale {crop.scale:g}, centred on a foreground pixel with "
        f"probability {crop.foreground:g}, at least {crop.in_view:g} of each in the field of view where there is one; "
        f"whole frames are evaluated by tiles that overlap by {crop.overlap} pixels"
    )


def _net(record: Record) -> Cell:
    net = record.net
    if net is None:
        return MISSING
    macs = f", {net.macs:,} multiply-accumulates per image" if net.macs is not None else ""
    size = quantities.size(record.dataset.size)
    counts = f"version {net.version}, {net.parameters:,} parameters{macs} at {size}"
    return joined((f"{net.summary}:", Code(net.class_path), counts))


def _origin(record: Record) -> str:
    """What the digits in a row's heading are of."""
    if record.kind == "baseline":
        return "baseline"
    return "row" if record.identity else f"{EARLIER_IDENTITY}, config"


def _hashes(record: Record) -> Cell:
    if record.identity is None:
        return MISSING
    training, evaluation = record.identity.training_id, record.identity.evaluation_id
    return joined((joined(("training", Code(training))), joined(("evaluation", Code(evaluation)))), ", ")


def _versions(record: Record) -> str:
    origin = record.provenance
    packages = [f"{name} {origin.versions[name]}" for name in sorted(origin.versions)]
    return ", ".join([f"polybench {origin.polybench}", f"Python {origin.python}", *packages])


def names(rows: Iterable[Details]) -> str:
    """Names of several rows, each once."""
    return ", ".join(dict.fromkeys(row.name for row in rows))
