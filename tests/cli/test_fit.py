import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import f1_score

from polybench.cli.main import run
from polybench.metrics import PROTOCOLS
from polybench.tasks import SegmentationTask
from tests.cli.recipes import write_recipe


@pytest.fixture
def recipe(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_recipe(tmp_path, data_root)


def fit(recipe: Path, *words: str) -> None:
    assert run(["fit", "--config", str(recipe), *words]) == 0


def the_record(tmp_path: Path) -> tuple[dict[str, object], pd.DataFrame]:
    [path] = (tmp_path / "leaderboards" / "records" / "clinicdb").glob("tiny*.json")
    return json.loads(path.read_text()), pd.read_csv(path.with_suffix(".csv"), dtype={"id": str})


def run_folder(tmp_path: Path) -> Path:
    [folder] = (tmp_path / "runs" / "tiny-s0").iterdir()
    return folder


def final_metrics(folder: Path, name: str = "metrics.csv") -> pd.DataFrame:
    return pd.read_csv(folder / name).dropna(axis=1, how="all")


def test_fit_ends_with_record_page_pictures_and_table(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(recipe)
    record, rows = the_record(tmp_path)
    scores = record["metrics"]["per_image@2"]  # type: ignore[index,call-overload]
    assert scores["n"] == 4
    assert scores["values"]["dice"]["value"] == pytest.approx(rows["per_image@2/dice"].mean(), abs=1e-6)
    page = (tmp_path / "leaderboards" / "clinicdb.md").read_text()
    names = ("tiny", "All background", "All foreground", "Otsu threshold", "The same predictions under every protocol")
    assert all(name in page for name in names)
    assert len(list((run_folder(tmp_path) / "overlays").glob("*.png"))) == 4
    shown = capsys.readouterr().out
    places = [shown.index(words) for words in ("per_image@2", "otsu_threshold", "fanet@2", "pranet@2 max", "fov@2")]
    assert places == sorted(places)
    assert shown.count("per_image@2") == 1


def test_record_table_and_log_carry_every_protocol(recipe: Path, tmp_path: Path) -> None:
    fit(recipe)
    record, rows = the_record(tmp_path)
    metrics = record["metrics"]
    assert list(metrics) == [protocol.key for protocol in PROTOCOLS]  # type: ignore[call-overload]
    assert {"fanet@2/dice", "keras_fcn@2/iou_0.2", "pooled@2/tp", "pranet@2/s_measure", "fov@2/tn"} <= set(rows.columns)
    logged = final_metrics(run_folder(tmp_path), "test_metrics.csv")
    for key, scores in metrics.items():  # type: ignore[attr-defined]
        prefix = "test" if key == "per_image@2" else f"test/{key.partition('@')[0]}"
        for metric, score in scores["values"].items():
            assert logged[f"{prefix}/{metric}"].dropna().item() == pytest.approx(score["value"], rel=1e-6)
    trained = final_metrics(run_folder(tmp_path))
    assert not [name for name in trained if name.startswith("val/") and name.count("/") > 1]


def test_anyone_who_scores_the_predicted_masks_finds_the_recorded_numbers(
    recipe: Path, tmp_path: Path, data_root: Path
) -> None:
    fit(recipe)
    record, _ = the_record(tmp_path)
    checkpoint, frames = run_folder(tmp_path) / "checkpoints" / "best.ckpt", data_root / "CVC-ClinicDB"
    tested = tmp_path / "tested"
    tested.mkdir()
    for k in (9, 10, 11, 12):
        (tested / f"{k}.tif").symlink_to(frames / "Original" / f"{k}.tif")
    words = ["--ckpt_path", str(checkpoint), "--images", str(tested), "--out", str(tmp_path / "masks")]
    assert run(["predict", "--config", str(recipe), *words]) == 0
    (tmp_path / "truth").mkdir()
    for k in (9, 10, 11, 12):
        (tmp_path / "truth" / f"{k}.tif").symlink_to(frames / "Ground Truth" / f"{k}.tif")
    numbers = tmp_path / "numbers.json"
    words = ["--pred", str(tmp_path / "masks"), "--gt", str(tmp_path / "truth"), "--json", str(numbers)]
    assert run(["score", *words]) == 0
    scored = json.loads(numbers.read_text())["protocols"]
    for name in ("per_image", "pooled"):  # of binary masks at native size; others read the probabilities
        recorded = record["metrics"][f"{name}@2"]["values"]  # type: ignore[index]
        expected = {metric: score["value"] for metric, score in recorded.items() if metric != "auc"}
        assert {metric: scored[name][metric] for metric in expected} == pytest.approx(expected)


def test_recorded_dice_is_that_of_the_predicted_masks(recipe: Path, tmp_path: Path, data_root: Path) -> None:
    fit(recipe)
    _, rows = the_record(tmp_path)
    checkpoint = run_folder(tmp_path) / "checkpoints" / "best.ckpt"
    frames = data_root / "CVC-ClinicDB"
    words = ["--ckpt_path", str(checkpoint), "--images", str(frames / "Original"), "--out", str(tmp_path / "masks")]
    assert run(["predict", "--config", str(recipe), *words]) == 0
    for image_id, dice in zip(rows["id"], rows["per_image@2/dice"], strict=True):
        truth = np.asarray(Image.open(frames / "Ground Truth" / f"{image_id}.tif")) > 127
        prediction = np.asarray(Image.open(tmp_path / "masks" / f"{image_id}.png")) > 127
        assert dice == pytest.approx(f1_score(truth.ravel(), prediction.ravel()), abs=1e-6)


def test_record_holds_nothing_of_this_machine_but_in_its_command(recipe: Path, tmp_path: Path) -> None:
    fit(recipe, "--data.root", str(tmp_path / "data"))
    [path] = (tmp_path / "leaderboards" / "records" / "clinicdb").glob("tiny*.json")
    record = json.loads(path.read_text())
    assert str(tmp_path) not in json.dumps({**record, "command": "", "needs": []})
    assert "${oc.env:POLYBENCH_DATA,data}" in json.dumps(record["config"])


def test_opt_out_writes_no_record(recipe: Path, tmp_path: Path) -> None:
    fit(recipe, "--no_leaderboard")
    assert not (tmp_path / "leaderboards").exists()


def test_fast_dev_run_writes_no_record(recipe: Path, tmp_path: Path) -> None:
    fit(recipe, "--trainer.fast_dev_run", "true")
    assert not (tmp_path / "leaderboards").exists()


def test_saved_configuration_reproduces_the_run(recipe: Path, tmp_path: Path) -> None:
    fit(recipe, "--seed_everything", "0", "--model.optimizer.lr", "0.02")
    first = run_folder(tmp_path)
    before = (first / "checkpoints" / "best.ckpt").read_bytes()
    fit(first / "config.yaml", "--no_leaderboard")
    [again] = [folder for folder in (tmp_path / "runs" / "tiny-s0").iterdir() if folder != first]
    numbers = [final_metrics(folder).drop(columns="seconds") for folder in (first, again)]
    pd.testing.assert_frame_equal(*numbers)
    assert (first / "checkpoints" / "best.ckpt").read_bytes() == before


def test_deterministic_runs_are_equal_to_the_bit(recipe: Path, tmp_path: Path) -> None:
    weights = []
    for name in ("one", "two"):
        root = str(tmp_path / name)
        fit(recipe, "--trainer.deterministic", "true", "--trainer.default_root_dir", root, "--no_leaderboard")
        saved = torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)
        weights.append(saved["state_dict"])
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_resumed_run_goes_on_in_its_folder_with_its_best(recipe: Path, tmp_path: Path) -> None:
    fit(recipe, "--no_leaderboard")
    folder = run_folder(tmp_path)
    checkpoint = folder / "checkpoints" / "last.ckpt"
    saved = torch.load(checkpoint, weights_only=True)
    [best] = [state for key, state in saved["callbacks"].items() if key.startswith("BestCheckpoint")]
    fit(recipe, "--ckpt_path", str(checkpoint), "--trainer.max_epochs", "3", "--no_leaderboard")
    assert run_folder(tmp_path) == folder
    epochs = final_metrics(folder).dropna(subset="val/dice")["epoch"]
    assert epochs.tolist() == [0, 1, 2]
    resumed = torch.load(checkpoint, weights_only=True)
    [now] = [state for key, state in resumed["callbacks"].items() if key.startswith("BestCheckpoint")]
    assert now["best_model_score"] >= best["best_model_score"]


def test_checkpoint_of_another_configuration_gives_its_weights_alone(recipe: Path, tmp_path: Path) -> None:
    fit(recipe, "--no_leaderboard")
    donor = run_folder(tmp_path) / "checkpoints"
    before = {path.name: path.read_bytes() for path in donor.iterdir()}
    words = ["--variant", "b", "--model.optimizer.lr", "0", "--data.batch_size", "3", "--trainer.max_epochs", "1"]
    fit(recipe, "--ckpt_path", str(donor / "best.ckpt"), *words)
    assert {path.name: path.read_bytes() for path in donor.iterdir()} == before
    [checkpoint] = (tmp_path / "runs").glob("tiny-b-s0/*/checkpoints/best.ckpt")
    record, _ = the_record(tmp_path)
    assert record["provenance"]["checkpoint_sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()  # type: ignore[index,call-overload]
    assert record["net"]["lineage"] == [hashlib.sha256(before["best.ckpt"]).hexdigest()]  # type: ignore[index,call-overload]
    old, new = (torch.load(path, weights_only=True) for path in (donor / "best.ckpt", checkpoint))
    assert (new["epoch"], new["global_step"]) == (0, 2)  # six images in batches of three
    assert new["optimizer_states"][0]["param_groups"][0]["lr"] == 0
    parameters = [name for name in old["state_dict"] if name.endswith("conv1.weight")]
    assert parameters
    assert all(torch.equal(old["state_dict"][name], new["state_dict"][name]) for name in parameters)


def test_last_is_not_that_of_another_configuration(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(recipe, "--no_leaderboard")
    assert run(["fit", "--config", str(recipe), "--ckpt_path", "last", "--model.optimizer.lr", "0.02"]) == 2
    assert "are of other configurations" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "told"), [("processes", "of a run with 5 process"), ("batches_per_epoch", "with 5 batches in an epoch")]
)
def test_run_does_not_go_on_where_its_order_of_samples_would_differ(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, told: str
) -> None:
    fit(recipe, "--no_leaderboard")
    checkpoint = run_folder(tmp_path) / "checkpoints" / "last.ckpt"
    saved = torch.load(checkpoint, weights_only=True)
    saved["polybench_run"][key] = 5
    torch.save(saved, checkpoint)
    assert run(["fit", "--config", str(recipe), "--ckpt_path", "last", "--trainer.max_epochs", "3"]) == 2
    assert told in capsys.readouterr().err


def test_seeds_share_a_row_and_differ_in_weights(recipe: Path, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        fit(recipe, "--seed_everything", seed)
    names = sorted(path.stem for path in (tmp_path / "leaderboards" / "records" / "clinicdb").glob("tiny*.json"))
    assert [name.rpartition("-")[2] for name in names] == ["s1", "s2"]
    assert len({name.rpartition("-")[0] for name in names}) == 1
    assert "(2 seeds)" in (page := (tmp_path / "leaderboards" / "clinicdb.md").read_text()) or "2 (1, 2)" in page


def test_validate_prints_what_training_logged(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(recipe, "--no_leaderboard")
    folder = run_folder(tmp_path)
    best = final_metrics(folder)["val/dice"].max()
    capsys.readouterr()
    words = ["--ckpt_path", str(folder / "checkpoints" / "best.ckpt"), "--trainer.default_root_dir", "validated"]
    assert run(["validate", "--config", str(recipe), *words]) == 0
    shown = capsys.readouterr().out
    assert f"{best:.4f}" in shown
    assert "pranet@2 max" in shown
    assert final_metrics(tmp_path / "validated", "validate_metrics.csv")["val/dice"].item() == best
    assert "clinicdb, val subset of 'split': per_image@2, 2 images in 1 group" in " ".join(shown.split())


def test_test_command_writes_rows(recipe: Path, tmp_path: Path) -> None:
    fit(recipe)
    _, rows = the_record(tmp_path)
    checkpoint = str(run_folder(tmp_path) / "checkpoints" / "best.ckpt")
    words = ["--ckpt_path", checkpoint, "--trainer.default_root_dir", str(tmp_path / "tested")]
    assert run(["test", "--config", str(recipe), *words]) == 0
    again = pd.read_csv(tmp_path / "tested" / "test_rows.csv", dtype={"id": str})
    pd.testing.assert_frame_equal(rows, again)


@pytest.mark.parametrize(
    ("words", "budget"),
    [
        ([], "published"),
        (["--seed_everything", "3"], "published"),
        (["--data.num_workers", "0", "--trainer.devices", "1"], "published"),
        (["--trainer.max_epochs", "1"], "reduced"),
        (["--budget", "smoke"], "smoke"),
        (["--trainer.limit_train_batches", "1"], "smoke"),
    ],
)
def test_budget_falls_with_what_is_changed(recipe: Path, tmp_path: Path, words: list[str], budget: str) -> None:
    recipe.write_text(recipe.read_text().replace("name: tiny\n", "name: tiny\nbudget: published\n"))
    fit(recipe, *words)
    assert the_record(tmp_path)[0]["budget"] == budget


def test_command_line_cannot_raise_the_budget(recipe: Path, tmp_path: Path) -> None:
    fit(recipe, "--budget", "published")
    assert the_record(tmp_path)[0]["budget"] == "reduced"


def test_checkpoint_to_start_from_is_in_the_record(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(recipe.read_text().replace("name: tiny\n", "name: tiny\nbudget: published\n"))
    fit(recipe, "--no_leaderboard")
    checkpoint = run_folder(tmp_path) / "checkpoints" / "last.ckpt"
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    fit(recipe, "--ckpt_path", str(checkpoint), "--trainer.max_epochs", "3")
    record, _ = the_record(tmp_path)
    assert record["budget"] == "reduced"
    assert record["net"]["lineage"] == [digest]  # type: ignore[index,call-overload]


def test_no_test_images_give_no_table_and_no_record(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(recipe, "--trainer.limit_test_batches", "0", "--no_leaderboard")
    assert "test subset" not in capsys.readouterr().out
    assert not list((tmp_path / "leaderboards" / "records").rglob("*.json"))
    checkpoint = str(run_folder(tmp_path) / "checkpoints" / "best.ckpt")
    for command, kind in (("test", "test"), ("validate", "val")):
        words = ["--ckpt_path", checkpoint, f"--trainer.limit_{kind}_batches", "0"]
        assert run([command, "--config", str(recipe), *words]) == 2
        assert f"--trainer.limit_{kind}_batches" in capsys.readouterr().err


def test_what_forbids_a_record_is_found_before_training(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fit", "--config", str(recipe), "--variant", "a b"]) == 2
    assert "--variant 'a b'" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert run(["fit", "--config", str(recipe), "--leaderboard", "file/boards"]) == 2
    assert "'boards' can't be written to the folder" in capsys.readouterr().err
    broken = tmp_path / "leaderboards" / "records" / "clinicdb" / "x.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    assert run(["fit", "--config", str(recipe)]) == 2
    assert "x.json" in capsys.readouterr().err
    assert not list((tmp_path / "runs").rglob("*.ckpt"))


def test_partial_test_writes_no_record(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.write_text(recipe.read_text().replace("eval_batch_size: 2", "eval_batch_size: 1"))
    fit(recipe, "--trainer.limit_test_batches", "1", "--no_leaderboard")
    assert "No record: only 1 of 4 test images were evaluated." in capsys.readouterr().out
    assert not list((tmp_path / "leaderboards").rglob("*.json"))


def test_checkpoint_of_another_net_is_refused(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(recipe, "--no_leaderboard")
    checkpoint = str(run_folder(tmp_path) / "checkpoints" / "best.ckpt")
    words = ["--ckpt_path", checkpoint, "--model.net.encoder_name", "resnet34"]
    assert run(["test", "--config", str(recipe), *words]) == 2
    assert "belongs to another net" in capsys.readouterr().err


def test_mistyped_monitor_is_one_sentence(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "--config", str(recipe), "--checkpoint.monitor", "val/dic"]) == 2
    assert "val/dic" in capsys.readouterr().err


def break_missing(frames: Path) -> str:
    frames.rename(frames.parent / "elsewhere")
    return "CVC-ClinicDB'"


def break_empty(frames: Path) -> str:
    for path in (frames / "Original").iterdir():
        path.unlink()
    return "has no image"


def break_alone(frames: Path) -> str:
    (frames / "Original" / "5.tif").unlink()
    return "5.tif' has no image"


def break_truncated(frames: Path) -> str:
    path = frames / "Original" / "5.tif"
    path.write_bytes(path.read_bytes()[:3000])
    return "5.tif' can't be decoded"


@pytest.mark.parametrize("breaking", [break_missing, break_empty, break_alone, break_truncated])
def test_broken_data_ends_in_one_sentence_without_a_record(
    recipe: Path,
    tmp_path: Path,
    data_root: Path,
    capsys: pytest.CaptureFixture[str],
    breaking: object,
) -> None:
    expected = breaking(data_root / "CVC-ClinicDB")  # type: ignore[operator]
    assert run(["fit", "--config", str(recipe)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.count("polybench: error:") == 1
    assert expected in complaint
    assert "Traceback" not in complaint
    assert not list((tmp_path / "leaderboards").rglob("*.json"))


def test_interrupt_in_training_says_how_to_go_on(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: SegmentationTask) -> None:
        if self.current_epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(SegmentationTask, "on_train_epoch_start", interrupted)
    assert run(["fit", "--config", str(recipe), "--no_leaderboard"]) == 130
    assert "the same command with --ckpt_path last resumes" in capsys.readouterr().err
