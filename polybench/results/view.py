"""A row in words: the cells of the page's tables and the details that get the row again."""

import statistics
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from polybench.results import format as formats
from polybench.results.layout import layout_of
from polybench.results.ranking import Rank
from polybench.results.readings import title
from polybench.results.record import Record, StoredRecord, row_id
from polybench.results.refinement_table import refinement_facts
from polybench.results.start import start_cell, start_details
from polybench.results.table import Row, budget_of

# Title -> alignment, in Markdown.
COST_COLUMNS = {
    "Recipe": ":---",
    "Net": ":---",
    "Input": "---:",
    "Epochs": "---:",
    "Start weights": ":---",
    "Parameters": "---:",
    "MACs": "---:",
    "Training": "---:",
    "Peak memory": "---:",
    "Devices, precision": ":---",
    "Get it again": ":---",
}
RUN_COLUMNS = {
    "Run": ":---",
    "Score": "---:",
    "Epochs (best)": "---:",
    "Training": "---:",
    "Images per second": "---:",
    "Peak memory": "---:",
    "Finished (UTC)": ":---",
    "Commit": ":---",
    "Checkpoint sha256": ":---",
}
EARLIER_IDENTITY = "identity 1"
"""What rows are called whose records have no identity."""


@dataclass(frozen=True)
class Details:
    """The foldable text under a table that belongs to one row; strings are Markdown.

    Attributes:
        anchor: Where the row's links lead.
        title: The visible line, in HTML.
        commands: One command line for each seed.
        needs: What they need besides, a sentence each.
        runs: Cells of `RUN_COLUMNS` for every run, repeats included.
        facts: Label -> text.
    """

    anchor: str
    title: str
    commands: tuple[str, ...]
    needs: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]
    facts: tuple[tuple[str, str], ...]


def label(record: Record, ambiguous: Collection[tuple[str, str | None]]) -> str:
    """A recipe with its variant; a baseline's name in words and italics.

    Args:
        record: A run.
        ambiguous: Recipes and variants of which there are several rows, which the row id tells apart.
    """
    name = formats.text(_name(record))
    if record.kind == "baseline":
        return f"*{name}*"
    return f"{name} {formats.code(row_id(record))}" if (record.recipe, record.variant) in ambiguous else name


def score_columns(row: Row) -> dict[str, str]:
    """The columns of a table of rows like this one: title -> alignment."""
    layout = row.layout
    return {
        "Rank": ":---:",
        "Recipe": ":---",
        "Seen in training": ":---",
        f"{title(layout.headline)} [95 % interval]": ":---",
        **{_sentence_case(title(name)): "---:" for name in layout.shown},
        **({"FP on empty": "---:"} if row.empty_masks is not None else {}),
        f"{_sentence_case(layout.what)} (groups)": "---:",
        "Seeds": ":---",
    }


def score_cells(row: Row, name: str, rank: Rank | None, protocol: str) -> list[str]:
    """The cells of `score_columns`.

    Args:
        row: The row.
        name: What it is called, in Markdown.
        rank: Its rank; None when unranked.
        protocol: The table's protocol.
    """
    record, scores, main = row.first.record, row.first.record.metrics[protocol], row.headline
    empty = (
        f"{row.false_positives:.3g} of {row.empty_masks}" if row.empty_masks and row.false_positives is not None else ""
    )
    shown = [formats.fraction(score.value) if (score := row.scores.get(key)) else "" for key in row.layout.shown]
    cells = [
        f"{formats.between(rank.best, rank.worst)} of {rank.of}" if rank else _unranked(record),
        name,
        formats.text(budget_of(row) or ""),
        f"{formats.score(main)} {formats.interval(main)}".strip() if main else "",
        *shown,
        *([empty] if row.empty_masks is not None else []),
        f"{scores.n} ({scores.groups})",
        _seeds(row) if record.kind == "trained" else "",
    ]
    return [cell or formats.DASH for cell in cells]


