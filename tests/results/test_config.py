import copy
from pathlib import Path
from typing import Any

import pytest

from polybench.core.errors import ConfigError
from polybench.results.config import config_sha256, portable_config, portable_text


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return {
        "config": ["conf/x.yaml"],
        "seed_everything": 0,
        "name": "x",
        "variant": None,
        "budget": "reduced",
        "data": {"class_path": "Polyps", "init_args": {"root": str(tmp_path), "size": [64, 64], "num_workers": 2}},
        "model": {"net": {"class_path": "FANet", "init_args": {"variant": "B1"}}, "lr": 0.001},
        "trainer": {
            "devices": 1,
            "logger": {"class_path": "WandbLogger", "init_args": {"project": "mine"}},
            "max_epochs": 5,
            "callbacks": [{"class_path": "ModelCheckpoint", "init_args": {"dirpath": str(tmp_path), "mode": "max"}}],
        },
    }


def test_machine_keys_go_wherever_they_stand(config: dict[str, Any]) -> None:
    portable = portable_config(config)
    assert portable["trainer"] == {
        "max_epochs": 5,
        "callbacks": [{"class_path": "ModelCheckpoint", "init_args": {"mode": "max"}}],
    }
    assert "config" not in portable


def test_the_data_root_becomes_an_interpolation(config: dict[str, Any]) -> None:
    assert portable_config(config)["data"]["init_args"] == {"root": "${oc.env:POLYBENCH_DATA,data}", "size": [64, 64]}


def test_absolute_paths_are_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    portable = portable_config({"inside": tmp_path / "a" / "w.pt", "outside": "/elsewhere/w.pt", "relative": "b/w.pt"})
    assert portable == {"inside": "a/w.pt", "outside": "w.pt", "relative": "b/w.pt"}


def test_a_value_without_json_form_is_refused() -> None:
    with pytest.raises(ConfigError, match="'net'"):
        portable_config({"model": {"net": object()}})


def _changed(config: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(config)
    *parents, last = path.split(".")
    place = changed
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.init_args.root", "/another/place"),
        ("data.init_args.num_workers", 16),
        ("data.init_args.cache_dir", "/fast/disk"),
        ("data.init_args.seed", 7),
        ("trainer.devices", 8),
        ("trainer.strategy", "ddp"),
        ("trainer.logger", False),
        ("leaderboard", "elsewhere"),
        ("no_leaderboard", True),
        ("seed_everything", 7),
        ("name", "y"),
        ("variant", "long"),
        ("budget", "smoke"),
    ],
)
def test_the_hash_holds_on_another_machine_and_for_another_seed(
    config: dict[str, Any], path: str, value: object
) -> None:
    assert config_sha256(_changed(config, path, value)) == config_sha256(config)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.lr", 0.01),
        ("model.net.init_args.variant", "B4"),
        ("data.init_args.size", [64, 128]),
        ("trainer.max_epochs", 6),
        ("trainer.precision", "bf16-mixed"),
    ],
)
def test_the_hash_changes_with_what_moves_a_number(config: dict[str, Any], path: str, value: object) -> None:
    assert config_sha256(_changed(config, path, value)) != config_sha256(config)


def test_the_hash_of_a_portable_configuration_is_that_of_the_original(config: dict[str, Any]) -> None:
    assert config_sha256(portable_config(config)) == config_sha256(config)


def test_the_hash_does_not_depend_on_the_order_of_keys(config: dict[str, Any]) -> None:
    assert config_sha256(dict(reversed(config.items()))) == config_sha256(config)


def test_plan_keeps_the_names_alone_of_paths_on_this_machine() -> None:
    text = "# see https://example.org/a/b\nroot: /home/someone/data\nS1: {recipe: ../a.yaml, from: /data/x/best.ckpt}\n"
    expected = "# see https://example.org/a/b\nroot: data\nS1: {recipe: ../a.yaml, from: best.ckpt}\n"
    assert portable_text(text) == expected
