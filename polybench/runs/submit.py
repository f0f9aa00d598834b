"""Submit the cells of a plan to Slurm: those that take files of others after these, what is in the queue not again."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.disk import make_folder
from polybench.runs.cell import Cell
from polybench.runs.launch.slurm import SlurmJobs, queued_jobs

JOB = "slurm.json"
"""File of a cell's folder that names its latest job."""

BEFORE = "JOB_OF_THE_ARRAY_BEFORE"
"""Stands in a script that is only shown, where the array before has no number yet."""


def submit(cells: Sequence[Cell], jobs: SlurmJobs) -> list[str]:
    """Submit cells, one array for those that can start at once, one for those that need these, and so on.

    An array starts when the one before has ended, whatever became of it: a cell whose sources are not finished then
    says so and ends, the others run.

    Args:
        cells: The cells that have no record; one that others need comes before them.
        jobs: How they are submitted.

    Returns:
        What was done, in sentences.

    Raises:
        ConfigError: If Slurm refuses them or doesn't answer.
    """
    noted = {cell.name: job for cell in cells if (job := _noted(cell.folder)) is not None}
    queue = queued_jobs() if noted else set()
    queued = {name: job for name, job in noted.items() if job in queue}
    sentences = [f"{name}: in the queue already, job {job}." for name, job in queued.items()]
    before: list[str] = []
    for level in _levels([cell for cell in cells if cell.name not in queued]):
        needed = {queued[one.name] for cell in level for one in cell.needs() if one.name in queued}
        after = [*before, *sorted(needed)]
        found = jobs.submit([cell.name for cell in level], after)
        for cell, job in zip(level, found, strict=True):
            make_folder(cell.folder)
            atomic_write_text(cell.folder / JOB, json.dumps({"job": job}) + "\n")
        late = f", after {', '.join(after)}" if after else ""
        sentences += [f"{cell.name}: job {job}{late}." for cell, job in zip(level, found, strict=True)]
        before = [found[0].partition("_")[0]]
    return sentences


def scripts(cells: Sequence[Cell], jobs: SlurmJobs) -> list[str]:
    """The scripts of the arrays that would be submitted, each with a comment that names its cells.

    Args:
        cells: As for `submit`.
        jobs: As for `submit`.
    """
    found = []
    for place, level in enumerate(_levels(cells)):
        first, _, rest = jobs.script(len(level), [BEFORE] if place else []).partition("\n")
        found.append(f"{first}\n# Tasks from 0 on: {', '.join(cell.name for cell in level)}\n{rest}")
    return found


def _levels(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that need none of these, those that need the first, and so on."""
    depth: dict[str, int] = {}
    for cell in cells:
        depth[cell.name] = 1 + max((depth[one.name] for one in cell.needs() if one.name in depth), default=-1)
    return [[cell for cell in cells if depth[cell.name] == level] for level in sorted(set(depth.values()))]


def _noted(folder: Path) -> str | None:
    """The latest job of a cell; None where it was never submitted, or the note is no such one."""
    with suppress(OSError, ValueError):
        found = json.loads((folder / JOB).read_text(encoding="utf-8"))
        if isinstance(found, Mapping) and isinstance(found.get("job"), str):
            return str(found["job"])
    return None
