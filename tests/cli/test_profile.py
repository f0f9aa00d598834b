import csv
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from polybench.cli.main import run
from polybench.data.loader import CachedSamples
from polybench.data.sample import Sample
from tests.cli.recipes import write_recipe

FIGURES = {
    "latency_p50_ms",
    "latency_p95_ms",
    "images_per_second",
    "megapixels_per_second",
    "step_real_ms",
    "step_fixed_ms",
    "step_data_ms",
    "waiting_share",
    "inference_peak_bytes",
    "training_peak_bytes",
}
CONV = {
    "class_path": "torch.nn.Conv2d",
    "init_args": {"in_channels": 3, "out_channels": 1, "kernel_size": 3, "padding": 1},
}


@pytest.fixture
def recipe(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_recipe(tmp_path, data_root, CONV, max_epochs=1)


def profile(recipe: Path, *words: str) -> dict[str, str]:
    """Profile briefly and return the last row."""
    assert run(["profile", "--config", str(recipe), "--steps", "1", *words]) == 0
    return rows()[-1]


def rows() -> list[dict[str, str]]:
    with Path("runs/profile.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_size_of_the_net_is_that_counted_by_hand(recipe: Path) -> None:
    row = profile(recipe)
    assert int(row["parameters"]) == 3 * 3 * 3 + 1
    assert int(row["macs"]) == 3 * 3 * 3 * 24 * 32


def test_figures_agree_with_each_other(recipe: Path) -> None:
    row = {name: float(value) for name, value in profile(recipe, "--steps", "3").items() if name in FIGURES}
    assert 0 < row["latency_p50_ms"] <= row["latency_p95_ms"]
    assert row["megapixels_per_second"] == pytest.approx(row["images_per_second"] * 24 * 32 / 1e6, rel=1e-4)
    assert 0 < row["inference_peak_bytes"] <= row["training_peak_bytes"]
    assert 0 <= row["waiting_share"] <= 1
    assert min(row["step_real_ms"], row["step_fixed_ms"], row["step_data_ms"]) > 0


def test_profile_again_replaces_its_row(recipe: Path) -> None:
    profile(recipe)
    row = profile(recipe, "--steps", "2")
    assert row["rounds"] == "2"
    assert len(rows()) == 1


@pytest.mark.parametrize(
    "words", [["--data.size", "[32,32]"], ["--batch_size", "2"], ["--trainer.precision", "bf16-mixed"], ["--no_data"]]
)
def test_another_size_precision_or_batch_gets_a_row_of_its_own(recipe: Path, words: list[str]) -> None:
    first = profile(recipe)
    profile(recipe, *words)
    assert len(rows()) == 2
    assert rows()[0] == first


def test_slow_loader_is_what_the_step_waits_for(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = CachedSamples.__getitem__

    def slowly(self: CachedSamples, index: int) -> Sample:
        time.sleep(0.1)
        return read(self, index)

    monkeypatch.setattr(CachedSamples, "__getitem__", slowly)
    row = profile(recipe)
    assert float(row["step_data_ms"]) >= 300  # three samples
    assert 0.5 < float(row["waiting_share"]) <= 1


def test_mean_over_the_seeds_of_the_configuration_stands_beside_the_speed(recipe: Path, tmp_path: Path) -> None:
    for seed in ("0", "1", "2"):
        assert run(["fit", "--config", str(recipe), "--seed_everything", seed]) == 0
    row = profile(recipe, "--batch_size", "2")
    records = sorted((tmp_path / "leaderboards" / "records" / "clinicdb").glob("tiny*.json"))
    assert (row["record"], row["seeds"], row["budget"]) == (f"clinicdb/{records[0].stem}", "3", "reduced")
    mean = sum(map(table_mean, records)) / 3
    assert row["metric"] == "dice"
    assert float(row["score"]) == pytest.approx(mean, abs=2e-6)
    assert float(row["score_low"]) <= mean <= float(row["score_high"])


def table_mean(record: Path) -> float:
    return float(pd.read_csv(record.with_suffix(".csv"))["per_image@2/dice"].mean())


def test_record_of_another_configuration_is_not_taken(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "--config", str(recipe), "--model.optimizer.lr", "0.02"]) == 0
    row = profile(recipe)
    assert (row["score"], row["record"], row["seeds"]) == ("", "", "0")
    assert "no record of this configuration" in capsys.readouterr().out


def test_net_is_profiled_without_the_dataset(recipe: Path, data_root: Path) -> None:
    shutil.rmtree(data_root / "CVC-ClinicDB")
    row = profile(recipe, "--no_data")
    empty = {"data", "step_real_ms", "step_data_ms", "waiting_share"}
    assert {name for name in empty if row[name]} == set()
    assert float(row["step_fixed_ms"]) > 0


def test_absent_dataset_is_named_with_what_to_do(
    recipe: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(data_root / "CVC-ClinicDB")
    assert run(["profile", "--config", str(recipe)]) == 1
    error = capsys.readouterr().err
    assert "CVC-ClinicDB" in error
    assert "--no_data" in error
    assert not Path("runs/profile.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "0"], "--steps must be at least 1, not 0"),
        (["--batch_size", "0"], "--batch_size must be at least 1, not 0"),
        (["--batch_size", "7"], "batch_size 7 is more than the 6 training samples"),
        (["--device", "tpu"], "'auto', 'cpu', 'cuda'"),
        (["--precision", "bf16-mixed"], "Did you mean '--trainer.precision'?"),
        (["--out", "."], "is a folder"),
        (["--model.net.in_channels", "4"], "can't take RGB images of 24x32"),
    ],
)
def test_wrong_arguments_end_in_one_sentence(
    recipe: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["profile", "--config", str(recipe), *words]) == 2
    [error] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("polybench: error:")]
    assert said in error


def test_missing_cuda_device_is_said(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run(["profile", "--config", str(recipe), "--device", "cuda"]) == 2
    assert "--device cpu" in capsys.readouterr().err


def test_net_that_needs_larger_batches_says_so(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    net = {
        "class_path": "segmentation_models_pytorch.DeepLabV3Plus",  # normalises a feature map of a single pixel
        "init_args": {"encoder_name": "resnet18", "encoder_weights": None, "decoder_channels": 8},
    }
    recipe = write_recipe(tmp_path, data_root, net)
    words = ["--data.size", "[32,32]", "--batch_size", "1", "--steps", "1"]
    assert run(["profile", "--config", str(recipe), *words]) == 2
    assert "another --batch_size" in capsys.readouterr().err


def test_foreign_table_is_refused_before_anything_is_measured(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr("polybench.experiments.profile.session.run", never)
    (tmp_path / "scores.csv").write_text("id,dice\n")
    assert run(["profile", "--config", str(recipe), "--out", "scores.csv"]) == 1


def test_table_that_cannot_be_written_is_said_before_anything_is_built(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("built")

    monkeypatch.setattr("polybench.experiments.profile.session.ProfileSession.instantiate_classes", never)
    (tmp_path / "file").write_text("")
    assert run(["profile", "--config", str(recipe), "--out", "file/profile.csv"]) == 2
    assert "file' is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_short_and_points_to_that_of_fit(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert run(["profile", word]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 50
    for option in ("--config", "--steps", "--device", "--batch_size", "--no_data", "--out", "--leaderboard"):
        assert option in shown
    assert "polybench fit --help" in " ".join(shown.split())
    assert "--trainer.max_epochs" not in shown


def test_too_few_rounds_for_a_percentile_are_noted(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile(recipe, "--no_data")
    captured = capsys.readouterr()
    assert "5 timings are too few for a p95, which needs 59: give --steps 12 or more" in captured.out
    assert captured.err == ""
    profile(recipe, "--no_data", "--steps", "12")
    assert "too few" not in capsys.readouterr().out


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed"])
def test_device_memory_is_that_of_the_device(recipe: Path, precision: str) -> None:
    row = profile(recipe, "--device", "cuda", "--trainer.precision", precision)
    assert row["memory"] == "device"
    assert 0 < int(row["inference_peak_bytes"]) < 2**30


def test_recipe_of_patches_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Path(__file__).parents[2] / "conf/patches_clinicdb.yaml"
    assert run(["profile", "--config", str(recipe), "--model.net.encoder_weights", "null"]) == 2
    assert "'patches_clinicdb' trains on patches" in capsys.readouterr().err
