"""The command in a record: runs from any folder, and holds what moves a number and nothing else."""

import hashlib
from pathlib import Path

import pytest

from polybench.experiments.command import again
from polybench.experiments.recipes import recipe_file, shown_path


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--trainer.max_epochs", "3"], "--trainer.max_epochs 3"),
        (["--trainer.devices=2", "--data.num_workers", "4"], "--trainer.devices 2"),
        (["--no_leaderboard", "--seed_everything", "1"], "--seed_everything 1"),
        (["--trainer.logger", "WandbLogger", "--trainer.logger.offline", "true", "--name", "x"], "--name x"),
        (["--save_every=5", "--trainer.default_root_dir", "runs/x", "--leaderboard=board"], ""),
        (["--data.size", "[64, 64]"], "--data.size '[64, 64]'"),
        (["--model.optimizer.lr", "-1e-3"], "--model.optimizer.lr -1e-3"),
        (["--trainer.callbacks+", "Timer"], "--trainer.callbacks+ Timer"),
    ],
)
def test_options_of_the_machine_are_left_out(words: list[str], line: str) -> None:
    assert again(["fit", *words]).command == f"polybench fit {line}".strip()


def test_own_files_are_named_by_whole_paths_and_hashes(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    (tmp_path / "my data").mkdir()
    found = again(["fit", "--config", "mine.yaml", "--data.root", "my data"])
    digest = hashlib.sha256(b"name: mine\n").hexdigest()[:12]
    assert found.command == f"polybench fit --config {tmp_path}/mine.yaml --data.root '{tmp_path}/my data'"
    assert found.needs == (f"The file '{tmp_path}/mine.yaml' (sha256 {digest}...).",)


def test_home_is_a_tilde_that_a_shell_expands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a b").mkdir()
    assert again(["fit", "--data.root", "a b"]).command == "polybench fit --data.root ~/'a b'"


def test_own_modules_are_found_where_the_command_starts(tmp_path: Path) -> None:
    (tmp_path / "mynet.py").touch()
    found = again(["fit", "--model.net", "mynet.Net"], [tmp_path / "mynet.py"])
    assert found.command == f"cd {tmp_path} && polybench fit --model.net mynet.Net"


def test_data_of_the_environment_are_needed() -> None:
    assert again(["fit"], data="CVC-ClinicDB").needs == (
        "The folder with 'CVC-ClinicDB', as POLYBENCH_DATA or --data.root.",
    )


def test_recipe_of_polybench_is_found_in_any_folder_and_named_alike() -> None:
    found = recipe_file("conf/quickstart.yaml")
    assert found.is_file()
    assert shown_path(found) == "conf/quickstart.yaml"
    assert again(["fit", "--config", str(found)]).command == "polybench fit --config conf/quickstart.yaml"


def test_file_of_the_current_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/quickstart.yaml").touch()
    assert recipe_file("conf/quickstart.yaml") == Path("conf/quickstart.yaml")
    assert shown_path(Path("conf/quickstart.yaml")) == f"{tmp_path}/conf/quickstart.yaml"


def test_configuration_as_text_is_no_file_name() -> None:
    text = '{"name": "' + "x" * 5000 + '"}'
    assert again(["fit", "--config", text]).command == f"polybench fit --config '{text}'"


def test_keyword_is_no_file_whatever_lies_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "imagenet").mkdir()
    assert again(["fit", "--trainer.callbacks.source", "imagenet"]).command.endswith("source imagenet")


def test_files_that_a_recipe_names_by_their_place_are_found_where_the_command_starts(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("id,subset,group\n")
    found = again(["fit", "--name", "x"], relative=[Path("split.csv")])
    assert found.command == f"cd {tmp_path} && polybench fit --name x"
    assert f"The file '{tmp_path}/split.csv'" in found.needs[0]
