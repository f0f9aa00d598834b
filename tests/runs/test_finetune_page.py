"""The page of a study: areas by depth and share, what `auto` chooses on validation, and which depths differ."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from polybench.experiments.scores import protocol_scores
from polybench.metrics import Rows
from polybench.metrics.measures.froc import Candidate, Searched, froc_curve
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import CANDIDATES
from polybench.results.facts import ProtocolScores
from polybench.results.image_rows import ImageRows
from polybench.results.record import write_record
from polybench.results.render import markdown
from polybench.results.sections import Section
from polybench.runs.cell import cells_of
from polybench.runs.execute import Outcome
from polybench.runs.finetune_convergence import convergence
from polybench.runs.finetune_file import read_study
from polybench.runs.finetune_interfaces import error_table, interface_errors, p_table
from polybench.runs.finetune_page import write_study
from polybench.runs.finetune_pictures import froc_points
from polybench.runs.finetune_runs import StudyRuns, study_runs, walks
from polybench.runs.finetune_tables import area_table, differing, froc_table, matrix
from tests.results.factory import dataset, trained
from tests.results.factory import table as some_table
from tests.runs.test_finetune_file import write

STUDY = """
name: study
seeds: [0, 1]
recipe: a.yaml
depths: [head, fc7, fc6, scratch]
shares: [100, 25]
"""
VALIDATION = {"head": 0.7, "fc7": 0.8, "fc6": 0.75, "scratch": 0.9}
SHIFT = {"head": 0.0, "fc7": 1.0, "fc6": 4.0, "scratch": 0.5}
"""How far the scores of positives lie above those of negatives."""


def candidates(shift: float, seed: int = 0) -> Rows:
    """Two candidates of each of 60 images: one on its lesion, one beside it; some without any."""
    random = np.random.default_rng(seed)
    ids = [f"i{k:02d}/{number}" for k in range(60) for number in (0, 1)]
    positive = np.array([number == 0 for _ in range(60) for number in (0, 1)])
    score = 1 / (1 + np.exp(-(random.normal(size=120) + shift * positive)))
    columns = {
        "score": np.round(score, 4),
        "positive": positive,
        "lesion": np.where(positive, 0, -1),
        "lesions": np.ones(120, int),
        "candidate": np.ones(120, bool),
    }
    return Rows([*ids, "i60/none"], [*(one.split("/")[0] for one in ids), "i60"], _with_none(columns))


def _with_none(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    last = {"score": 0.0, "positive": False, "lesion": -1, "lesions": 1, "candidate": False}
    return {name: np.append(values, last[name]) for name, values in columns.items()}


@cache
def scores(depth: str, seed: int) -> ProtocolScores:
    return protocol_scores(candidates(SHIFT[depth], seed), CANDIDATES)


def interfaces(shift: float, seed: int) -> Section:
    """Errors of two regions of each of six subjects, smaller by as much as the scores of positives are higher."""
    regions = [f"s{subject}_{number}" for subject in range(6) for number in (0, 1)]
    errors = [6.0 - shift + 0.1 * place + 0.2 * seed for place in range(12)]
    names = {"lumen_intima": errors, "media_adventitia": [5.0 + 0.1 * (place % 3) for place in range(12)]}
    return Section(
        title="Interfaces",
        data={"regions": regions, "subjects": [name.partition("_")[0] for name in regions], "errors": names},
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> StudyRuns:
    tmp_path = tmp_path_factory.mktemp("study")
    study = read_study(write(tmp_path, STUDY))
    outcomes = []
    for cell in cells_of(study.plan, tmp_path / "runs", tmp_path):
        depth = cell.stage.name.partition("+")[0]
        rows = candidates(SHIFT[depth], cell.seed)
        table = image_table(rows, (CANDIDATES,))
        points = [[batches, VALIDATION[depth] - 0.2 / batches] for batches in (1, 2, 5)]
        section = Section(title="Layer-wise fine-tuning", data={"validation": VALIDATION[depth], "snapshots": points})
        record = replace(
            trained(some_table([0.5] * 121), dataset=dataset(ranked_by="candidates", patches_sha256="0" * 64)),
            task="classification",
            seed=cell.seed,
            variant=cell.stage.variant,
            metrics={"candidates@1": scores(depth, cell.seed)},
            sections={"finetuning": section, "interfaces": interfaces(SHIFT[depth], cell.seed)},
        )
        outcomes.append(Outcome(cell, write_record(record, table, tmp_path), skipped=False))
    return study_runs(study, outcomes)


def test_auto_stops_where_validation_does_not_improve(runs: StudyRuns) -> None:
    found = walks(runs)
    assert [(walk.share, walk.seed) for walk in found] == [(100, 0), (100, 1), (25, 0), (25, 1)]
    for walk in found:
        assert [step.depth for step in walk.steps] == ["head", "fc7", "fc6"]
        assert walk.chosen.depth == "fc7"  # although fc6 tests better


def test_areas_are_means_over_seeds(runs: StudyRuns) -> None:
    table = area_table(runs)
    assert [row[0] for row in table.rows] == ["head", "fc7", "fc6", "scratch", "auto"]
    areas = [CANDIDATES.scores(candidates(1.0, seed))["auc"] for seed in (0, 1)]
    expected = f"{np.mean(areas):.4f} ± {np.std(areas, ddof=1):.4f}"
    assert markdown.cell_text(table.rows[1][1]) == markdown.cell_text(table.rows[4][1]) == expected


def test_rates_are_those_that_the_test_set_can_resolve(runs: StudyRuns) -> None:
    table = froc_table(runs, 100)
    assert table is not None
    assert [column.header for column in table.columns[1:]] == [
        f"sensitivity at {rate}" for rate in (0.05, 0.1, 0.5, 1.0, 2.0)
    ]


def test_depths_differ_where_intervals_do_not_overlap(runs: StudyRuns) -> None:
    records = {depth: runs.of(depth, 100)[0].record for depth in runs.study.depths}
    assert "AUC" in differing(records["head"], records["fc6"])
    assert differing(records["head"], records["head"]) == []
    table = matrix(runs, 100)
    assert table is not None
    cells = {(row[0], name): row[1 + place] for row in table.rows for place, name in enumerate(runs.study.depths)}
    assert str(cells["fc6", "head"]).startswith("AUC, 0.05")
    assert str(cells["fc6", "head"]).endswith("; AUC")
    assert cells["head", "fc6"] == ""


def test_points_of_the_picture_are_those_of_the_measure() -> None:
    rows = candidates(1.0)
    table = ImageRows.of(image_table(rows, (CANDIDATES,)))
    lesion = rows.columns["lesion"]
    found = [
        Candidate(one.split("/")[0], rows.columns["score"][place], "0" if lesion[place] >= 0 else None)
        for place, one in enumerate(rows.ids)
        if rows.columns["candidate"][place]
    ]
    curve = froc_curve(found, {f"i{k:02d}": Searched(f"i{k:02d}", 1) for k in range(61)})
    false, sensitivity = froc_points(table)
    np.testing.assert_allclose(false, curve.false_positives)
    np.testing.assert_allclose(sensitivity, curve.sensitivity)


def test_page_has_tables_and_figures(runs: StudyRuns, tmp_path: Path) -> None:
    page = write_study(runs, tmp_path / "study.md")
    text = page.read_text()
    assert page.name == "study_study.md"
    for part in ("## Area under the ROC curve", "## auto", "![froc](study_froc.png)", "## What differs"):
        assert part in text
    for part in ("![convergence](study_convergence.png)", "![interfaces](study_interfaces.png)", "6 subjects: the sm"):
        assert part in text
    assert (tmp_path / "study_areas.png").stat().st_size > 10_000
    assert "too easy" not in text
    assert text == write_study(runs, tmp_path / "study.md").read_text()


def test_errors_of_interfaces_are_means_over_seeds_by_region_and_by_subject(runs: StudyRuns) -> None:
    errors = interface_errors(runs, 100)
    assert list(errors) == ["lumen_intima", "media_adventitia"]
    of_head = errors["lumen_intima"]["head"]
    assert of_head.regions["s2_1"] == pytest.approx(6.0 + 0.5 + 0.1)
    assert of_head.subjects["s2"] == pytest.approx(6.0 + 0.45 + 0.1)
    table = error_table(errors, 100)
    spread = 0.1 * np.std(np.arange(12), ddof=1)
    assert markdown.cell_text(table.rows[0][1]) == f"{6.65:.2f} ± {spread:.2f}"


def test_p_values_are_those_of_subjects(runs: StudyRuns) -> None:
    errors = interface_errors(runs, 100)
    table = p_table("lumen_intima", errors["lumen_intima"])
    assert table is not None
    assert [column.header for column in table.columns] == ["Tuned from", "head", "fc7", "fc6"]
    assert table.rows[0] == ("head", "", "", "")
    assert table.rows[2] == ("fc6", "p<.05", "p<.05", "")  # all six subjects differ one way: 2 / 64
    assert "the smallest possible p is 0.03125" in table.title
    equal = p_table("media_adventitia", errors["media_adventitia"])
    assert equal is not None
    assert equal.rows[3] == ("scratch", "1.0000", "1.0000", "1.0000")


def test_curves_of_convergence_are_of_the_deepest_tuning_and_of_scratch(runs: StudyRuns) -> None:
    curves = convergence(runs, 100)
    assert list(curves) == ["fc6", "scratch"]
    assert curves["scratch"][1] == [(1, pytest.approx(0.7)), (2, pytest.approx(0.8)), (5, pytest.approx(0.86))]
