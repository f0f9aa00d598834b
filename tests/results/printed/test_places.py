"""Each command of the page of papers composes: its recipe, plan or options are there."""

import shlex
from pathlib import Path

import pytest

from polybench.cli import compare_images
from polybench.cli.data import ACTIONS
from polybench.cli.main import COMMANDS, run
from polybench.results.printed.numbers import papers, printed_numbers
from polybench.results.printed.places import STATES, Place, places, places_page
from polybench.runs import read_plan
from polybench.runs.finetune_file import read_study_plan
from polybench.runs.matrix_file import read_matrix
from tests.conftest import REPOSITORY
from tests.experiments.resolved import parsed

PLANS = {"matrix": read_matrix, "transfer": read_plan, "finetune": read_study_plan}
COMMAND_LINES = sorted({place.command for place in places() if place.command})


@pytest.mark.parametrize("command", COMMAND_LINES)
def test_command_parses(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # recipes and plans are polybench's own
    program, name, *words = shlex.split(command)
    assert program == "polybench"
    assert name in COMMANDS
    if name in PLANS:
        assert words[0] == "--config"
        assert PLANS[name](REPOSITORY / words[1]).stages
    elif name in ("fit", "test", "profile"):
        if name == "test":  # of a training that isn't here
            words = [word for word in words if word not in ("--ckpt_path", "best")]
        found = [str(REPOSITORY / word) if word.startswith("conf/") else word for word in words]
        assert parsed(*found, command=name).config.data
    elif name == "compare-images":
        assert compare_images.arguments(words).ids == ["ID"]
    else:
        assert words[0] in {**ACTIONS, "models": ""}


@pytest.mark.parametrize("place", places(), ids=lambda place: f"{place.paper} {place.place}")
def test_state_and_command_agree(place: Place) -> None:
    assert place.state in STATES
    assert bool(place.command) == (place.state in ("recipe complete", "in part", "reduced"))


def test_every_printed_table_is_listed() -> None:
    listed = {(place.paper, place.place) for place in places()}
    joint = {("finetuning", f"S{number}"): "Tables S1 to S3" for number in range(1, 4)}
    for paper, table in {(one.paper, one.table) for one in printed_numbers()} - {("bsan", "text")}:
        if table != "figures only":
            assert (paper, joint.get((paper, table), f"Table {table}")) in listed
    assert {place.paper for place in places()} == set(papers())


def test_committed_page_is_what_the_command_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "papers", "--output", str(tmp_path / "papers.md")]) == 0
    written = (tmp_path / "papers.md").read_text()
    assert written == places_page() == (REPOSITORY / "leaderboards" / "papers.md").read_text()


def test_one_paper_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "papers", "efen"]) == 0
    assert "25 variants" in capsys.readouterr().out
    assert run(["list", "papers", "efn"]) == 2
    assert "Did you mean 'efen'" in capsys.readouterr().err
