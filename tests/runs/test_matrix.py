"""A matrix is prepared before anything trains: records that are there, data that are missing, time that it takes."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from polybench.cli.main import run
from polybench.core.errors import ConfigError
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.record import Record, read_records
from polybench.results.record_text import read_text
from polybench.results.tables import MISSING
from polybench.runs.cell import Cell, cells_of
from polybench.runs.cell_config import parse_cells
from polybench.runs.cell_data import CellData, look_for_data, open_data
from polybench.runs.estimate import Estimates, images_of
from polybench.runs.found_records import is_of, run_here, start_told
from polybench.runs.matrix_file import read_matrix
from polybench.runs.matrix_table import UNOPENED, cells_table
from polybench.runs.request import note_record
from polybench.runs.run_matrix import Matrix, prepare, read_cells
from polybench.runs.run_today import RunToday
from polybench.runs.stale import stale_table
from tests.cli.recipes import write_recipe
from tests.conftest import write_frames, write_split

TRAINED = 6
"""Frames of the training subset."""


def write_matrix(folder: Path, data_root: Path, **more: Any) -> Path:
    """Two tiny nets on the tiny frames, which are under one recipe's data, and a dataset that isn't there."""
    recipe = yaml.safe_load(write_recipe(folder, data_root, max_epochs=1).read_text())
    gone = {"class_path": "KvasirSEGDataModule", "init_args": {"root": str(folder / "nowhere"), "size": [24, 32]}}
    parts = {"tiny": {key: recipe[key] for key in ("model", "trainer")}, "frames": {"data": recipe["data"]}}
    for name, part in {**parts, "gone": {"data": gone}}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(part))
    text = {"name": "m", "methods": {"tiny": "tiny.yaml"}, "datasets": {"clinicdb": "frames.yaml"}, **more}
    path = folder / "matrix.yaml"
    path.write_text(yaml.safe_dump(text, sort_keys=False))
    return path


def cells(path: Path) -> list[Cell]:
    return cells_of(read_matrix(path), path.parent / "runs", path.parent / "leaderboards")


def prepared(path: Path, **options: Any) -> Matrix:
    return prepare(cells(path), path.parent / "leaderboards", **options)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the record of a plain fit that a cell of a matrix is: one epoch on the tiny frames."""
    folder = tmp_path_factory.mktemp("fitted")
    write_frames(folder / "data" / "CVC-ClinicDB")
    write_split(folder / "data" / "split.csv")
    write_matrix(folder, folder / "data")
    configs = [word for name in ("tiny", "frames") for word in ("--config", str(folder / f"{name}.yaml"))]
    places = ["--leaderboard", str(folder / "leaderboards"), "--trainer.default_root_dir", str(folder / "by_hand")]
    assert run(["fit", *configs, "--name", "tiny_clinicdb", *places]) == 0
    return folder


def matrix_of(fitted: Path, **more: Any) -> Path:
    text = {"name": "m", "methods": {"tiny": "tiny.yaml"}, "datasets": {"clinicdb": "frames.yaml"}, **more}
    path = fitted / "matrix.yaml"
    path.write_text(yaml.safe_dump(text, sort_keys=False))
    return path


def record_of(fitted: Path) -> Record:
    [path] = (fitted / "leaderboards/records/clinicdb").glob("tiny_clinicdb-*.json")
    return Record.from_json(read_text(path), path)


def test_record_of_a_plain_fit_is_that_of_the_cell(fitted: Path) -> None:
    found = prepared(matrix_of(fitted, seeds=[0, 1]))
    assert {name: path.stem.rpartition("-")[2] for name, path in found.found.items()} == {"tiny_clinicdb-s0": "s0"}
    assert [cell.name for cell in found.to_run()] == ["tiny_clinicdb-s1"]


def test_record_is_known_without_opening_the_data_which_the_table_says(fitted: Path) -> None:
    found = prepared(matrix_of(fitted), opens_data=False)
    assert list(found.found) == ["tiny_clinicdb-s0"]
    assert cells_table(found, "m", 1).notes[-1] == UNOPENED
    assert UNOPENED not in cells_table(prepared(matrix_of(fitted)), "m", 1).notes


def test_list_knows_a_dataset_that_is_not_there_and_no_time_of_one_that_is(tmp_path: Path, data_root: Path) -> None:
    datasets = {"clinicdb": "frames.yaml", "kvasir_seg": "gone.yaml"}
    found = prepared(write_matrix(tmp_path, data_root, datasets=datasets), opens_data=False)
    rows = cells_table(found, "m", 1).rows
    assert rows == (("tiny_clinicdb-s0", "to do", "unknown"), ("tiny_kvasir_seg-s0", "no data", MISSING))


