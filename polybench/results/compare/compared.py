"""Rows compared in pairs under one metric, and the images on which they differ most."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from polybench.core.errors import ConfigError, DataError, did_you_mean
from polybench.core.wording import listed
from polybench.results.compare.rows import ComparedRow
from polybench.results.comparison import ScoredRun, aligned, sign_of
from polybench.results.facts import Direction
from polybench.results.image_rows import ImageRows
from polybench.results.layout import layout_of
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.draws import DIGITS
from polybench.results.statistics.intervals import column
from polybench.results.statistics.pairs import Pair, pairs_of
from polybench.results.statistics.permutation import LEAST_GROUPS, least_p
from polybench.results.statistics.ties import tie_groups
from polybench.results.statistics.trust import coverage_note
from polybench.results.table_checks import CONFUSION_OF_IMAGES
from polybench.results.table_columns import COUNTS

SHOWN_IMAGES = 10


@dataclass(frozen=True)
class Compared:
    """Rows on the same images, best first.

    Attributes:
        rows: The rows.
        protocol: `protocol@version`.
        metric: The metric that they are compared by.
        direction: Which way it is better.
        scores: Their scores, higher being better.
        ids: The images.
        pairs: Every two rows, or each against the one that was asked for.
        ties: Row -> the number of its tie group; empty where rows are compared with a single one.
        notes: What the comparison rests on, a sentence each.
        what: What is scored: images, patches or slices.
    """

    rows: tuple[ComparedRow, ...]
    protocol: str
    metric: str
    direction: Direction
    scores: Aligned
    ids: tuple[str, ...]
    pairs: tuple[Pair, ...]
    ties: Mapping[str, int]
    notes: tuple[str, ...]
    what: str = "images"

    @property
    def one(self) -> str:
        """What one of `what` is, such as an image or a patch."""
        return self.what.removesuffix("es") if self.what.endswith("ches") else self.what.removesuffix("s")

    @property
    def sign(self) -> float:
        """-1 where less is better."""
        return sign_of(self.direction)

    def most_different(self) -> list[int]:
        """Places of the images on which the rows' scores are furthest apart, that one first."""
        spread = np.ptp(self.scores.images, axis=0).round(DIGITS)
        places: list[int] = np.argsort(-spread, kind="stable")[:SHOWN_IMAGES].tolist()
        return places


def compare(
    rows: Sequence[ComparedRow], protocol: str | None = None, metric: str | None = None, against: str | None = None
) -> Compared:
    """Compare rows in pairs, image by image.

    Args:
        rows: At least two rows of different names.
        protocol: A protocol, with its version or without; that which ranks the dataset by default.
        metric: A metric of the protocol; its headline by default.
        against: Name of a row that all others are compared with; None for every two.

    Raises:
        ConfigError: If there are fewer than two rows, two have one name, or there is no such protocol or metric.
        DataError: If the rows were tested on different images, or their tables don't determine the metric.
    """
    names = [row.name for row in rows]
    if len(rows) < 2 or len(set(names)) < len(names):
        raise ConfigError(f"A comparison needs two rows or more of different names, not {listed(names) or 'none'}.")
    _refuse_other_copies(rows)
    _refuse_own_runs(rows)
    _refuse_other_truth(rows)
    rows, regrouped = _with_known_groups(rows)
    key = _protocol(rows, protocol)
    described = _described(rows, key).metrics[key]
    layout = layout_of(described)
    values, metric = described.values, metric or layout.headline
    if metric not in values:
        known = did_you_mean(metric, values) or f" It has {', '.join(values)}."
        raise ConfigError(f"{key} has no metric '{metric}'.{known}")
    scores = aligned({row.name: row.runs for row in rows}, key, metric)
    if scores is None:
        raise DataError(f"The per-image tables don't determine {metric} of {key}: {_others(rows, key, values)}.")
    order = [names[place] for place in np.argsort(-scores.means.round(DIGITS), kind="stable")]
    scores = scores.only(order)
    pairs = pairs_of(scores, against)
    groups = [] if against else tie_groups(order, pairs)
    by_name = {row.name: row for row in rows}
    return Compared(
        rows=tuple(by_name[name] for name in order),
        protocol=key,
        metric=metric,
        direction=values[metric].direction,
        scores=scores,
        ids=rows[0].runs[0].table.ids,
        pairs=tuple(pairs),
        ties={name: number for number, group in enumerate(groups, 1) for name in group},
        notes=tuple(_notes(rows, scores, regrouped)),
        what=layout.what,
    )


def _refuse_other_copies(rows: Sequence[ComparedRow]) -> None:
    """Refuse rows of different copies of the images."""
    known = [(row.name, row.dataset) for row in rows if row.dataset is not None]
    for name, data in known[1:]:
        first, other = known[0]
        if data.name != other.name:
            raise DataError(f"'{first}' is of {other.name} and '{name}' of {data.name}: compare rows of one dataset.")
        if data.manifest_sha256 != other.manifest_sha256:
            raise DataError(f"'{first}' and '{name}' were tested on different copies of {data.name}: compare one copy.")


def _refuse_own_runs(rows: Sequence[ComparedRow]) -> None:
    """Refuse a row beside one of its own runs, which are not independent."""
    of_run: dict[str, str] = {}
    for row in rows:
        for run in row.runs if row.dataset is not None else ():
            if run.name in of_run:
                raise ConfigError(f"'{of_run[run.name]}' and '{row.name}' share the run '{run.name}': leave one out.")
            of_run[run.name] = row.name


