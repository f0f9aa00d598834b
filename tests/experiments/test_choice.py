"""A value that validation chooses: by a stated rule, at a counted cost, once for a run that is interrupted."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import polybench
from polybench.callbacks import BestCheckpoint
from polybench.core.errors import ConfigError, DivergedError
from polybench.experiments.choice import Chosen, Outcome
from polybench.experiments.choose_option import settle_choice
from polybench.experiments.identity import config_id
from polybench.experiments.parsed import ParsedSession
from polybench.experiments.run_folder import Part
from polybench.results.record import Record
from tests.experiments import test_image_budget
from tests.experiments.test_image_budget import SEEN

folder, there = test_image_budget.folder, test_image_budget.there

CHOOSE = {"option": "model.optimizer.lr", "values": [0.2, 0.001], "share": 0.5}


def run(place: Path, **options: Any) -> Record:
    options = {"images": 20, "choose": CHOOSE, **options}
    return polybench.run("tiny.yaml", leaderboard=place / "board", **{"trainer.default_root_dir": place, **options})


def weights(place: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(place / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return found


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[key], other[key]) for key in one)


def outcomes(place: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((place / "choice" / "choice.json").read_text())["outcomes"]
    return found


@pytest.fixture(scope="module")
def unbroken(folder: Path) -> tuple[Path, Record]:
    """A run that chose, and its record."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
        patch.delenv("POLYBENCH_RUN_FOLDER", raising=False)
        return folder / "unbroken", run(folder / "unbroken")


def test_best_validation_decides_and_the_cost_is_recorded(unbroken: tuple[Path, Record]) -> None:
    place, record = unbroken
    section = record.sections["choice"]
    assert [row["value"] for row in section.rows] == ["0.001", "0.2"]
    scores = [one["score"] for one in outcomes(place)]
    assert [row["score"] for row in section.rows] == scores
    best = max(scores)
    assert [row["chosen"] for row in section.rows] == ["yes" if score == best else "no" for score in scores]
    assert [row["images"] for row in section.rows] == [10, 10]
    assert section.facts["Images of the choice"] == "20, beside 20 of the run"
    assert record.config["model"]["init_args"]["optimizer"]["init_args"]["lr"] == section.data["chosen"]
    assert record.identity is not None
    assert record.identity.budget_id == "20 images of 16x16"
    assert not list((place / "choice").rglob("*.ckpt"))
    assert "default_root_dir" not in record.command


def test_run_is_that_of_the_chosen_value_from_scratch(unbroken: tuple[Path, Record], tmp_path: Path) -> None:
    place, record = unbroken
    chosen = record.sections["choice"].data["chosen"]
    plain = run(tmp_path, choose=None, **{"model.optimizer.lr": chosen})
    assert plain.metrics == record.metrics
    assert "choice" not in plain.sections
    assert equal(weights(place), weights(tmp_path))
    assert plain.identity is not None
    assert record.identity is not None
    assert plain.identity.training_id != record.identity.training_id


def session(**options: str) -> ParsedSession:
    words = ["--config", "tiny.yaml", "--images", "20", "--choose.option", "model.optimizer.lr"]
    part = Part(Path("run"), tuple(f"--{key}={value}" for key, value in options.items()))
    return ParsedSession("fit", [*words, "--choose.values", "[0.2, 0.001]"], part)


def test_runs_that_choose_otherwise_are_seeds_of_one_row() -> None:
    """`training_id` is a hash of the same canonical form."""
    one, other, none = (
        session(**{"model.optimizer.lr": lr, **choose})
        for lr, choose in (("0.2", {}), ("0.001", {}), ("0.001", {"choose": "null"}))
    )
    found = [config_id(each.plain_config()) for each in (one, other, none)]
    assert found[0] == found[1] != found[2]
    assert one.mark() == other.mark()


class Killed(BaseException):
    """Ends a run as a signal would."""


