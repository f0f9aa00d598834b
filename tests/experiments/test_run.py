"""An experiment run from Python, and what becomes of it in other folders, with other starts and with other code."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

import polybench
from polybench.cli.main import run as command
from polybench.core.errors import ConfigError
from polybench.experiments.run import words_of
from polybench.results.record import Record
from tests.cli.recipes import write_recipe
from tests.conftest import write_frames, write_split

NET = {"class_path": "own_net.Own", "init_args": {"width": 4}}
OWN_NET = """
from torch import nn
from own_blocks import block

class Own(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.encoder = block(3, width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, images):
        return self.head(self.encoder(images))
"""
OWN_BLOCKS = """
from torch import nn

def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())
"""


class Trained(NamedTuple):
    """A folder with a recipe, a net of one's own, and a run."""

    folder: Path
    recipe: Path
    record: Record

    @property
    def run(self) -> Path:
        [folder] = (self.folder / "runs" / "tiny-s0").iterdir()
        return folder

    @property
    def best(self) -> Path:
        return self.run / "checkpoints" / "best.ckpt"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    folder = tmp_path_factory.mktemp("own")
    write_frames(folder / "data" / "CVC-ClinicDB")
    write_split(folder / "data" / "split.csv")
    (folder / "own_net.py").write_text(OWN_NET)
    (folder / "own_blocks.py").write_text(OWN_BLOCKS)
    recipe = write_recipe(folder, folder / "data", NET, max_epochs=1)
    (folder / "settings.yaml").write_text("previews: {most: 4}\n")
    recipe.write_text(f"bases: [settings.yaml]\n{recipe.read_text()}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
        patch.delenv("POLYBENCH_RUN_FOLDER", raising=False)
        yield Trained(folder, recipe, polybench.run("tiny.yaml"))


@pytest.fixture(autouse=True)
def there(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained.folder)
    monkeypatch.setenv("POLYBENCH_CACHE", str(trained.folder / "cache"))


def again(trained: Trained, board: str, max_epochs: int = 1, **overrides: Any) -> Record:
    trainer = {"default_root_dir": f"run-{board}", "max_epochs": max_epochs}
    return polybench.run(trained.recipe, leaderboard=board, trainer=trainer, **overrides)


def dice(record: Record) -> float:
    return record.metrics["per_image@2"].values["dice"].value


def test_run_returns_the_record_that_is_written(trained: Trained) -> None:
    [path] = (trained.folder / "leaderboards/records/clinicdb").glob("tiny-*.json")
    assert Record.from_json(path.read_text(), path) == trained.record


def test_overrides_are_the_options_of_a_command_line() -> None:
    words = words_of(
        ["a.yaml", {"name": "b"}], {"trainer": {"max_epochs": 2, "precision": None}, "no_leaderboard": True}
    )
    assert words == [
        *("--config", "a.yaml", "--config", '{"name": "b"}'),
        *("--trainer.max_epochs=2", "--trainer.precision=null", "--no_leaderboard"),
    ]


def test_value_that_no_configuration_can_hold_is_refused(trained: Trained) -> None:
    with pytest.raises(ConfigError, match=r"'model.net' holds .*give classes by class_path"):
        polybench.run(trained.recipe, model={"net": torch.nn.Identity()})


def test_own_net_and_the_base_of_a_recipe_are_named_by_their_files(trained: Trained) -> None:
    assert trained.record.net is not None
    assert trained.record.net.version.endswith("of own_blocks.py, own_net.py")
    files = {Path(need.partition("'")[2].partition("'")[0]).name for need in trained.record.needs}
    assert files == {"tiny.yaml", "settings.yaml", "own_net.py", "own_blocks.py"}


def test_recorded_command_gets_the_number_again_in_another_folder(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, rest = trained.record.command.partition(" && ")
    assert folder == f"cd {trained.folder}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.chdir(shlex.split(folder)[1])
    program, *words = shlex.split(rest)
    assert program == "polybench"
    assert command([*words, "--leaderboard", str(tmp_path / "board"), "--trainer.default_root_dir", "again"]) == 0
    [path] = (tmp_path / "board/records/clinicdb").glob("tiny-*.json")
    record = Record.from_json(path.read_text(), path)
    assert record.identity == trained.record.identity
    assert dice(record) == dice(trained.record)


def test_loaded_task_predicts_what_the_command_predicts(trained: Trained, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    (tmp_path / "images").mkdir()
    Image.fromarray(image).save(tmp_path / "images" / "a.png")
    words = ["--images", str(tmp_path / "images"), "--out", str(tmp_path / "out")]
    assert command(["predict", "--ckpt_path", str(trained.best), *words]) == 0
    probability = polybench.load(trained.best).predict_image(image)
    assert probability.shape == (48, 64)
    written = np.asarray(Image.open(tmp_path / "out" / "a.png")) > 0
    assert np.array_equal(written, probability >= 0.5)


def test_prediction_without_recipe_needs_no_dataset(trained: Trained, tmp_path: Path) -> None:
    saved = torch.load(trained.best, weights_only=True)
    config = json.loads(saved["polybench_run"]["config"])
    config["data"]["init_args"] |= {"split": str(tmp_path / "gone.csv"), "root": str(tmp_path / "gone")}
    saved["polybench_run"]["config"] = json.dumps(config)
    torch.save(saved, tmp_path / "elsewhere.ckpt")
    (tmp_path / "images").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "images" / "a.png")
    words = ["--images", str(tmp_path / "images"), "--out", str(tmp_path / "out")]
    assert command(["predict", "--ckpt_path", str(tmp_path / "elsewhere.ckpt"), *words]) == 0
    assert (tmp_path / "out" / "a.png").is_file()


@pytest.mark.parametrize(
    ("image", "what"),
    [(np.zeros((8, 8), np.uint8), r"uint8 \(8, 8\)"), (np.zeros((8, 8, 3)), "float64"), ("a.png", "str")],
    ids=["grey", "floats", "path"],
)
def test_what_is_no_image_is_refused(trained: Trained, image: Any, what: str) -> None:
    with pytest.raises(ConfigError, match=f"An image must be a uint8 array .*, not {what}"):
        polybench.load(trained.best).predict_image(image)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ckpt_path", "nowhere.ckpt"], "There is no checkpoint 'nowhere.ckpt'"),
        ([], "test needs the file of a checkpoint"),
        (["--ckpt_path", "best"], "test needs the file of a checkpoint"),
    ],
)
def test_evaluation_without_recipe_or_checkpoint_says_what_it_needs(
    trained: Trained, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["test", *words]) == 2
    assert message in capsys.readouterr().err


