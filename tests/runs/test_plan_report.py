"""The table of a plan's report: a row for each stage, over its seeds."""

from pathlib import Path

import pytest

from polybench.results.format import plain
from polybench.runs import read_plan
from polybench.runs.cell import cells_of
from polybench.runs.execute import Outcome
from polybench.runs.report import COLUMNS, stage_rows
from tests.results.factory import store, table
from tests.runs.test_plan import write

STAGES = "seeds: [0, 2]\nstages: {S1: {recipe: a.yaml, from: null}, S3: {recipe: a.yaml, from: S1, seed: 0}}"


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, dict[str, str]]:
    """Stage -> title -> cell; the Dice of S1 is 0.5 and 0.75, that of S3 0.75."""
    plan = read_plan(write(tmp_path, STAGES))
    outcomes = []
    for cell in cells_of(plan, tmp_path / "runs", tmp_path):
        dice = [0.5, 0.5] if cell.name == "S1-s0" else [0.5, 1.0]
        record = store(tmp_path, table(dice), seed=cell.seed, variant=cell.variant)
        outcomes.append(Outcome(cell, record, skipped=False))
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in stage_rows(plan, outcomes)}


def test_several_seeds_have_a_mean_and_a_deviation(rows: dict[str, dict[str, str]]) -> None:
    assert rows["S1"]["Score"] == "Dice 0.6250 ± 0.1768 (`per_image@1`)"  # 0.25 / sqrt(2)
    assert rows["S3"]["Score"].startswith("Dice 0.7500 [")


def test_every_seed_leads_to_its_record(rows: dict[str, dict[str, str]], tmp_path: Path) -> None:
    cell = rows["S1"]["Seeds and their records"]
    assert plain(cell) == "0, 2"
    for seed, link in zip((0, 2), cell.split(", "), strict=True):
        path = tmp_path / "plans" / link.partition("(")[2].rstrip(")")
        assert path.resolve().is_file()
        assert path.stem.endswith(f"-s{seed}")


def test_plain_text_has_no_marks() -> None:
    assert plain("em, `split [a]`; [0](../a.json), [1](../b.json)") == "em, split [a]; 0, 1"
