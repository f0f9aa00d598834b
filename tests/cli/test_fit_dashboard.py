"""What a training sends to W&B, read back from the file of an offline run."""

import json
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.cli.plan_dashboard import send
from polybench.experiments.dashboard_variables import dashboard_variables
from polybench.results.tables import Column, Interval, Number, Table, joined
from polybench.tasks import SegmentationTask
from tests.cli.recipes import write_recipe
from tests.cli.wandb_log import read_log

OFFLINE = ("--trainer.logger", "WandbLogger", "--trainer.logger.offline", "true")


@pytest.fixture
def recipe(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    return write_recipe(tmp_path, data_root)


def fit(recipe: Path, *words: str) -> int:
    return run(["fit", "--config", str(recipe), *words])


def offline_runs(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.glob("runs/tiny-s0/*/wandb/offline-run-*"))


def test_the_run_is_named_grouped_and_described_as_its_row_is(recipe: Path, tmp_path: Path) -> None:
    assert fit(recipe, *OFFLINE) == 0
    [record] = (tmp_path / "leaderboards" / "records" / "clinicdb").glob("tiny-*.json")
    content = json.loads(record.read_text())
    [folder] = offline_runs(tmp_path)
    found = read_log(folder)
    assert (found.name, found.group, found.job_type) == (record.stem, "clinicdb/tiny", "fit")
    assert set(found.tags) == {"clinicdb", "segmentation", "reduced"}
    assert found.id.startswith(f"{content['identity']['training_id'][:12]}-s0-")
    assert len(json.dumps(found.config)) < 1500
    assert (found.config["dataset"], found.config["seed"], found.config["lr"]) == ("clinicdb", 0, 0.01)
    assert found.summary["headline"] == content["metrics"]["per_image@2"]["values"]["dice"]["value"]
    for key, scores in content["metrics"].items():
        for metric, value in scores["values"].items():
            assert found.summary[f"{key}/{metric}"] == value["value"]
    logged = set().union(*found.history)
    assert {"train/loss_epoch", "val/dice", "val/loss", "lr-Adam", "test/images/_type"} <= logged
    pictures = [row for row in found.history if "val/overlays/count" in row]
    assert [row["epoch"] for row in pictures] == [0, 1]
    assert pictures[0]["val/overlays/captions"] != pictures[1]["val/overlays/captions"]
    assert f"record-{record.stem}" in found.artifacts
    steps = [row["_step"] for row in found.history]
    assert steps == sorted(set(steps))
    media = folder / "files" / "media"
    assert len(list(media.glob("images/test/overlays*.png"))) == 4
    [table] = media.glob("table/test/per_image*.table.json")
    rows = json.loads(table.read_text())["data"]
    assert [row[0] for row in rows] == ["tiny", "all_background", "all_foreground", "otsu_threshold"]
    [images] = media.glob("table/test/images*.table.json")
    assert [row[0] for row in json.loads(images.read_text())["data"]] == ["10", "11", "12", "9"]


def test_a_resumed_run_goes_on_under_its_id_with_later_steps(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: SegmentationTask) -> None:
        if self.current_epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SegmentationTask, "on_train_epoch_start", interrupted)
        assert fit(recipe, *OFFLINE) == 130
    read_log(offline_runs(tmp_path)[0])
    assert fit(recipe, *OFFLINE, "--ckpt_path", "last") == 0
    logs = sorted((read_log(folder) for folder in offline_runs(tmp_path)), key=lambda log: log.history[0]["_step"])
    first, second = logs
    assert first.id == second.id
    assert first.history[-1]["_step"] <= second.history[0]["_step"]
    assert "headline" in second.summary


def test_without_a_login_the_run_goes_on_offline_and_says_so(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert fit(recipe, "--trainer.logger", "WandbLogger") == 0
    shown = capsys.readouterr()
    assert "The W&B run is written offline, since there is no login on this machine" in shown.err
    [folder] = offline_runs(tmp_path)
    assert f"W&B: offline; 'wandb sync {folder.relative_to(tmp_path)}' sends it" in shown.out
    assert "Run history" not in shown.out + shown.err


def test_names_of_the_user_stand(recipe: Path, tmp_path: Path) -> None:
    own = ("--trainer.logger.name", "mine", "--trainer.logger.group", "ours", "--trainer.logger.tags", "[a]")
    assert fit(recipe, *OFFLINE, *own) == 0
    found = read_log(offline_runs(tmp_path)[0])
    assert (found.name, found.group, found.tags) == ("mine", "ours", ("a",))


def test_a_cell_of_a_plan_is_sent_to_its_project_and_keeps_its_own_log(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name, value in dashboard_variables("vessels", "boards").items():
        monkeypatch.setenv(name, value)
    assert fit(recipe) == 0
    [folder] = offline_runs(tmp_path)
    found = read_log(folder)
    assert (found.project, found.group) == ("vessels", "boards")
    assert (folder.parents[1] / "test_metrics.csv").is_file()


def test_the_table_of_a_plan_has_numbers_and_is_one_run_however_often_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    columns = (Column("Cell"), Column("Dice", "right"))
    table = Table(columns, (("unet", joined((Number(0.75), Interval(0.7, 0.8)))), ("fpn", Number(0.5))))
    ids = []
    for _ in range(2):
        send("vessels", "boards", table)
        folder = max(tmp_path.glob("wandb/offline-run-*"), key=lambda path: path.stat().st_mtime_ns)
        found = read_log(folder)
        ids.append(found.id)
    assert ids[0] == ids[1]
    assert (found.name, found.group, found.job_type) == ("boards", "boards", "plan")
    assert (found.summary["unet/Dice"], found.summary["unet/Dice low"], found.summary["fpn/Dice"]) == (0.75, 0.7, 0.5)
    [file] = folder.glob("files/media/table/cells*.table.json")
    assert json.loads(file.read_text())["data"][0] == ["unet", 0.75, 0.7, 0.8]