@pytest.mark.parametrize(
    ("fits", "step", "words"),
    [(2, 3, {"ckpt_path": "last"}), (3, 5, {})],
    ids=["in the second probe, then last", "in the run, then the same command"],
)
def test_killed_run_repeats_no_finished_probe(
    unbroken: tuple[Path, Record],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fits: int,
    step: int,
    words: dict[str, str],
) -> None:
    before, record = unbroken
    begun: list[Any] = []

    def start(self: BestCheckpoint, trainer: Any, *arguments: Any) -> None:
        begun.append(trainer)

    def batch_end(self: BestCheckpoint, trainer: Any, *arguments: Any) -> None:
        if len(begun) == fits and trainer.global_step == step:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(BestCheckpoint, "on_fit_start", start)
        patch.setattr(BestCheckpoint, "on_train_batch_end", batch_end)
        with pytest.raises(Killed):
            run(tmp_path, save_every=1)
    assert len(outcomes(tmp_path)) == fits - 1
    assert len(SEEN) == 5 + 2 + (fits - 2) * 3 + (2 if fits == 3 else 0)
    SEEN.clear()
    resumed = run(tmp_path, save_every=1, **words)
    assert [step for _, step in SEEN] == ([3, 4, 5] if fits == 2 else []) + [2, 4, 6, 8, 10]
    assert resumed.metrics == record.metrics
    assert resumed.identity == record.identity
    assert equal(weights(before), weights(tmp_path))
    scores = [row["score"] for row in record.sections["choice"].rows]
    assert [row["score"] for row in resumed.sections["choice"].rows] == scores


def test_diverged_value_is_the_worst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decays = {"model.optimizer": "torch.optim.AdamW"}  # whose weights grow by the rate's factor in each step
    record = run(tmp_path, choose={**CHOOSE, "values": [0.001, 1e36]}, **decays)
    assert [row["score"] is None for row in record.sections["choice"].rows] == [False, True]
    assert record.sections["choice"].data["chosen"] == 0.001
    assert "model.optimizer.lr 1e+36 diverged" in capsys.readouterr().err


def test_run_whose_every_value_diverges_ends_in_a_sentence() -> None:
    found = tuple(Outcome(value, None, 10, 1.0) for value in (1.0, 2.0))
    with pytest.raises(DivergedError, match=r"diverged with every model.optimizer.lr of choose.values, 1.0, 2.0"):
        assert Chosen("model.optimizer.lr", found, "val/dice", "max").best


@pytest.mark.parametrize(
    ("mode", "scores", "best"),
    [
        ("max", [0.5, 0.7], 2.0),
        ("max", [0.7, 0.7], 1.0),
        ("min", [0.5, 0.7], 1.0),
        ("min", [0.7, 0.7], 1.0),
        ("min", [None, 0.7], 2.0),
    ],
)
def test_ties_take_the_smaller(mode: str, scores: list[float | None], best: float) -> None:
    found = tuple(Outcome(value, score, 10, 1.0) for value, score in zip((1.0, 2.0), scores, strict=True))
    assert Chosen("model.optimizer.lr", found, "val/dice", mode).best.value == best


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"images": None}, "the run has no number of them: add --images, or --choose null"),
        ({"choose.values": [0.1]}, "choose.values needs two different numbers or more"),
        ({"choose.values": [0.1, 0.1]}, "choose.values needs two different numbers or more"),
        ({"choose.share": 0.0}, "choose.share must be above 0 and at most 1, not 0.0"),
        ({"choose.share": 1.5}, "choose.share must be above 0 and at most 1, not 1.5"),
        (
            {"choose.option": "model.optimizer.lrr"},
            "'model.optimizer.lrr' is no option of this run's model: model.optimizer has no 'lrr'. Did you mean 'lr'",
        ),
        ({"choose.option": "model.optimizr.lr"}, "model has no 'optimizr'. Did you mean 'optimizer'"),
        ({"choose.option": "modl.optimizer.lr"}, "begin with 'model.'. Did you mean 'model.optimizer.lr'"),
        ({"choose.option": "data.batch_size"}, "'data.batch_size' is no .* Give one such as model.optimizer.lr"),
    ],
)
def test_choice_that_can_not_be_made_is_refused(values: dict[str, Any], message: str) -> None:
    config = session().config.clone()
    for key, value in values.items():
        config[key] = value
    with pytest.raises(ConfigError, match=message):
        settle_choice(config, [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"choose.share": 0.1}, "choose.share 0.1 of images: 20 is 2, and images: 2 is too few"),
        ({"model.optimizer.lr": 0.1}, "--model.optimizer.lr 0.1 contradicts choose, which chooses among 0.001, 0.2"),
        ({"checkpoint.monitor": "val/dices", "trainer.callbacks": []}, "monitors 'val/dices', which nothing logs"),
    ],
)
def test_what_contradicts_a_choice_is_refused_before_training(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, **options)
    assert SEEN == []


def test_choice_of_another_run_is_not_taken(unbroken: tuple[Path, Record], tmp_path: Path) -> None:
    shutil.copytree(unbroken[0] / "choice", tmp_path / "choice")
    with pytest.raises(ConfigError, match="is the choice of another run: choose another"):
        run(tmp_path, images=40)


def test_try_of_a_batch_chooses_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fast_dev_run"):
        run(tmp_path, **{"trainer.fast_dev_run": True})
    assert not (tmp_path / "choice").exists()
