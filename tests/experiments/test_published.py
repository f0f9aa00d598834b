"""A method and a dataset that are combined: what they are called, and when their settings are published ones."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polybench.experiments import budget
from polybench.experiments.budget import has_published_settings
from polybench.experiments.compose import compose
from polybench.experiments.published import own_recipes, same_recipe
from polybench.results.facts import StartFacts
from tests.experiments.resolved import CONF, parsed

KNOWN = ("config", "name", "budget", "data", "model", "trainer", "checkpoint")
METHOD, DATA = str(CONF / "methods/efen.yaml"), str(CONF / "data/clinicdb_efen25.yaml")


def pair(method: str, data: str) -> list[str]:
    return ["--config", str(CONF / f"methods/{method}.yaml"), "--config", str(CONF / f"data/{data}.yaml")]


@pytest.mark.parametrize(
    ("words", "label"),
    [
        (pair("efen", "clinicdb_efen25"), ("efen_clinicdb", "published")),
        (["--config", METHOD, "--data", DATA], ("efen_clinicdb", "published")),
        (pair("smp_unet_resnet34", "drive"), ("smp_unet_resnet34_drive", "reduced")),
        (pair("fanet_soft", "em_fanet"), ("fanet_soft_em_fanet", None)),
        (pair("patches", "colondb"), ("patches_colondb", None)),
        ([*pair("fanet", "em"), "--name", "mine"], (None, None)),
    ],
)
def test_pair_is_called_as_the_recipe_that_says_the_same_or_after_its_files(
    words: list[str], label: tuple[str | None, str | None]
) -> None:
    config = compose(words, KNOWN).config
    assert (config.get("name"), config.get("budget")) == label


def test_files_of_ones_own_give_no_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("trainer: {max_epochs: 3}\n")
    words = ["--config", str(tmp_path / "a.yaml"), "--config", str(tmp_path / "b.yaml")]
    assert "name" not in compose(words, KNOWN).config


@pytest.mark.parametrize(("method", "argument"), [("patches", "source"), ("joint", "images")])
def test_dataset_becomes_the_one_that_a_data_module_of_datasets_holds(method: str, argument: str) -> None:
    config = compose(pair(method, "kvasir_seg"), KNOWN).config
    assert config["data"]["init_args"][argument]["class_path"] == "KvasirSEGDataModule"
    assert config["data"]["class_path"].rpartition(".")[2] in {"PatchDataModule", "JointDataModule"}


def test_every_own_recipe_is_found_again() -> None:
    assert all(same_recipe({**recipe, "name": "other"}) is recipe for recipe in own_recipes())


EQUAL_BY_OPTIONS = ["--data.augment", "efen25", "--data.expanded", "true"]


@pytest.mark.parametrize(
    ("words", "published"),
    [
        (["--config", str(CONF / "efen_clinicdb.yaml")], True),
        ([*pair("efen", "clinicdb"), *EQUAL_BY_OPTIONS], True),
        (["--config", str(CONF / "efen_isic2018.yaml"), "--data", DATA], True),
        (["--config", str(CONF / "efen_clinicdb.yaml"), "--trainer.max_epochs", "3"], False),
        (["--config", str(CONF / "efen_clinicdb.yaml"), "--config", "{trainer: {max_epochs: 3}}"], False),
        (["--config", str(CONF / "smp_unet_resnet34_clinicdb.yaml")], False),
    ],
    ids=["recipe", "pair-with-options", "other-recipe-with-data", "option", "second-file", "settings-of-ours"],
)
def test_settings_are_published_where_the_whole_configuration_is_that_of_a_published_recipe(
    words: list[str], published: bool
) -> None:
    assert has_published_settings(parsed(*words)) is published


CHANGED = f"bases: [{CONF / 'efen_clinicdb.yaml'}]\nbudget: published\ntrainer: {{max_epochs: 1}}\n"


def test_file_cannot_declare_other_settings_published_where_a_recipe_has_the_papers(tmp_path: Path) -> None:
    (tmp_path / "changed.yaml").write_text(CHANGED)
    assert not has_published_settings(parsed("--config", str(tmp_path / "changed.yaml")))


def test_mapping_on_the_command_line_declares_nothing_published() -> None:
    text = f"{{bases: ['{CONF / 'quickstart.yaml'}'], budget: published, trainer: {{max_epochs: 1}}}}"
    assert not has_published_settings(parsed("--config", text))


def test_recipe_of_ones_own_can_be_published_and_what_is_based_on_it_is_not(tmp_path: Path) -> None:
    own, tweak = tmp_path / "own.yaml", tmp_path / "tweak.yaml"
    own.write_text(f"bases: [{CONF / 'quickstart.yaml'}]\nname: own\nbudget: published\ntrainer: {{max_epochs: 3}}\n")
    tweak.write_text("bases: [own.yaml]\nname: tweak\ntrainer: {max_epochs: 1}\n")
    assert has_published_settings(parsed("--config", str(own)))
    assert not has_published_settings(parsed("--config", str(tweak)))


@pytest.mark.parametrize(
    ("kind", "processes", "limits", "expected"),
    [
        ("initialised", 1, {}, "published"),
        ("backbone", 1, {}, "published"),
        ("weights", 1, {}, "reduced"),
        ("initialised", 2, {}, "reduced"),
        ("initialised", 1, {"limit_train_batches": 2}, "smoke"),
    ],
)
def test_budget_is_the_lowest_that_applies(
    kind: Any, processes: int, limits: dict[str, int], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trainer(dict[str, int]):
        overfit_batches = 0

    monkeypatch.setattr(budget, "has_published_settings", lambda session: True)
    session: Any = SimpleNamespace(
        config=SimpleNamespace(budget="published", trainer=Trainer(limits)),
        recipe={"budget": "published"},
        args=[],
        trainer=SimpleNamespace(world_size=processes),
    )
    assert budget.budget_class(session, StartFacts(kind)) == expected