def cost_cells(row: Row, name: str) -> list[str]:
    """The cells of `COST_COLUMNS`; a row of several seeds gives the mean time and the largest memory.

    A refined test trained nothing.

    Args:
        row: The row.
        name: What it is called, in Markdown.
    """
    record = row.first.record
    took = [run.record.training for run in row.runs if run.record.training and run.record.refinement is None]
    peaks = [facts.peak_memory_bytes for facts in took if facts.peak_memory_bytes is not None]
    epochs = [facts.epochs_run for facts in took]
    hardware = {_hardware(run.record) for run in row.runs}
    return [
        name,
        formats.text(record.net.summary) if record.net else formats.DASH,
        formats.size(record.dataset.size),
        formats.between(min(epochs), max(epochs)) if epochs else formats.DASH,
        start_cell([run.record for run in row.runs]),
        formats.magnitude(record.net.parameters if record.net else None) + _and_of_classifier(record),
        formats.magnitude(record.net.macs if record.net else None) + _times_passes(record),
        formats.duration(statistics.fmean(facts.wall_seconds for facts in took)) if took else formats.DASH,
        formats.memory(max(peaks, default=None)),
        "; ".join(sorted(hardware)),
        f"[command](#{row.anchor})",
    ]


def details(row: Row, protocol: str) -> Details:
    """The details of a row; what differs between its runs stands in the table of runs, or twice."""
    record = row.first.record
    heading = [f"<b>{_name(record)}</b>", f"{_identity(record)} <code>{row_id(record)}</code>"]
    if record.kind == "trained":
        heading.append(f"seed{'s' if len(row.runs) > 1 else ''} {', '.join(str(run.record.seed) for run in row.runs)}")
    else:
        heading.append(formats.size(record.dataset.size))
    facts = [
        ("Net", _distinct(_net(run.record) for run in row.runs)),
        ("Weights", _distinct(start_details(run.record) for run in row.runs)),
        ("Seen in training", formats.text(budget_of(row) or "")),
        *_passes(record),
        *refinement_facts([run.record for run in row.runs]),
        ("Batch size", _distinct(str(run.record.training.batch_size) for run in row.runs if run.record.training)),
        ("Hardware", _distinct(_hardware(run.record, full=True) for run in row.every_run)),
        ("Versions", _distinct(_versions(run.record) for run in row.every_run)),
        ("Identity", _hashes(record)),
        ("Configuration", f"sha256 {formats.code(record.config_sha256)}, in full in the record"),
    ]
    return Details(
        anchor=row.anchor,
        title=" · ".join(heading),
        commands=tuple(formats.command(run.record.command) for run in row.runs),
        needs=tuple(dict.fromkeys(need for run in row.runs for need in run.record.needs)),
        runs=tuple(_run_cells(run, protocol, row.layout.headline) for run in row.every_run),
        facts=tuple((name, text) for name, text in facts if text),
    )


def _run_cells(run: StoredRecord, protocol: str, metric: str) -> tuple[str, ...]:
    record, origin, took = run.record, run.record.provenance, run.record.training
    values = record.metrics[protocol].values
    file = f"records/{record.dataset.name}/{run.name}"
    links = f"[{formats.text(run.name)}]({file}.json), [per image]({file}.csv)"
    if origin.logger_url and (url := formats.address(origin.logger_url)):
        links += f", [dashboard](<{url}>)"
    epochs = ""
    if took is not None:
        epochs = str(took.epochs_run) + (f" ({took.best_epoch})" if took.best_epoch is not None else "")
    commit = formats.code(origin.git_commit[:10]) if origin.git_commit else "unknown"
    cells = (
        links,
        formats.fraction(values[metric].value) if metric in values else "",
        epochs,
        formats.duration(took.wall_seconds) if took else "",
        f"{took.images_per_second:.4g}" if took and took.images_per_second is not None else "",
        formats.memory(took.peak_memory_bytes if took else None),
        formats.text(origin.finished_at[:16].replace("T", " ")),
        commit + (" + uncommitted changes" if origin.dirty else ""),
        formats.code(origin.checkpoint_sha256) if origin.checkpoint_sha256 else "",
    )
    return tuple(cell or formats.DASH for cell in cells)


