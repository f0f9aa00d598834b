"""What needs processes of its own: DDP, signals."""

import json
import signal
from pathlib import Path

import pytest
import torch

from polybench.cli.main import run
from tests.cli.recipes import UNET, start, write_recipe
from tests.waiting import until

TOGETHER = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.batch_size", "2")


@pytest.mark.ddp
@pytest.mark.slow
def test_broken_data_ends_all_processes(tmp_path: Path, data_root: Path) -> None:
    recipe = str(write_recipe(tmp_path, data_root))
    (data_root / "CVC-ClinicDB" / "Original" / "5.tif").unlink()
    fit = start(tmp_path, "fit", "--config", recipe, *TOGETHER)
    output, _ = fit.communicate()
    assert fit.returncode == 1, output
    assert "5.tif' has no image" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_sigterm_saves_and_leaves_with_its_own_code(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = str(write_recipe(tmp_path, data_root, max_epochs=100000, default_root_dir="run"))
    fit = start(tmp_path, "fit", "--config", recipe)
    until((tmp_path / "run" / "checkpoints" / "last.ckpt").exists, fit)
    fit.send_signal(signal.SIGTERM)
    output, _ = fit.communicate()
    assert fit.returncode == 143, output
    assert "Traceback" not in output
    saved = torch.load(tmp_path / "run" / "checkpoints" / "interrupted.ckpt", weights_only=True)
    assert saved["global_step"] > 0
    assert not list((tmp_path / "leaderboards").rglob("*.json"))
    resumed = ["--ckpt_path", str(tmp_path / "run" / "checkpoints" / "interrupted.ckpt"), "--no_leaderboard"]
    assert run(["fit", "--config", recipe, *resumed, "--trainer.max_epochs", str(saved["epoch"] + 2)]) == 0


@pytest.mark.ddp
@pytest.mark.slow
def test_sigterm_reaches_all_processes(tmp_path: Path, data_root: Path) -> None:
    recipe = str(write_recipe(tmp_path, data_root, max_epochs=100000, default_root_dir="run"))
    fit = start(tmp_path, "fit", "--config", recipe, *TOGETHER)
    until((tmp_path / "run" / "checkpoints" / "last.ckpt").exists, fit)
    fit.send_signal(signal.SIGTERM)
    output, _ = fit.communicate()
    assert fit.returncode == 143, output
    assert (tmp_path / "run" / "checkpoints" / "interrupted.ckpt").exists()


@pytest.mark.ddp
@pytest.mark.slow
def test_a_sample_is_augmented_alike_by_workers_and_processes(tmp_path: Path, data_root: Path) -> None:
    recipe = str(write_recipe(tmp_path, data_root, UNET, max_epochs=2))
    runs = {"alone": [], "workers": ["--data.num_workers", "2"], "processes": ["--trainer.devices", "2"]}
    seen = {}
    for name, options in runs.items():
        recorder = ["--trainer.callbacks+=tests.cli.recorder.Recorder", f"--trainer.callbacks.folder={name}"]
        fit = start(
            tmp_path,
            *("fit", "--config", recipe, "--data.augment", "standard", "--data.batch_size", "2", "--no_leaderboard"),
            *("--trainer.strategy", "ddp" if name == "processes" else "auto", *options, *recorder),
        )
        output, _ = fit.communicate()
        assert fit.returncode == 0, output
        parts = [json.loads(path.read_text()) for path in (tmp_path / name).glob("*.json")]
        assert len(parts) == (2 if name == "processes" else 1)
        seen[name] = {key: value for part in parts for key, value in part.items()}
    assert len(seen["alone"]) == 12
    assert seen["workers"] == seen["alone"]
    assert seen["processes"] == seen["alone"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_run_that_was_killed_goes_on_by_name_and_ends_with_the_same_weights(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = str(write_recipe(tmp_path, data_root, UNET))
    options = ("--config", recipe, "--save_every", "1", "--data.augment", "standard", "--no_leaderboard")
    killed = start(tmp_path, "fit", *options, "--trainer.max_epochs", "100000")
    [last] = until(lambda: list(tmp_path.glob("runs/tiny-s0/*/checkpoints/last.ckpt")), killed)
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    done = torch.load(last, weights_only=True)["global_step"]
    assert done > 0
    length = ("--trainer.max_epochs", str(done // 2 + 2))  # an epoch has two batches: one and a half or two are left
    resumed = start(tmp_path, "fit", *options, *length, "--ckpt_path", "last", "--data.num_workers", workers)
    output, _ = resumed.communicate()
    assert resumed.returncode == 0, output
    assert run(["fit", *options, *length, "--trainer.default_root_dir", "whole"]) == 0
    found = torch.load(last, weights_only=True)
    expected = torch.load(tmp_path / "whole" / "checkpoints" / "last.ckpt", weights_only=True)
    assert found["global_step"] == expected["global_step"] == 2 * (done // 2 + 2)
    assert all(torch.equal(found["state_dict"][key], tensor) for key, tensor in expected["state_dict"].items())
