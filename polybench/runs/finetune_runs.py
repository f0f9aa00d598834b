"""The records of a study of fine-tuning, and what `auto` does with them.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016, section V.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from polybench.results.facts import MetricValue
from polybench.results.headline import headline
from polybench.results.record import Record, StoredRecord
from polybench.runs.execute import Outcome
from polybench.runs.finetune_file import SCRATCH, Study
from polybench.runs.report import read_stored

SECTION = "finetuning"
"""Key of the method's section in a record."""


@dataclass(frozen=True)
class StudyRuns:
    """A study and its records.

    Attributes:
        study: The study.
        runs: Stage -> the records of its seeds, in their order; stages without a record are left out.
    """

    study: Study
    runs: dict[str, list[StoredRecord]]

    def of(self, depth: str, share: float) -> list[StoredRecord]:
        """The records of a cell."""
        return self.runs.get(self.study.cell(depth, share).stage, [])


class Step(NamedTuple):
    """A depth that `auto` looks at: its name, the validation of its cell, and the area of its test."""

    depth: str
    validation: float
    area: float


class Walk(NamedTuple):
    """What `auto` does with the cells of a share and a seed.

    Attributes:
        share: Per cent of the training set.
        seed: The seed.
        steps: The depths that it looks at, in order; the last but one is chosen where the last didn't improve.
        chosen: The step that it keeps.
    """

    share: float
    seed: int
    steps: tuple[Step, ...]
    chosen: Step


def study_runs(study: Study, outcomes: Sequence[Outcome]) -> StudyRuns:
    """Read the records of a study.

    Raises:
        DataError: If one can't be read.
    """
    runs: dict[str, list[StoredRecord]] = {}
    for one in outcomes:
        runs.setdefault(one.cell.stage.name, []).append(read_stored(one.record))
    return StudyRuns(study, runs)


def walks(runs: StudyRuns) -> list[Walk]:
    """Walk the depths of each share and seed as section V of the paper has it.

    Cells from scratch are no depths of fine-tuning. A seed whose cells are not all there, or whose records hold no
    validation, is left out.
    """
    depths = [depth for depth in runs.study.depths if not depth.startswith(SCRATCH)]
    found = []
    for share in runs.study.shares:
        for seed in runs.study.plan.seeds:
            steps = [step for depth in depths if (step := _step(runs, depth, share, seed)) is not None]
            if depths and len(steps) == len(depths):
                found.append(walk(share, seed, steps))
    return found


def walk(share: float, seed: int, steps: Sequence[Step]) -> Walk:
    """Walk depths, from the head, until validation doesn't improve.

    Example:
        >>> steps = [Step("head", 0.8, 0.7), Step("fc7", 0.9, 0.6), Step("fc6", 0.85, 0.9), Step("conv5", 0.95, 0.9)]
        >>> walk(100, 0, steps).chosen.depth, len(walk(100, 0, steps).steps)
        ('fc7', 3)
    """
    seen = [steps[0]]
    for step in steps[1:]:
        seen.append(step)
        if step.validation <= seen[-2].validation:
            return Walk(share, seed, tuple(seen), seen[-2])
    return Walk(share, seed, tuple(seen), seen[-1])


def _step(runs: StudyRuns, depth: str, share: float, seed: int) -> Step | None:
    for stored in runs.of(depth, share):
        section = stored.record.sections.get(SECTION)
        value = None if section is None else section.data.get("validation")
        if stored.record.seed == seed and isinstance(value, float):
            return Step(depth, value, area_of(stored.record))
    return None


def area_of(record: Record) -> float:
    """The area of a record's test, or what else ranks its dataset."""
    return value_of(record).value


def value_of(record: Record) -> MetricValue:
    """The same with its interval."""
    protocol, metric = headline(record)
    return record.metrics[protocol].values[metric]