def _name(record: Record) -> str:
    if record.kind == "baseline":
        return record.recipe.replace("_", " ").replace("-", " ").capitalize()
    return record.recipe + (f" ({record.variant})" if record.variant else "")


def _seeds(row: Row) -> str:
    seeds = ", ".join(str(run.record.seed) for run in row.runs)
    return f"{len(row.runs)} ({seeds})" if len(row.runs) > 1 else seeds


def _net(record: Record) -> str:
    if record.net is None:
        return ""
    macs = f", {record.net.macs:,} multiply-accumulates per image" if record.net.macs is not None else ""
    size = formats.size(record.dataset.size)
    return (
        f"{formats.text(record.net.summary)}: {formats.code(record.net.class_path)} version "
        f"{formats.text(record.net.version)}, {record.net.parameters:,} parameters{macs} at {size}"
    )


def _and_of_classifier(record: Record) -> str:
    """The parameters of the classifier that refined, to stand after the net's."""
    net = record.refinement.classifier_net if record.refinement else None
    return f" + {formats.magnitude(net.parameters)}" if net else ""


def _identity(record: Record) -> str:
    """What the digits in a row's heading are of."""
    if record.kind == "baseline":
        return "baseline"
    return "row" if record.identity else f"{EARLIER_IDENTITY}, config"


def _hashes(record: Record) -> str:
    if record.identity is None:
        return ""
    training, evaluation = record.identity.training_id, record.identity.evaluation_id
    return f"training {formats.code(training)}, evaluation {formats.code(evaluation)}"


def _unranked(record: Record) -> str:
    """What stands in the place of a rank."""
    return EARLIER_IDENTITY if record.kind == "trained" and record.identity is None else ""


def _sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]


def _hardware(record: Record, *, full: bool = False) -> str:
    origin = record.provenance
    short = f"{origin.devices} {formats.TIMES} {formats.text(origin.device)}, {formats.text(origin.precision)}"
    mode = "deterministic" if origin.deterministic else "not deterministic"
    threads = f"{origin.threads} thread{'' if origin.threads == 1 else 's'}, " if origin.threads else ""
    return f"{short}, {threads}{mode} algorithms, {formats.text(origin.platform)}" if full else short


def _versions(record: Record) -> str:
    origin = record.provenance
    packages = [f"{name} {origin.versions[name]}" for name in sorted(origin.versions)]
    return formats.text(", ".join([f"polybench {origin.polybench}", f"Python {origin.python}", *packages]))


def _times_passes(record: Record) -> str:
    """How often a net that predicts in several passes does its work for an image."""
    passes = record.passes
    return f" {formats.TIMES} {passes.mean_passes:.3g} passes" if passes and passes.mean_passes > 1 else ""


def _passes(record: Record) -> list[tuple[str, str]]:
    """The curve over passes of the first run, one line for each protocol."""
    passes = record.passes
    if passes is None:
        return []
    images = next(iter(record.metrics.values())).n
    last = len(next(iter(next(iter(passes.curve.values())).values())))
    counted = (
        f"pass {passes.reported}" if passes.reported else f"each image's fixed point, or pass {last} where it has none"
    )
    ends = (
        f"reported is {counted}; {passes.fixed_points} of {images} images reached a fixed point, {passes.cycles} a "
        f"cycle; passes computed for an image on average: {passes.mean_passes:.3g}"
    )
    headlines = {key: layout_of(scores).headline for key, scores in record.metrics.items()}
    curves = [
        (f"{title(name)} after each pass, {formats.code(key)}", ", ".join(map(formats.fraction, metrics[name])))
        for key, metrics in passes.curve.items()
        if (name := headlines.get(key, "")) in metrics
    ]
    return [*curves, ("Passes", ends)]


def _distinct(texts: Iterable[str]) -> str:
    """Join different texts in their order, each once."""
    return "; ".join(dict.fromkeys(texts))
