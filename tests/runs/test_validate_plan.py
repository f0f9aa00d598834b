"""A plan is parsed to its last stage before the first is run, and nothing is touched by that."""

import json
import os
import random
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from polybench.cli.main import run
from polybench.core.errors import ConfigError
from polybench.runs import read_plan
from polybench.runs.cell import cells_of
from polybench.runs.cell_config import parse_cells
from polybench.runs.matrix_file import read_matrix
from polybench.runs.validate_plan import validate_plan
from tests.cli.recipes import write_stage

FILES = sorted((Path(__file__).parents[2] / "conf" / "plans").glob("*.yaml"))
MATRICES = [path for path in FILES if "methods" in yaml.safe_load(path.read_text())]
STUDIES = [path for path in FILES if "depths" in yaml.safe_load(path.read_text())]
PLANS = [path for path in FILES if path not in [*MATRICES, *STUDIES]]


def write_plan(folder: Path, options: dict[str, dict[str, Any]], refined: str = "S2", classifier: str = "C1") -> Path:
    """C1 -> S2, and a refined stage R, with options by stage; there is no data."""
    for task in ("segment", "patches"):
        write_stage(folder, folder / "nowhere", task, None, callbacks=[])
    stages: dict[str, dict[str, Any]] = {
        "C1": {"recipe": "patches.yaml", "from": None},
        "S2": {"recipe": "segment.yaml", "from": "C1"},
        "R": {"refine": refined, "with": classifier},
    }
    for name, stage in stages.items():
        stage["options"] = options.get(name, {})
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({"name": "tiny", "stages": stages}, sort_keys=False))
    return path


@pytest.mark.parametrize("more", [[], ["--list"]], ids=["run", "list"])
def test_misspelt_option_of_a_later_stage_ends_the_command_before_any_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path, {"S2": {"trainer.max_epoch": 3}})
    before = sorted(tmp_path.rglob("*"))
    assert run(["transfer", "--config", "plan.yaml", *more]) == 2
    assert capsys.readouterr().err.strip() == (
        "polybench: error: stage 'S2' in 'plan.yaml': There is no option '--trainer.max_epoch'. "
        "Did you mean '--trainer.max_epochs'?"
    )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("stage", "key", "value", "words"),
    [
        ("C1", "trainer.max_epochs", "many", "trainer.max_epochs"),
        ("C1", "save_every", -1, "save_every"),
        ("S2", "model.nett.encoder", "x", "nett"),
        ("S2", "data", "NoSuchDataModule", "There is no class 'NoSuchDataModule'"),
        ("S2", "trainer.fast_dev_run", True, "needs its record"),
        ("R", "refine_treshold", "released", "Did you mean '--refine_thresholds'"),
        ("R", "refine_thresholds", "nonsense", "--refine_thresholds must be validation, released, or two numbers"),
    ],
)
def test_what_fit_or_test_would_refuse_names_the_stage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stage: str,
    key: str,
    value: object,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path, {stage: {key: value}})
    assert run(["transfer", "--config", "plan.yaml", "--list"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"polybench: error: stage '{stage}' in 'plan.yaml': ")
    assert words in error


def test_stage_of_another_task_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path, {}, refined="C1", classifier="S2")
    assert run(["transfer", "--config", "plan.yaml", "--list"]) == 2
    error = capsys.readouterr().err
    assert (
        "takes its checkpoint from 'C1', whose task is classification: name a stage whose task is segmentation" in error
    )


def test_recipe_with_a_transfer_of_its_own_is_refused(tmp_path: Path) -> None:
    path = write_plan(tmp_path, {})
    write_stage(tmp_path, tmp_path / "nowhere", "segment", "imagenet")
    with pytest.raises(ConfigError, match=r"stage 'S2' in .*plan\.yaml': The recipe has a TransferCallback of its own"):
        validate_plan(cells_of(read_plan(path), tmp_path / "runs", tmp_path), path)


def test_finished_stage_is_not_validated(tmp_path: Path) -> None:
    path = write_plan(tmp_path, {"C1": {"of_an_earlier_version": 1}})
    first, second, _ = cells_of(read_plan(path), tmp_path / "runs", tmp_path)
    with pytest.raises(ConfigError, match="stage 'C1'"):
        validate_plan([first, second], path)
    (first.folder / "checkpoints").mkdir(parents=True)
    for name in ("encoder.safetensors", "best.ckpt"):
        (first.folder / "checkpoints" / name).touch()
    (tmp_path / "record.json").touch()
    (first.folder / "done.json").write_text(json.dumps({"record": str(tmp_path / "record.json")}))
    validate_plan([first, second], path)


def test_validation_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    path = write_plan(tmp_path, {})
    plan = read_plan(path)
    seeds, tensors = random.getstate(), torch.get_rng_state()
    environment, filters = dict(os.environ), list(warnings.filters)
    validate_plan(cells_of(plan, tmp_path / "runs", tmp_path), path)
    assert random.getstate() == seeds
    assert torch.get_rng_state().equal(tensors)
    assert dict(os.environ) == environment
    assert list(warnings.filters) == filters
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_plan_can_be_run(path: Path, tmp_path: Path) -> None:
    validate_plan(cells_of(read_plan(path), tmp_path, tmp_path), path)


@pytest.mark.slow
@pytest.mark.parametrize("path", MATRICES, ids=lambda path: path.stem)
def test_every_cell_of_a_matrix_can_be_run_and_no_two_are_the_same(path: Path, tmp_path: Path) -> None:
    parse_cells(cells_of(read_matrix(path), tmp_path, tmp_path))