@pytest.mark.parametrize("options", [{"model.optimizer.lr": 0.02}, {"trainer.max_epochs": 2}, {"data.size": [32, 32]}])
def test_other_training_is_not_taken_for_it(fitted: Path, options: dict[str, Any]) -> None:
    assert not prepared(matrix_of(fitted, options=options), opens_data=False).found


def with_record(fitted: Path, name: str = "tiny_clinicdb-s0") -> Path:
    """The folder of a cell that says that it has the record of the plain fit."""
    folder = fitted / "runs" / "m" / name
    folder.mkdir(parents=True, exist_ok=True)
    [record] = (fitted / "leaderboards/records/clinicdb").glob("tiny_clinicdb-*.json")
    note_record(folder, record)
    return folder


@pytest.mark.parametrize(
    ("options", "state"), [({}, "has a record"), ({"model.optimizer.lr": 0.5}, "out of date")], ids=["same", "other"]
)
def test_record_of_a_finished_cell_counts_while_it_is_what_the_run_would_give(
    fitted: Path, options: dict[str, Any], state: str
) -> None:
    folder = with_record(fitted)
    found = prepared(matrix_of(fitted, options=options), opens_data=False)
    assert [found.state(cell) for cell in found.cells] == [state]
    assert not found.to_run()
    assert [str(folder) in str(error) for error in found.outdated.values()] == [True] * (state == "out of date")
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"budget": "published"}, False),
        ({"trainer": {"devices": 2}}, False),
        ({"ckpt_path": "other.ckpt"}, False),
        ({"data": {"init_args": {"eval_batch_size": 1}}}, False),
    ],
)
def test_record_is_of_a_run_with_equal_start_batch_evaluation_and_budget(
    fitted: Path, change: dict[str, Any], same: bool
) -> None:
    [config] = parse_cells(cells(matrix_of(fitted))).values()
    plain = copy.deepcopy(dict(config))
    for key, value in change.items():
        inner = plain[key] if isinstance(value, dict) else plain
        part = value if isinstance(value, dict) else {key: value}
        for name, item in part.items():
            inner[name] = {**inner[name], **item} if isinstance(item, dict) else item
    assert is_of(record_of(fitted), run_here(plain), None) is same


@pytest.mark.parametrize(
    ("weights", "dataset", "same"),
    [
        ("imagenet", "ImageNet", True),
        (None, "ImageNet", False),
        ("imagenet", None, False),
        ("imagenet", "other", False),
    ],
)
def test_weights_that_are_known_by_their_name_are_those_of_the_record(
    fitted: Path, weights: str | None, dataset: str | None, same: bool
) -> None:
    net = {"class_path": "segmentation_models_pytorch.Unet", "init_args": {"encoder_weights": weights}}
    source = None if dataset is None else Ancestor("a" * 64, "classification", dataset, None)
    record = replace(record_of(fitted), start=StartFacts("initialised", source, seeds="shared"))
    config = {"model": {"class_path": "SegmentationTask", "init_args": {"net": net}}}
    if same:
        assert start_told({"start": []}, config, record) == record.start
    else:
        with pytest.raises(ValueError, match="start of the record"):
            start_told({"start": []}, config, record)


def test_record_of_weights_from_a_file_is_not_taken_for_another_folders(fitted: Path) -> None:
    [config] = parse_cells(cells(matrix_of(fitted))).values()
    weights = fitted / "weights.pth"
    weights.write_bytes(b"any")
    plain = copy.deepcopy(dict(config))
    plain["model"]["init_args"]["net"]["init_args"]["encoder_weights"] = str(weights)
    source = Ancestor("a" * 64, None, None, None)
    record = replace(record_of(fitted), start=StartFacts("initialised", source, seeds="shared"))
    assert not is_of(record, run_here(plain), None)


def run_of(fitted: Path, **more: Any) -> RunToday:
    [config] = parse_cells(cells(matrix_of(fitted, **more))).values()
    return run_here(config)


def seen(batches: int | None, size: tuple[int, int] = (24, 32)) -> CellData:
    return CellData(None, size, batch=3, batches=batches)


