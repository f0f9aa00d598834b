"""`polybench transfer`: a scheme from start to end, killed on the way, gives what the unbroken one gives."""

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from polybench.cli.main import run
from tests.cli.recipes import start, write_stage
from tests.waiting import until


def write_plan(folder: Path, data_root: Path) -> Path:
    """C1, S2 with its encoder, both on the tiny frames, and S2 refined by C1."""
    for task in ("segment", "patches"):
        path = write_stage(folder, data_root, task, None, max_epochs=2)
        recipe = yaml.safe_load(path.read_text())
        del recipe["trainer"]["callbacks"]
        path.write_text(yaml.safe_dump(recipe))
    stages = {
        "C1": {"recipe": "patches.yaml", "options": {"trainer.max_epochs": 8, "data.margin": 0.1}},
        "S2": {"recipe": "segment.yaml", "inputs": {"encoder": "C1"}},
        "S2+C1": {"command": "test", "inputs": {"checkpoint": "S2", "classifier": "C1"}},
    }
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({"name": "tiny", "options": {"save_every": 1}, "stages": stages}, sort_keys=False))
    return path


def words(plan: Path, runs: str) -> list[str]:
    return ["transfer", "--config", str(plan), "--folder", runs, "--leaderboard", f"{runs}-board"]


def record_of(board: Path, stage: str) -> dict[str, Any]:
    """The only record of a stage."""
    [path] = board.glob(f"records/clinicdb/segment-tiny-{stage}-*.json")
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def dice(board: Path, stage: str) -> float:
    return float(record_of(board, stage)["metrics"]["per_image@2"]["values"]["dice"]["value"])


@pytest.mark.slow
def test_killed_scheme_goes_on_and_ends_like_the_unbroken_one(
    tmp_path: Path, data_root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = write_plan(tmp_path, data_root)
    assert run(words(plan, "one")) == 0
    needs = " ".join(record_of(tmp_path / "one-board", "S2")["needs"])
    assert all(f"{name}' (sha256 " in needs for name in (plan.name, "patches.yaml", "segment.yaml"))
    broken = start(tmp_path, *words(plan, "two"))
    checkpoints = tmp_path / "two/tiny/C1-s0/checkpoints"
    until(lambda: list(checkpoints.glob("*.ckpt")), broken)
    os.killpg(broken.pid, signal.SIGKILL)
    broken.communicate()
    capfd.readouterr()
    assert run(words(plan, "two")) == 0
    assert "C1-s0: resumes" in capfd.readouterr().out
    for stage in ("C1", "S2"):
        one, two = (
            load_file(tmp_path / f"{runs}/tiny/{stage}-s0/checkpoints/encoder.safetensors") for runs in ("one", "two")
        )
        assert all(one[key].equal(two[key]) for key in one)
    for stage in ("S2", "S2+C1"):
        assert dice(tmp_path / "one-board", stage) == dice(tmp_path / "two-board", stage)
    classifier, tested = (tmp_path / f"two/tiny/{stage}-s0/checkpoints/best.ckpt" for stage in ("C1", "S2"))
    assert torch.load(classifier, weights_only=True)["polybench_run"]["margin"] == 0.1
    refined = record_of(tmp_path / "two-board", "S2+C1")
    assert refined["sections"]["refinement"]["data"]["classifier"]["stage"] == "patches-tiny-C1"
    assert refined["provenance"]["checkpoint_sha256"] == hashlib.sha256(tested.read_bytes()).hexdigest()
    report = (tmp_path / "two-board/plans/tiny.md").read_text()
    assert "stage_C1 -->|encoder| stage_S2" in report
    assert f"```yaml\n{plan.read_text()}```" in report
    assert (tmp_path / "two-board/plans/tiny.png").stat().st_size > 1000
    assert run(words(plan, "two")) == 0
    output = capfd.readouterr().out
    assert "C1-s0: finished before" in output
    assert "S2-s0: finished before" in output
    assert "S2+C1-s0: finished before" in output
    assert record_of(tmp_path / "two-board", "S2+C1") == refined
    command = f"polybench transfer --config {plan}"  # where the runs go is no part of it
    assert record_of(tmp_path / "one-board", "S2")["command"] == command
    assert f"{command}\n" in (tmp_path / "two-board/clinicdb.md").read_text()


def test_plan_is_listed_without_being_run(
    tmp_path: Path, data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["transfer", "--config", str(write_plan(tmp_path, data_root)), "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[::2] == ["C1-s0: to do", "S2-s0: to do", "S2+C1-s0: to do"]
    assert all(line.startswith("    polybench ") for line in lines[1::2])
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_failure_of_a_stage_is_shown_with_the_end_of_its_log(
    tmp_path: Path, data_root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = write_plan(tmp_path, data_root)
    (data_root / "CVC-ClinicDB" / "Original" / "5.tif").unlink()
    assert run(["transfer", "--config", str(plan)]) == 1
    error = capfd.readouterr().err
    assert "C1-s0 ended with exit code 1" in error
    assert "add the image or remove the mask" in error
