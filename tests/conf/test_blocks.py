"""A block of training replaces how a method is trained, and nothing of what it is."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from polybench.cli.main import run
from polybench.experiments.profile.session import recorded_hashes
from polybench.experiments.run_folder import Part
from polybench.results.config import config_sha256, portable_config
from polybench.results.record import Record
from tests.conf.test_recipes import METHODS, NARROW_EFEN, NARROW_FANET, OF_CLINICDB, SMALL, TINY_ENCODER
from tests.experiments.resolved import CONF, parsed, resolved

BLOCK = CONF / "blocks" / "equal_budget.yaml"

TRAINING = ("optimizer", "lr_scheduler", "channels_last", "parameter_groups", "schedule_interval")
"""Arguments of a task that say how it is trained."""


def words(method: str, *files: Path, data: str = "clinicdb") -> list[str]:
    found = (CONF / f"methods/{method}.yaml", CONF / f"data/{data}.yaml", *files)
    return [word for file in found for word in ("--config", str(file))]


@cache
def with_block(method: str) -> dict[str, Any]:
    return resolved(*words(method, BLOCK))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_trained_alike(method: str) -> None:
    config, other = with_block(method), with_block("smp_unet_resnet34")
    for key in TRAINING:
        assert config["model"]["init_args"][key] == other["model"]["init_args"][key], key
    for key in ("trainer", "images", "validations", "choose"):
        assert config[key] == other[key], key
    assert config["checkpoint"]["monitor"] == "headline"  # which brings its direction
    data = config["data"]["init_args"]
    trained = [data] if "augment" in data else [data["images"]["init_args"], data["patches"]["init_args"]]
    assert {one["augment"] for one in trained} == {"standard"}


@pytest.mark.parametrize("method", ["fanet", "efen", "patches", "joint", "fcn16s"])
def test_method_keeps_its_net_loss_and_task(method: str) -> None:
    own, config = resolved(*words(method)), with_block(method)
    assert config["model"]["class_path"] == own["model"]["class_path"]
    kept = [key for key in own["model"]["init_args"] if key not in TRAINING]
    assert {"net"} <= set(kept)
    for key in kept:
        assert config["model"]["init_args"][key] == own["model"]["init_args"][key], key


def test_options_of_the_optimizer_are_all_written_down() -> None:
    """One that isn't would be the method's own, where its optimizer has it too."""
    block = yaml.safe_load(BLOCK.read_text())["model"]["init_args"]
    for key in ("optimizer", "lr_scheduler"):
        assert block[key]["init_args"].keys() == with_block("fanet")["model"]["init_args"][key]["init_args"].keys()


@pytest.mark.parametrize(
    ("method", "data", "monitor", "mode"),
    [
        ("fcn16s", "clinicdb", "val/dice", "max"),
        ("fanet", "drive", "val/fov/dice", "max"),
        ("patches", "clinicdb", "val/auc", "max"),
        ("joint", "chase", "val/fov/dice", "max"),
    ],
)
def test_selection_is_by_the_headline_of_the_dataset(method: str, data: str, monitor: str, mode: str) -> None:
    checkpoint = parsed(*words(method, BLOCK, data=data)).config.checkpoint
    assert (checkpoint.monitor, checkpoint.mode) == (monitor, mode)


@pytest.mark.parametrize("method", ["fanet", "unet_lite0"])
def test_profile_knows_the_records_of_a_block_by_each_rate_that_was_chosen(method: str, tmp_path: Path) -> None:
    profiled = recorded_hashes(parsed(*words(method, BLOCK), command="profile").plain_config())
    for rate, known in (("0.0003", profiled[0]), ("0.001", profiled[1])):
        fit = parsed(*words(method, BLOCK), part=Part(tmp_path, (f"--model.optimizer.lr={rate}",)))
        assert config_sha256({**portable_config(fit.plain_config()), "processes": 1}) == known


def test_augmentation_of_a_dataset_named_later_is_its_own() -> None:
    files = ["--config", str(CONF / "methods/efen.yaml"), "--config", str(BLOCK)]
    config = resolved(*files, "--config", str(CONF / "data/clinicdb_efen25.yaml"))
    assert (config["data"]["init_args"]["augment"], config["data"]["init_args"]["expanded"]) == ("efen25", True)


OF_PATCHES = [word.replace("--data", "--data.source") for word in OF_CLINICDB]
PLUGGED = {
    "smp_unet_resnet34": [
        *(*OF_CLINICDB, *SMALL),
        *("--model.net.encoder_name", "tu-test_resnet", "--model.net.encoder_weights", "null"),
    ],
    "efen": [*OF_CLINICDB, *SMALL, *NARROW_EFEN],
    "fanet": [*OF_CLINICDB, *SMALL, *NARROW_FANET],
    "patches": [
        *(*OF_PATCHES, "--data.size", "32", "--data.batch_size", "2", "--data.eval_batch_size", "2", *TINY_ENCODER),
    ],
}
"""Method -> options that make it small."""


@pytest.mark.parametrize("method", PLUGGED)
def test_block_trains_a_method(
    method: str, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POLYBENCH_RUN_FOLDER", raising=False)
    assert data_root == tmp_path / "data"
    small = [*PLUGGED[method], "--images", "20", "--validations", "2", "--previews.most", "0"]
    options = ["--trainer.accelerator", "cpu", "--trainer.default_root_dir", "run", "--choose.share", "0.2"]
    assert run(["fit", *words(method, BLOCK), *small, *options]) == 0
    path = tmp_path / "run" / "record.json"
    record = Record.from_json(path.read_text(), path)
    assert record.identity is not None
    assert record.identity.budget_id == "20 images of 32x32"
    assert record.config["trainer"]["precision"] == "bf16-mixed"
    section = record.sections["choice"]
    assert [row["value"] for row in section.rows] == ["0.0003", "0.001"]
    assert [row["images"] for row in section.rows] == [4, 4]
    assert "for 8 images beside the 20 of the run" in capsys.readouterr().out