def _refuse_other_truth(rows: Sequence[ComparedRow]) -> None:
    """Refuse tables whose masks, counted in pixels, are not those of the others."""
    tables = [(row.name, run.table) for row in rows for run in row.runs]
    for protocol in CONFUSION_OF_IMAGES:
        columns = [column(protocol, name) for name in COUNTS]
        having = [(name, table) for name, table in tables if set(columns) <= set(table.columns)]
        for name, table in having[1:]:
            first, known = having[0]
            if table.ids != known.ids:
                continue
            for what, places in (("masks", (0, 2)), ("pixels", (0, 1, 2, 3))):
                counts = [sum(one[columns[place]] for place in places) for one in (known, table)]
                if (differ := np.flatnonzero(counts[0] != counts[1])).size:
                    raise DataError(
                        f"'{first}' and '{name}' were scored against other {what} under {protocol}, such as those of "
                        f"'{known.ids[differ[0]]}': score both with the same masks and fields of view."
                    )


def _with_known_groups(rows: Sequence[ComparedRow]) -> tuple[list[ComparedRow], list[str]]:
    """Give tables of one's own the groups that the leaderboard's rows have; names of those that had others."""
    known = next((row.runs[0].table for row in rows if row.dataset is not None), None)
    if known is None:
        return list(rows), []
    group_of = dict(zip(known.ids, known.groups, strict=True))
    found, changed = [], []
    for row in rows:
        run = row.runs[0]
        if row.dataset is None and set(run.table.ids) == set(group_of):
            own = run.table
            groups = tuple(group_of[name] for name in own.ids)
            if groups != own.groups:
                changed.append(row.name)
                row = replace(row, runs=(run._replace(table=ImageRows(own.ids, groups, own.places, own.values)),))
        found.append(row)
    return found, changed


def _protocol(rows: Sequence[ComparedRow], asked: str | None) -> str:
    """The protocol that all rows have: the one asked for, or the one that ranks."""
    runs = [run for row in rows for run in row.runs]
    shared = [key for key in runs[0].metrics if all(key in run.metrics for run in runs)]
    ranked = next((row.ranked for row in rows if row.ranked), "per_image")
    wanted = asked or ranked
    for key in shared:
        if wanted in (key, key.partition("@")[0]):
            return key
    if asked is None and shared:
        return shared[0]
    bare = wanted.partition("@")[0]
    if any(key.partition("@")[0] == bare for run in runs for key in run.metrics):
        raise DataError(f"Not all rows have {wanted}: {_shared(shared)}.")
    known = ", ".join(shared) or "none"
    raise ConfigError(f"There is no protocol '{wanted}'.{did_you_mean(wanted, shared)} All rows share: {known}.")


def _shared(keys: Sequence[str]) -> str:
    if not keys:
        return "no protocol is shared by all, so that they can't be compared"
    return f"choose a --protocol that all share: {', '.join(keys)}"


def _others(rows: Sequence[ComparedRow], key: str, metrics: Iterable[str]) -> str:
    runs = {row.name: row.runs for row in rows}
    known = [metric for metric in metrics if aligned(runs, key, metric) is not None]
    return f"choose another --metric, of {', '.join(known)}" if known else "choose another --protocol"


def _described(rows: Sequence[ComparedRow], key: str) -> ScoredRun:
    """A run whose record says what the headline of a protocol is; the first one where none does."""
    runs = [run for row in rows for run in row.runs]
    return next((run for run in runs if run.metrics[key].headline is not None), runs[0])


def _notes(rows: Sequence[ComparedRow], scores: Aligned, regrouped: Sequence[str]) -> list[str]:
    notes = []
    groups = len(scores.sizes)
    if groups < LEAST_GROUPS:
        least = "no interval can be given" if groups == 1 else f"no p below {least_p(groups):.3g} can be reached"
        notes.append(f"The images are of {groups} group{'s' if groups > 1 else ''}: {least}.")
    if (note := coverage_note(groups)) is not None:
        notes.append(note)
    several = [f"{row.name} ({len(row.runs)})" for row in rows if len(row.runs) > 1]
    if several and any(len(row.runs) == 1 and row.seeds for row in rows):
        notes.append(
            f"Means over seeds of {listed(several)} are compared with rows of a single run, which stand for that net "
            "alone: another seed may score otherwise."
        )
    elif not several and any(row.seeds for row in rows):
        notes.append("Each trained row is a single run: another seed may score otherwise.")
    if not scores.each_image:
        notes.append(
            "The metric is no mean over images: differences, intervals and p rest on the jackknife's pseudo-values, "
            "and images can't be won or lost."
        )
    if len(budgets := dict.fromkeys(row.budget for row in rows if row.budget)) > 1:
        notes.append(f"The rows saw different amounts of images in training: {listed(list(budgets))}.")
    if len(splits := dict.fromkeys(row.dataset.split for row in rows if row.dataset)) > 1:
        notes.append(f"The rows are of different lists with the same test images: {listed(list(splits))}.")
    if regrouped:
        notes.append(f"{listed(list(regrouped))} {'has' if len(regrouped) == 1 else 'have'} the groups of the others.")
    return notes
