"""polybench's own recipes are found from any folder, and the files that are there come first."""

from pathlib import Path

import pytest

from polybench.cli.transfer import _options
from polybench.experiments.recipes import HOME, own_recipe, recipe_file, shown_path, with_recipes


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--config", "conf/quickstart.yaml"], ["--config", f"{HOME}/quickstart.yaml"]),
        (["-c=conf/methods/efen.yaml"], [f"-c={HOME}/methods/efen.yaml"]),
        (["--data", "conf/data/em.yaml", "--name", "x"], ["--data", f"{HOME}/data/em.yaml", "--name", "x"]),
    ],
)
def test_file_that_is_not_there_is_polybenchs_own_and_said(words: list[str], found: list[str]) -> None:
    now, notes = with_recipes(words)
    assert now == found
    (note,) = notes
    assert f"polybench's own is used, '{HOME}" in note


@pytest.mark.parametrize("words", [["--config", "conf/none.yaml"], ["--name", "conf/quickstart"], ["--config", "{}"]])
def test_other_words_stay(words: list[str]) -> None:
    assert with_recipes(words) == (words, [])


def test_file_of_the_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/quickstart.yaml").touch()
    assert with_recipes(["--config", "conf/quickstart.yaml"]) == (["--config", "conf/quickstart.yaml"], [])


def test_plan_is_found_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert _options(["--config", "conf/plans/scheme1_quickstart.yaml"]).config.parent == HOME / "plans"
    assert "polybench's own is used" in capsys.readouterr().err


def test_path_in_a_record_is_found_again() -> None:
    shown = shown_path(HOME / "plans" / ".." / "fcn16s_clinicdb.yaml")
    assert shown == "conf/fcn16s_clinicdb.yaml"
    assert recipe_file(shown) == HOME / "fcn16s_clinicdb.yaml"


@pytest.mark.parametrize("path", ["conf", "conf/../pyproject.toml", "elsewhere/quickstart.yaml", "quickstart.yaml"])
def test_nothing_but_recipes_is_found(path: str) -> None:
    assert own_recipe(Path(path)) is None