def test_validation_that_never_comes_is_refused(trained: Trained) -> None:
    trainer = {"val_check_interval": 100, "default_root_dir": "run-never"}
    with pytest.raises(ConfigError, match="val_check_interval"):
        polybench.run(trained.recipe, no_leaderboard=True, trainer=trainer)


def test_checkpoint_of_an_earlier_version_has_to_be_loaded_with_its_recipe(trained: Trained, tmp_path: Path) -> None:
    saved = torch.load(trained.best, weights_only=True)
    del saved["polybench_run"]
    torch.save(saved, tmp_path / "old.ckpt")
    with pytest.raises(ConfigError, match="doesn't say which net it holds"):
        polybench.load(tmp_path / "old.ckpt")


@pytest.mark.parametrize("recipe", [None, "config.yaml"])
def test_test_needs_no_recipe(
    trained: Trained, tmp_path: Path, recipe: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--config", str(trained.run / recipe)] if recipe else []
    folder = tmp_path / "test"
    arguments = [*words, "--ckpt_path", str(trained.best), "--trainer.default_root_dir", str(folder)]
    assert command(["test", *arguments]) == 0
    rows = pd.read_csv(folder / "test_rows.csv")
    assert rows["per_image@2/dice"].mean() == pytest.approx(dice(trained.record), abs=1e-6)


def test_warm_start_is_another_row(trained: Trained) -> None:
    warm = again(trained, "warm", ckpt_path=str(trained.best), seed_everything=1)
    assert warm.identity is not None
    assert trained.record.identity is not None
    assert warm.identity.training_id != trained.record.identity.training_id
    assert warm.start is not None
    assert warm.start.kind == "weights"
    assert warm.start.source is not None
    assert warm.start.source.training_id == trained.record.identity.training_id
    assert warm.start.seeds == "shared"
    assert warm.net is not None
    assert warm.net.start_weights == "weights of tiny, segmentation, clinicdb"
    assert f"--ckpt_path {trained.best}" in warm.command


def test_resumed_run_keeps_what_it_began_with(trained: Trained) -> None:
    warm = again(trained, "kept", ckpt_path=str(trained.best), seed_everything=1)
    last = trained.folder / "run-kept/checkpoints/last.ckpt"
    resumed = again(trained, "kept", ckpt_path=str(last), seed_everything=1)
    assert warm.start is not None
    assert warm.start.kind == "weights"
    assert resumed.start == warm.start
    assert resumed.identity == warm.identity
    assert resumed.command == warm.command
    assert resumed.training is not None
    assert resumed.training.epochs_run == 1


def transfer(trained: Trained, board: str, source: Path) -> Record:
    callback = {"class_path": "TransferCallback", "init_args": {"source": str(source)}}
    return again(trained, board, **{"trainer.callbacks": [callback]})


def test_sources_of_one_name_are_two_rows(trained: Trained, tmp_path: Path) -> None:
    ids = set()
    for number in range(2):
        torch.manual_seed(number)
        saved = torch.load(trained.best, weights_only=True)["state_dict"]
        encoder = {
            key: torch.rand_like(value.float()) for key, value in saved.items() if key.startswith("net.encoder.")
        }
        folder = tmp_path / str(number)
        folder.mkdir()
        torch.save({"state_dict": encoder}, folder / "encoder.ckpt")
        record = transfer(trained, f"transfer{number}", folder / "encoder.ckpt")
        assert record.identity is not None
        assert record.start is not None
        assert (record.start.matched, record.start.share) == (7, 1.0)
        ids.add(record.identity.training_id)
    assert len(ids) == 2


def test_changed_ancestor_is_another_row(trained: Trained) -> None:
    longer = again(trained, "ancestor", max_epochs=2)
    assert longer.identity is not None
    one = transfer(trained, "child1", trained.best)
    two = transfer(trained, "child2", trained.folder / "run-ancestor/checkpoints/best.ckpt")
    assert one.identity is not None
    assert two.identity is not None
    assert one.identity.training_id != two.identity.training_id


def test_edited_helper_of_an_own_net_is_another_row(trained: Trained) -> None:
    path = trained.folder / "own_blocks.py"
    path.write_text(OWN_BLOCKS + "\n# edited\n")
    try:
        edited = again(trained, "edited")
    finally:
        path.write_text(OWN_BLOCKS)
    assert edited.identity is not None
    assert trained.record.identity is not None
    assert edited.identity.training_id != trained.record.identity.training_id


def test_both_a_checkpoint_and_a_transfer_are_refused(trained: Trained) -> None:
    callback = {"class_path": "TransferCallback", "init_args": {"source": str(trained.best)}}
    with pytest.raises(ConfigError, match="leave out --ckpt_path, or the TransferCallback"):
        again(trained, "both", ckpt_path=str(trained.best), **{"trainer.callbacks": [callback]})


def test_saved_configuration_of_a_run_starts_another(trained: Trained) -> None:
    saved = yaml.safe_load((trained.run / "config.yaml").read_text())
    assert saved["ckpt_path"] is None
    record = polybench.run(trained.run / "config.yaml", leaderboard="saved", trainer={"default_root_dir": "run-saved"})
    assert record.identity == trained.record.identity
    assert dice(record) == dice(trained.record)
    assert json.loads(record.to_json())["budget"] == trained.record.budget


def test_further_checkpoints_of_a_user_replace_nothing(trained: Trained) -> None:
    further = {"monitor": "val/loss", "mode": "max", "filename": "best"}
    callback = {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": further}
    record = again(trained, "further", **{"trainer.callbacks": [callback]})
    assert record.identity == trained.record.identity
    assert dice(record) == dice(trained.record)
    assert (trained.folder / "run-further/checkpoints/further/best.ckpt").is_file()


def test_selected_and_last_checkpoint_are_two_sources(trained: Trained) -> None:
    records = [
        again(trained, f"from-{name}", ckpt_path=str(trained.best.with_name(f"{name}.ckpt")), seed_everything=1)
        for name in ("best", "last")
    ]
    points = [record.start.source.point for record in records if record.start and record.start.source]
    assert points == ["selected", "end"]
    ids = {record.identity.training_id for record in records if record.identity}
    assert len(ids) == 2


def test_run_of_a_mapping(trained: Trained) -> None:
    recipe = yaml.safe_load(trained.recipe.read_text())
    record = polybench.run(recipe, leaderboard="mapping", trainer={"default_root_dir": "run-mapping"})
    assert record.identity == trained.record.identity
