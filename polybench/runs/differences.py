"""Paired differences between the stages of a plan that were tested on the same images.

The interval is a percentile bootstrap over groups: both stages are evaluated on the same draws of groups, so that what
makes an image easy or hard for both cancels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from polybench.core.errors import DataError
from polybench.core.wording import listed
from polybench.results.layout import layout_of
from polybench.results.readings import title
from polybench.results.recomputed import MEAN_DRAWS, Number, every_image_once, groups_drawn, numbers_of
from polybench.results.record import StoredRecord
from polybench.results.tables import MISSING, Cell, Column, Interval, Table
from polybench.results.tables import Text as Plain
from polybench.runs.scores import headline

FEW_GROUPS = 6
"""With fewer groups no paired test of two stages can reach p < 0.05: its least p is 2 / 2 ** groups."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A metric of one stage minus that of another, each a mean over its seeds.

    Attributes:
        stage: The stage.
        other: The stage that is subtracted.
        value: The difference on all images.
        low: Lower end of its 95 % interval; None with a single group.
        high: Upper end, likewise.
    """

    stage: str
    other: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """Stages that were tested on the same images.

    Attributes:
        what: Dataset, split and metric.
        n: Images.
        groups: Groups of images.
        differences: Every pair, the later stage first.
    """

    what: str
    n: int
    groups: int
    differences: tuple[Difference, ...]

    @property
    def note(self) -> str:
        """What the intervals rest on."""
        images = f"{self.n} images or patches in {self.groups} {'group' if self.groups == 1 else 'groups'}"
        if self.groups == 1:
            return f"{images}: no interval can be given."
        if self.groups < FEW_GROUPS:
            least = 2 / 2**self.groups
            return (
                f"{images}, fewer than {FEW_GROUPS}: the least two-sided p that a paired test over groups can reach is "
                f"{least:.2g}, so that none of these differences can be told from chance."
            )
        return f"{images}, drawn with replacement for the intervals."


def comparisons(stages: Mapping[str, Sequence[StoredRecord]]) -> list[Comparison]:
    """Compare the stages of each test set; lists that differ in what is trained on may have the same test images.

    Args:
        stages: Stage -> the records of its seeds, in the plan's order.

    Raises:
        DataError: If two records of one test set have tables of different images.
    """
    sets: dict[tuple[object, ...], dict[str, Sequence[StoredRecord]]] = {}
    for name, runs in stages.items():
        record = runs[0].record
        data, tested = record.dataset, tuple(runs[0].rows()["id"])
        key = (data.manifest_sha256, tested, data.patches_sha256, record.task, headline(record)[0])
        sets.setdefault(key, {})[name] = runs
    return [found for alike in sets.values() if len(alike) > 1 and (found := _compare(alike)) is not None]


def difference_table(comparison: Comparison) -> Table:
    """A comparison as a table."""
    columns = (Column("Stage"), Column("minus"), Column("Difference", "right"), Column("95 % interval", "right"))
    rows = tuple((one.stage, one.other, Plain(f"{one.value:+.4f}"), _interval(one)) for one in comparison.differences)
    return Table(columns, rows, title=comparison.what, notes=(comparison.note,))


def _interval(difference: Difference) -> Cell:
    if difference.low is None or difference.high is None:
        return MISSING
    return Interval(difference.low, difference.high)


def _compare(stages: Mapping[str, Sequence[StoredRecord]]) -> Comparison | None:
    """Compare stages by the first metric that the tables of all of them determine; None where there is none."""
    tables = {run.path: run.rows() for runs in stages.values() for run in runs}
    _refuse_other_images(tables.values(), stages)
    every = [run for runs in stages.values() for run in runs]
    protocol = headline(every[0].record)[0]
    functions = {run.path: numbers_of(run.record.metrics, tables[run.path]) for run in every}
    scores = every[0].record.metrics[protocol]
    layout = layout_of(scores)
    known = [
        name for name in (layout.headline, *layout.shown, *scores.values) if _in_all(protocol, name, functions.values())
    ]
    if not known:
        return None
    metric, rows = known[0], tables[every[0].path]
    groups = rows["group"].nunique()
    once: dict[str, float] = {}
    drawn: dict[str, Values] = {}
    for name, runs in stages.items():
        numbers = [(functions[run.path][protocol, metric], tables[run.path]) for run in runs]
        once[name] = float(np.mean([number(every_image_once(table)) for number, table in numbers]))
        drawn[name] = np.mean([number(groups_drawn(table, MEAN_DRAWS)) for number, table in numbers], axis=0)
    differences = []
    for other, stage in combinations(stages, 2):
        ends = np.quantile(drawn[stage] - drawn[other], (0.025, 0.975)).tolist() if groups > 1 else (None, None)
        differences.append(Difference(stage, other, once[stage] - once[other], *ends))
    data = every[0].record.dataset
    splits = listed(list(dict.fromkeys(run.record.dataset.split for run in every)))
    return Comparison(f"{title(metric)} on {data.name}, {splits}", len(rows), groups, tuple(differences))


def _in_all(protocol: str, metric: str, functions: Iterable[Mapping[tuple[str, str], Number]]) -> bool:
    return all((protocol, metric) in found for found in functions)


def _refuse_other_images(tables: Iterable[pd.DataFrame], stages: Iterable[str]) -> None:
    """Refuse tables of different images or groups.

    Raises:
        DataError: If there are some.
    """
    first, *others = tables
    for other in others:
        if not first[["id", "group"]].equals(other[["id", "group"]]):
            raise DataError(
                f"The stages {', '.join(stages)} were tested on different images: check the CSVs of their records."
            )
