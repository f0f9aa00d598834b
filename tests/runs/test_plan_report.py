"""The report of a plan: its table over seeds, paired differences of its stages, and their curves."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from polybench.cli.main import run
from polybench.results.facts import StartFacts
from polybench.results.record import Record, StoredRecord
from polybench.results.record_text import read_text
from polybench.results.render import markdown
from polybench.results.statistics.bootstrap import Ends
from polybench.runs import read_plan
from polybench.runs.cell import cells_of
from polybench.runs.curves import draw_curves
from polybench.runs.differences import comparisons, difference_table
from polybench.runs.execute import Outcome
from polybench.runs.report import StageRuns, stage_runs, stage_table
from tests.results.factory import identity, store, table
from tests.runs.test_plan import write

STAGES = """
seeds: [0, 2]
stages:
  S1: {recipe: a.yaml}
  S3: {recipe: a.yaml, inputs: {encoder: S1}, seed: 0}
"""
GROUPS = ["a", "a", "b"]
DICE = {"S1-s0": [0.5, 0.5, 0.25], "S1-s2": [0.5, 1.0, 0.75], "S3-s0": [0.75, 0.75, 0.25]}


@pytest.fixture
def outcomes(tmp_path: Path) -> list[Outcome]:
    """Runs whose numbers are those of `DICE`; S3 was given 3 of 4 tensors."""
    plan = read_plan(write(tmp_path, STAGES))
    found = []
    for cell in cells_of(plan, tmp_path / "runs", tmp_path):
        start = StartFacts("backbone", share=0.75) if cell.stage.name == "S3" else None
        rows = table(DICE[cell.name], GROUPS)
        record = store(tmp_path, rows, seed=cell.seed, variant=cell.stage.variant, start=start)
        found.append(Outcome(cell, record, skipped=False))
    return found


@pytest.fixture
def stages(outcomes: list[Outcome]) -> list[StageRuns]:
    return stage_runs(outcomes[0].cell.plan, outcomes)


@pytest.fixture
def rows(outcomes: list[Outcome], stages: list[StageRuns]) -> dict[str, dict[str, str]]:
    """Stage -> title -> cell in Markdown."""
    found = stage_table(outcomes[0].cell.plan, stages)
    titles = [markdown.header_text(column) for column in found.columns]
    return {str(row[0]): dict(zip(titles, map(markdown.cell_text, row), strict=True)) for row in found.rows}


def test_several_seeds_have_a_mean_and_a_deviation(rows: dict[str, dict[str, str]]) -> None:
    assert rows["S1"]["Score"] == "Dice 0.5833 ± 0.2357 `per_image@1`"  # (1/3) / sqrt(2)
    assert rows["S3"]["Score"].startswith("Dice 0.5833 [")


def test_every_seed_leads_to_its_record(rows: dict[str, dict[str, str]], tmp_path: Path) -> None:
    for seed, link in zip((0, 2), rows["S1"]["Seeds"].split(", "), strict=True):
        path = tmp_path / "plans" / link.partition("(")[2].rstrip(")")
        assert path.resolve().is_file()
        assert path.stem.endswith(f"-s{seed}")


def test_row_has_its_inputs_and_the_share_of_the_tensors_that_they_gave(rows: dict[str, dict[str, str]]) -> None:
    assert [row["Inputs"] for row in rows.values()] == [markdown.DASH, "encoder of S1"]
    assert [row["Matched"] for row in rows.values()] == [markdown.DASH, "75.0 %"]


def test_differences_are_paired_by_image_and_drawn_by_group(stages: list[StageRuns]) -> None:
    [found] = comparisons({one.stage.name: one.runs for one in stages})
    [pair] = found.pairs
    assert (pair.method, pair.other, found.n, found.groups) == ("S3", "S1", 3, 2)
    # means of S1 over seeds: 0.5, 0.75, 0.5; so S3 - S1 is 0.25 and 0 in group a, -0.25 in b
    assert pair.difference == pytest.approx(0.0)
    assert (pair.won, pair.lost, pair.tied) == (1, 1, 1)
    assert pair.p == 1.0  # of the sums 0.25 and -0.25, every pattern of signs is as extreme as 0
    assert "fewer than 6: the least two-sided p that a paired test over groups can reach is 0.5" in found.note


def test_page_says_which_stages_are_told_apart(stages: list[StageRuns]) -> None:
    [found] = comparisons({one.stage.name: one.runs for one in stages})
    table = difference_table(found)
    assert [column.header for column in table.columns][-1] == "Told apart"
    assert [row[-1] for row in table.rows] == ["no"]
    apart = replace(found, pairs=(replace(found.pairs[0], ends=Ends(0.1, 0.2), adjusted=0.04),))
    assert [row[-1] for row in difference_table(apart).rows] == ["yes"]


def test_a_seed_without_a_record_counts_as_the_worst(stages: list[StageRuns]) -> None:
    [found] = comparisons({one.stage.name: one.runs for one in stages}, missing={"S3": 1})
    [pair] = found.pairs
    # S3 is 0.75, 0.75, 0.25 with seed 0, and 0 with the seed that failed; S1 is 0.5, 0.75, 0.5
    assert pair.difference == pytest.approx((0.375 + 0.375 + 0.125) / 3 - (0.5 + 0.75 + 0.5) / 3)
    assert found.note.startswith("Runs without a record count as the worst score: 1 of S3. 3 images")


def in_split(run: StoredRecord, sha256: str) -> StoredRecord:
    return replace(run, record=replace(run.record, dataset=replace(run.record.dataset, split_sha256=sha256)))


def test_lists_that_differ_in_what_is_trained_on_are_compared(stages: list[StageRuns]) -> None:
    [found] = comparisons({"S1": stages[0].runs, "S3": (in_split(stages[1].runs[0], "0" * 64),)})
    assert [one.difference for one in found.pairs] == [pytest.approx(0.0)]


def test_stages_of_other_images_are_not_compared(tmp_path: Path, stages: list[StageRuns]) -> None:
    rows = table([0.5, 0.5, 0.25], GROUPS)
    rows["id"] = [f"other-{name}" for name in rows["id"]]
    path = store(tmp_path / "other", rows)
    other = StoredRecord(Record.from_json(read_text(path), path), path)
    assert comparisons({"S1": stages[0].runs, "S3": (other,)}) == []


def curves_of(outcomes: list[Outcome]) -> Figure:
    return draw_curves([(one.cell, Record.from_json(read_text(one.record), one.record)) for one in outcomes])


def test_curves_are_those_of_metrics_csv(outcomes: list[Outcome]) -> None:
    for one in outcomes:
        one.cell.folder.mkdir(parents=True)
        values = {"epoch": [0, 0, 1], "train/loss": [3.0, None, 2.0], "val/dice": [None, 0.25, 0.5], "val/loss": 1.0}
        pd.DataFrame(values).to_csv(one.cell.folder / "metrics.csv")
    dice, loss = curves_of(outcomes).axes
    assert (dice.get_ylabel(), loss.get_ylabel()) == ("val/dice", "val/loss")
    assert [line.get_xydata().tolist() for line in dice.lines] == [[[1.0, 0.25], [2.0, 0.5]]] * 3  # type: ignore[union-attr]
    assert [text.get_text() for text in dice.get_legend().get_texts()] == ["S1", "S3"]  # type: ignore[union-attr]


def test_runs_without_curves_leave_a_figure_that_says_so(outcomes: list[Outcome]) -> None:
    assert [text.get_text() for text in curves_of(outcomes).texts] == ["no run has left a metrics.csv"]


def test_report_follows_from_records_alone_and_names_runs_without_one(
    outcomes: list[Outcome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_name = {one.cell.name: one.record for one in outcomes}
    by_name["S1-s2"].unlink()
    words = ["transfer", "--config", str(tmp_path / "plan.yaml"), "--leaderboard", str(tmp_path), "--report"]
    assert run(words) == 0
    printed = capsys.readouterr().out
    assert "1 run(s) have no record and are left out: S1-s2." in printed
    [report] = (tmp_path / "plans").glob("*.md")
    text = report.read_text()
    assert by_name["S3-s0"].name in text
    assert "Validation over epochs" not in text  # runs elsewhere have left no curves here
    by_name["S3-s0"].unlink()
    assert run(words) == 2
    assert "No run of S3 has a record" in capsys.readouterr().err


def test_report_refuses_a_run_with_records_of_several_rows(
    outcomes: list[Outcome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variant = outcomes[0].cell.stage.variant
    store(tmp_path, table([0.5, 0.5, 0.25], GROUPS), seed=0, variant=variant, identity=identity("another training"))
    words = ["transfer", "--config", str(tmp_path / "plan.yaml"), "--leaderboard", str(tmp_path), "--report"]
    assert run(words) == 2
    assert "S1-s0 has records of 2 rows" in capsys.readouterr().err
