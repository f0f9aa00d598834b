"""Paired differences between the stages of a plan that were tested on the same images, see `results.statistics`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from polybench.core.wording import listed
from polybench.results.comparison import aligned, scored_run, sign_of
from polybench.results.headline import headline
from polybench.results.layout import layout_of
from polybench.results.readings import title
from polybench.results.record import StoredRecord
from polybench.results.standing_parts import PAIR_COLUMNS, pair_cells
from polybench.results.statistics.pairs import Pair, pairs_of
from polybench.results.statistics.permutation import LEAST_GROUPS, least_p
from polybench.results.tables import Column, Table


@dataclass(frozen=True)
class Comparison:
    """Stages that were tested on the same images.

    Attributes:
        what: Dataset, split and metric.
        n: Images.
        groups: Groups of images.
        noun: What was tested: images or, in classification, patches.
        pairs: Every two stages, the later one minus the earlier one, higher being better.
        sign: -1 for a metric of which less is better.
        missing: Stage -> its runs without a record, which count as the worst.
    """

    what: str
    n: int
    groups: int
    noun: str
    pairs: tuple[Pair, ...]
    sign: float
    missing: Mapping[str, int]

    @property
    def note(self) -> str:
        """What the intervals and the tests rest on."""
        images = f"{self.n} {self.noun} in {self.groups} {'group' if self.groups == 1 else 'groups'}"
        if self.missing:
            runs = listed([f"{count} of {name}" for name, count in self.missing.items()])
            images = f"Runs without a record count as the worst score: {runs}. {images}"
        if self.groups == 1:
            return f"{images}: no interval can be given."
        if self.groups < LEAST_GROUPS:
            return (
                f"{images}, fewer than {LEAST_GROUPS}: the least two-sided p that a paired test over groups can reach "
                f"is {least_p(self.groups):.2g}, so that none of these differences can be told from chance."
            )
        return f"{images}."


def comparisons(
    stages: Mapping[str, Sequence[StoredRecord]], missing: Mapping[str, int] = MappingProxyType({})
) -> list[Comparison]:
    """Compare the stages of each test set; lists that differ in what is trained on may have the same test images.

    Args:
        stages: Stage -> the records of its seeds, in the plan's order.
        missing: Stage -> seeds whose run failed, so that there is no record: they count as the worst score.

    Raises:
        DataError: If two records of one test set have tables of different images.
    """
    sets: dict[tuple[object, ...], dict[str, Sequence[StoredRecord]]] = {}
    for name, runs in stages.items():
        record = runs[0].record
        data, tested = record.dataset, tuple(runs[0].rows()["id"])
        key = (data.manifest_sha256, tested, data.patches_sha256, record.task, headline(record)[0])
        sets.setdefault(key, {})[name] = runs
    return [found for alike in sets.values() if len(alike) > 1 and (found := _compare(alike, missing)) is not None]


def difference_table(comparison: Comparison, what: str = "Stage") -> Table:
    """A comparison as a table.

    Args:
        comparison: The comparison.
        what: What is compared, the heading of the first column.
    """
    rows = tuple(
        (pair.method, pair.other, *pair_cells(pair, comparison.sign), "yes" if pair.told_apart else "no")
        for pair in comparison.pairs
    )
    columns = (Column(what), *PAIR_COLUMNS[1:], Column("Told apart"))
    return Table(columns, rows, title=comparison.what, notes=(comparison.note,))


def _compare(stages: Mapping[str, Sequence[StoredRecord]], missing: Mapping[str, int]) -> Comparison | None:
    """Compare stages by the first metric that the tables of all of them determine; None where there is none."""
    every = [run for runs in stages.values() for run in runs]
    data, (protocol, _) = every[0].record.dataset, headline(every[0].record)
    scores = every[0].record.metrics[protocol]
    layout = layout_of(scores)
    later_first = {name: list(map(scored_run, runs)) for name, runs in reversed(list(stages.items()))}
    for metric in dict.fromkeys((layout.headline, *layout.shown, *scores.values)):
        found = aligned(later_first, protocol, metric)
        if found is not None:
            sign, lost = (
                sign_of(scores.values[metric].direction),
                {name: missing[name] for name in missing if name in stages},
            )
            if lost:
                found = found.with_missing(lost, worst=0.0 if sign > 0 else None)
            splits = listed(list(dict.fromkeys(run.record.dataset.split for run in every)))
            return Comparison(
                what=f"{title(metric)} on {data.name}, {splits}",
                n=len(found.groups),
                groups=len(found.sizes),
                noun=layout.what,
                pairs=tuple(pairs_of(found)),
                sign=sign,
                missing=lost,
            )
    return None