def test_time_is_that_of_the_record_in_proportion_to_images_and_pixels(fitted: Path) -> None:
    record = record_of(fitted)
    assert record.training is not None
    assert record.identity is not None
    images = int(record.identity.budget_id.split()[0])  # type: ignore[union-attr]
    each = record.training.wall_seconds / images
    estimates = Estimates([record])
    assert estimates.of(run_of(fitted), seen(48)) == pytest.approx(48 * 3 * each)
    options = {"images": 600, "trainer.max_epochs": None}
    assert estimates.of(run_of(fitted, options=options), seen(None, (48, 64))) == pytest.approx(600 * 4 * each)


def test_images_of_an_epoch_are_those_that_the_run_counted(fitted: Path) -> None:
    run = run_of(fitted)
    counted = record_of(fitted).identity.budget_id  # type: ignore[union-attr]
    for look in (open_data, look_for_data):
        found = look(run.config)
        assert f"{images_of(run.config, found, 1)} images of {found.size[0]}x{found.size[1]}" == counted


@pytest.mark.parametrize(
    ("data", "batches"),
    [
        ({"crop": {"size": 16, "per_image": 4}}, 4 * TRAINED // 3),
        ({"augment": "efen25", "expanded": True}, (1 + 25) * TRAINED // 3),
        ({"allow_missing": True}, None),
    ],
)
def test_samples_of_an_epoch_are_those_of_its_crops_and_variants(
    fitted: Path, data: dict[str, Any], batches: int | None
) -> None:
    config = run_of(fitted, options={f"data.{key}": value for key, value in data.items()}).config
    assert look_for_data(config).batches == batches
    assert batches is None or open_data(config).batches == batches


@pytest.mark.parametrize(
    ("trainer", "images"),
    [
        ({"max_epochs": 2}, 2 * 10 * 3),
        ({"max_epochs": 2, "limit_train_batches": 4}, 2 * 4 * 3),
        ({"max_epochs": 2, "limit_train_batches": 0.5}, 2 * 5 * 3),
        ({"max_epochs": 2, "overfit_batches": 1}, 2 * 1 * 3),
        ({"max_epochs": -1, "max_steps": 13}, 13 * 3),
        ({"max_epochs": -1, "max_steps": 4, "accumulate_grad_batches": 4}, (10 + 4) * 3),
        ({"max_epochs": 1, "max_steps": 13}, 10 * 3),
        ({"max_epochs": -1}, None),
        ({"max_epochs": 2, "max_time": "00:01:00:00"}, None),
    ],
)
def test_images_follow_the_limits_of_the_trainer(trainer: dict[str, Any], images: int | None) -> None:
    assert images_of({"trainer": trainer}, seen(10), 1) == images


def test_images_of_a_budget_are_whole_steps_those_of_the_choice_too() -> None:
    choice = {"values": [1e-3, 1e-2], "share": 0.25}
    config = {"images": 640, "validations": 5, "trainer": {}, "choose": choice}
    assert images_of(config, seen(None), 1) == 630 + 2 * 150
    assert images_of({**config, "images": 20}, seen(None), 1) is None


def test_runs_of_one_record_share_a_lease_wherever_they_are(fitted: Path, tmp_path: Path) -> None:
    other = write_matrix(tmp_path, fitted / "data", methods={"same": {"config": "tiny.yaml", "name": "tiny"}})
    [config] = parse_cells(cells(other)).values()
    assert run_here(config).key(0) == run_of(fitted).key(0) != run_of(fitted).key(1)
    assert run_of(fitted, options={"model.optimizer.lr": 0.5}).key(0) != run_of(fitted).key(0)
    assert run_of(fitted, options={"trainer.enable_progress_bar": True}).key(0) == run_of(fitted).key(0)


def test_time_of_a_net_that_no_record_has_is_unknown(fitted: Path) -> None:
    wide = {"model.net.init_args.decoder_channels": [16, 8, 8]}
    assert Estimates([record_of(fitted)]).of(run_of(fitted, options=wide), seen(48)) is None


def test_two_cells_that_are_one_run_are_refused(fitted: Path) -> None:
    path = matrix_of(fitted, methods={"tiny": "tiny.yaml", "again": "tiny.yaml"})
    with pytest.raises(ConfigError, match="cells 'tiny_clinicdb-s0' and 'again_clinicdb-s0' are the same run"):
        parse_cells(cells(path))


def test_option_that_fit_would_refuse_names_the_cell(fitted: Path) -> None:
    path = matrix_of(fitted, options={"trainer.max_epoch": 3})
    with pytest.raises(ConfigError, match=r"cell 'tiny_clinicdb-s0': There is no option '--trainer.max_epoch'"):
        parse_cells(cells(path))


def test_missing_dataset_is_named_before_anything_trains(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_matrix(tmp_path, data_root, datasets={"clinicdb": "frames.yaml", "kvasir_seg": "gone.yaml"})
    assert run(["matrix", "--config", "matrix.yaml"]) != 0
    error = capsys.readouterr().err
    assert "--skip_missing runs the other cells" in error
    assert "tiny_kvasir_seg-s0: There is no folder" in error
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def at_split(fitted: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the split's list as the current one, where a record's portable configuration finds it."""
    monkeypatch.chdir(fitted / "data")
    return fitted


def test_record_whose_files_are_elsewhere_is_not_compared(fitted: Path) -> None:
    found = stale_table(fitted / "leaderboards")
    assert not found.rows
    assert found.notes[-1] == "1 are not compared, since their configurations name files that aren't here."


def test_records_of_today_are_not_stale(at_split: Path) -> None:
    found = stale_table(at_split / "leaderboards")
    assert not found.rows
    assert found.notes == (
        "0 of 4 records are out of date.",
        "Copies of clinicdb are not compared: these data aren't here.",
    )


def test_net_of_an_earlier_version_is_stale_and_named(at_split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from polybench.losses import BCEDiceLoss

    monkeypatch.setattr(BCEDiceLoss, "version", BCEDiceLoss.version + 1)
    [(record, reason)] = stale_table(at_split / "leaderboards").rows
    assert str(record).startswith("clinicdb/tiny_clinicdb-")
    now = BCEDiceLoss.version
    assert reason == f"polybench.losses.BCEDiceLoss was version {now - 1}, now {now}"


def test_other_copy_and_protocol_are_stale(at_split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polybench.runs.run_today.CURRENT", {"per_image": "per_image@9"})
    monkeypatch.setattr(
        "polybench.runs.stale.open_data",
        lambda config: CellData(
            replace(record_of(at_split).dataset, manifest_sha256="f" * 64), (24, 32), batch=3, batches=None
        ),
    )
    rows = {str(row[0]): str(row[1]) for row in stale_table(at_split / "leaderboards").rows}
    [trained] = [reason for name, reason in rows.items() if "tiny_clinicdb" in name]
    assert trained == "protocol per_image@2, now per_image@9; another copy of the data is here"
    assert len(rows) == len(read_records(at_split / "leaderboards"))


def test_a_failed_cell_and_those_that_went_on_are_listed(
    fitted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(fitted)
    methods = {"tiny": "tiny.yaml", "broken": {"config": "tiny.yaml", "options": {"model.net.encoder_depth": 9}}}
    matrix_of(fitted, methods=methods)
    assert run(["matrix", "--config", "matrix.yaml"]) == 1
    printed = capsys.readouterr()
    assert "broken_clinicdb-s0 ended with exit code 2" in printed.err
    lines = [line for line in printed.out.splitlines() if "_clinicdb-s0 " in line]
    assert any("failed" in line for line in lines if "broken" in line)
    assert any("finished before" in line and "Dice" in line for line in lines if "tiny" in line)
    assert run(["matrix", "--config", "matrix.yaml", "--list"]) == 0
    assert "failed: " in next(line for line in capsys.readouterr().out.splitlines() if "broken_clinicdb-s0" in line)
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "failed: " in next(line for line in lines if "broken_clinicdb-s0" in line)
    assert [line for line in lines if line.endswith("log.txt")] == ["runs/matrix/m/broken_clinicdb-s0/log.txt"]


def test_commands_run_one_cell_each_from_any_folder(
    fitted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(fitted)
    matrix_of(fitted, seeds=[0, 1])
    assert run(["matrix", "--config", "matrix.yaml", "--commands"]) == 0
    lines = capsys.readouterr().out.splitlines()
    where = f"--folder {fitted}/runs/matrix --leaderboard {fitted}/leaderboards"
    assert lines == [
        f"polybench matrix --config {fitted}/matrix.yaml --cell tiny_clinicdb-s{seed} {where}" for seed in (0, 1)
    ]


def test_unknown_cell_is_named(fitted: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no cell 'tiny_clinicdb-s2'\. Did you mean"):
        read_cells(matrix_of(fitted, seeds=[0, 1]), fitted / "runs", fitted / "leaderboards", ["tiny_clinicdb-s2"])
