"""`polybench wandb`: records as W&B runs, read back from the files of offline runs."""

import json
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.runs import upload
from tests.cli.wandb_log import read_log
from tests.results.factory import dataset, store, table

WORDS = ("wandb", "--project", "polyps", "--leaderboard", "board", "--folder", "sent")


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two seeds of a row, in a folder of leaderboards below the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    return [store(Path("board"), table([0.25, 0.75]), seed=seed) for seed in (0, 1)]


def runs() -> list[Path]:
    return sorted(Path("sent").glob("wandb/offline-run-*"))


def test_runs_are_named_grouped_and_summarised_as_their_rows(records: list[Path]) -> None:
    assert run([*WORDS]) == 0
    found = {log.name: log for log in map(read_log, runs())}
    assert sorted(found) == sorted([*(path.stem for path in records), "leaderboards"])
    log, content = found[records[0].stem], json.loads(records[0].read_text())
    assert (log.project, log.group, log.job_type) == ("polyps", f"toy/{content['recipe']}", "record")
    assert (log.config["dataset"], log.config["seed"]) == ("toy", 0)
    assert log.summary["headline"] == log.summary["headline/toy"] == 0.5
    assert f"record-{records[0].stem}" in log.artifacts


def test_each_record_is_sent_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*WORDS]) == 0
    store(Path("board"), table([0.5, 1.0]), seed=2)
    capsys.readouterr()
    assert run([*WORDS]) == 0
    assert "1 record written to 'sent', 2 written or sent before." in capsys.readouterr().out
    assert run([*WORDS, "--again"]) == 0
    assert "3 records written to 'sent', 0 written or sent before." in capsys.readouterr().out


def test_runs_that_their_training_sent_are_not_sent_again(
    records: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upload, "_names_there", lambda project: {records[0].stem} if project == "polyps" else set())
    assert run([*WORDS]) == 0
    assert "1 record written to 'sent', 1 written or sent before." in capsys.readouterr().out


def test_a_damaged_list_of_what_was_sent_sends_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*WORDS]) == 0
    Path("board/.cache/wandb/polyps.json").write_text("{")
    capsys.readouterr()
    assert run([*WORDS]) == 0
    assert "2 records written to 'sent', 0 written or sent before." in capsys.readouterr().out


def test_table_of_all_rows_has_numbers(records: list[Path]) -> None:
    assert run([*WORDS]) == 0
    [folder] = Path("sent").glob("wandb/offline-run-*-overview-leaderboards")
    read_log(folder)
    [file] = folder.glob("files/media/table/rows*.table.json")
    content = json.loads(file.read_text())
    [row] = content["data"]
    named = dict(zip(content["columns"], row, strict=True))
    assert (named["Dataset"], named["Dice"]) == ("toy", 0.5)


def test_workspace_has_a_section_for_each_dataset() -> None:
    store(Path("board"), table([0.5, 1.0]), dataset=dataset(name="other"))
    assert run([*WORDS, "--workspace"]) == 0
    spec = json.loads(Path("sent/workspace.json").read_text())["spec"]
    sections = spec["section"]["panelBankConfig"]["sections"]
    assert [section["name"] for section in sections] == ["other", "toy"]
    axes = [panel["config"].get("yAxis") for panel in sections[1]["panels"]]
    assert axes.count("summary:headline/toy") == 3
    [parallel] = [panel for panel in sections[1]["panels"] if panel["viewType"] == "Parallel Coordinates Plot"]
    assert {"accessor": "summary:headline/toy"} in parallel["config"]["columns"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*WORDS, "toyy"), "There are no records of 'toyy' in 'board'. Did you mean 'toy'?"),
        (("wandb", "--root", "board"), "--project"),
        (("wandb", "--project", "polyps", "--root", "nowhere"), "There is no folder of leaderboards at 'nowhere'"),
        (("wandb", "--project", "a/b", "--root", "board"), "--project 'a/b'"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(list(words)) != 0
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
