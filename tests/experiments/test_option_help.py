"""The help of a command: short, true to the parser and the classes, and complete where that is asked for."""

import inspect

import pytest

from polybench.cli.main import run
from polybench.data.module import SegmentationDataModule
from polybench.experiments.option_help import GROUPS, take_all
from polybench.tasks import SegmentationTask


def shown(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        run(words)
    assert not end.value.code
    return capsys.readouterr().out


def test_help_fits_on_a_few_screens_and_names_options_that_exist(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    short, whole = shown(["fit", "--help"], capsys), shown(["fit", "--help", "all"], capsys)
    assert len(short.splitlines()) < 120
    assert "--print_config" in short
    assert "--model.help [CLASS]" in short
    assert "{option: model.optimizer.lr, values: [" in " ".join(short.split())
    assert "--data.crop '{size: " in " ".join(short.split())
    arguments = {
        *(f"data.{name}" for name in inspect.signature(SegmentationDataModule).parameters),
        *(f"model.{name}" for name in inspect.signature(SegmentationTask).parameters),
    }
    of_fit = [key for group in GROUPS if not group.commands or "fit" in group.commands for key in group.options]
    for key in of_fit:
        assert f"--{key} " in short
        nested = key.startswith(("model.net.", "model.optimizer."))
        assert nested or f"--{key} " in whole or key in arguments, key


def test_help_of_a_test_has_its_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    short = shown(["test", "--help"], capsys)
    assert "--refine " in short
    assert "--trainer.max_epochs" not in short.partition("checkpoint and recipe")[2]


@pytest.mark.parametrize(
    ("words", "rest", "found"),
    [
        (["--help", "all"], ["--help"], True),
        (["--config", "a.yaml", "--help=all"], ["--config", "a.yaml", "--help"], True),
        (["-h"], ["-h"], False),
        (["--name", "all"], ["--name", "all"], False),
    ],
)
def test_all_is_taken_after_help_alone(words: list[str], rest: list[str], found: bool) -> None:
    assert take_all(words) == (rest, found)
