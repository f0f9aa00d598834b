import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from breaking.events import Event, Injection
from breaking.forkserver import HUNG, Ended, Forks
from breaking.plants import PLANTS, Plant, plant
from breaking.report import Case, Choice, Group, crashes, refused, spread
from breaking.writes import half_written, names_of

REPOSITORY = Path(__file__).parents[2]


def write_two(folder: Path) -> None:
    (folder / "a.txt").write_text("x" * 100)
    (folder / "a.txt").rename(folder / "b.txt")
    (folder / "c.txt").write_text("y")


def run(tmp_path: Path, injection: Injection) -> tuple[Ended, Path]:
    folder = tmp_path / "case"
    return Forks(tmp_path).call(folder, lambda: write_two(folder), inject=injection), folder


def test_events_are_counted_in_order(tmp_path: Path) -> None:
    ended, folder = run(tmp_path, Injection())
    kinds = ["open", "write", "os.rename", "open", "write"]
    names = ["a.txt", "a.txt", "b.txt", "c.txt", "c.txt"]
    assert ended.events == [Event(kind, str(folder / name)) for kind, name in zip(kinds, names, strict=True)]
    assert ended.code == 0


def test_events_elsewhere_are_not_counted(tmp_path: Path) -> None:
    ended = Forks(tmp_path).call(tmp_path / "case", lambda: write_two(tmp_path), inject=Injection())
    assert ended.events == []


def test_a_killed_write_leaves_half_of_its_bytes(tmp_path: Path) -> None:
    ended, folder = run(tmp_path, Injection(1))
    assert ended.code == -signal.SIGKILL
    assert (folder / "a.txt").read_text() == "x" * 50
    assert ended.hit == Event("write", str(folder / "a.txt"))


def test_a_kill_comes_before_the_event(tmp_path: Path) -> None:
    _, folder = run(tmp_path, Injection(2))
    assert [path.name for path in folder.iterdir()] == ["a.txt"]


def test_a_full_disk_refuses_writes_and_names_no_file(tmp_path: Path) -> None:
    ended, _ = run(tmp_path, Injection(1, "ENOSPC"))
    assert ended.err.endswith("OSError: [Errno 28] No space left on device\n")


def test_a_closed_folder_refuses_a_rename_and_names_the_file(tmp_path: Path) -> None:
    ended, folder = run(tmp_path, Injection(2, "EACCES"))
    assert ended.err.endswith(f"PermissionError: [Errno 13] Permission denied: '{folder / 'b.txt'}'\n")
    assert (folder / "a.txt").read_text() == "x" * 100


@pytest.mark.parametrize(("lasting", "left"), [(True, []), (False, ["b"])])
def test_a_full_disk_stays_full_if_it_is_told_to(tmp_path: Path, lasting: bool, left: list[str]) -> None:
    folder = tmp_path / "case"

    def write() -> None:
        for name in "ab":
            try:
                (folder / name).write_text(name)
            except OSError:
                (folder / name).unlink(missing_ok=True)

    Forks(tmp_path).call(folder, write, inject=Injection(1, "ENOSPC", lasting))
    assert [path.name for path in folder.iterdir()] == left


def test_a_python_module_that_is_started_is_a_fork_and_watched(tmp_path: Path) -> None:
    folder = tmp_path / "case"

    def start() -> None:
        with (folder / "log").open("wb") as log:
            words = [sys.executable, "-m", "tests.tools.write_here", str(folder / "made")]
            sys.exit(subprocess.Popen(words, stdout=log, env=dict(os.environ)).wait() + 7)

    ended = Forks(tmp_path).call(folder, start, inject=Injection())
    assert ended.code == 7, ended.said
    assert [Path(event.path).name for event in ended.events] == ["log", "made", "made"]


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    ended = Forks(tmp_path).call(tmp_path / "case", signal.pause, limit=0.1)
    assert ended.code == HUNG
    assert crashes(ended) == ["hung: the command didn't end in time"]


def test_numbers_are_spread_from_first_to_last() -> None:
    assert spread(3, 5) == [0, 1, 2]
    assert spread(11, 3) == [0, 5, 10]
    assert spread(11, 1) == [5]


def test_cases_are_chosen_by_number_and_name() -> None:
    cases = [Case(name, list) for name in ("one", "two", "three", "twelve")]
    group = Group("g", "", lambda bench: cases, few=2)
    assert Choice(match="tw").of(group, cases) == [1, 3]
    assert Choice(only=[3, 0]).of(group, cases) == [0, 3]
    assert Choice(short=True).of(group, cases) == [0, 3]


@pytest.mark.parametrize(
    ("code", "err", "kinds"),
    [
        (2, "polybench: error: 'a.yaml' is no recipe.\n", []),
        (0, "", ["accepted"]),
        (1, "Traceback (most recent call last):\nValueError: x\n", ["traceback"]),
        (1, "something\n", ["no sentence"]),
        (2, "polybench: error: something is wrong.\n", ["unnamed"]),
        (3, "polybench: error: 'a.yaml' is no recipe.\n", ["exit code"]),
        (-11, "", ["killed"]),
    ],
)
def test_a_refusal_is_one_sentence_with_a_name(code: int, err: str, kinds: list[str]) -> None:
    assert [fault.partition(":")[0] for fault in refused(Ended(code, "", err), names=("a.yaml",))] == kinds


def test_a_temporary_file_may_be_called_by_its_final_name_or_its_folder(tmp_path: Path) -> None:
    event = Event("write", str(tmp_path / "out" / ".scores.json.k2j3.tmp"))
    assert names_of(event, tmp_path) == ["scores.json", str(tmp_path / "out"), "out"]


@pytest.mark.parametrize(
    ("name", "whole", "half"),
    [("a.json", '{"a": 1}', '{"a"'), ("a.csv", "a,b\n1,2\n", "a,b\n1"), ("a.md", "# A\n", "# A")],
)
def test_half_of_a_file_is_told_from_the_whole(tmp_path: Path, name: str, whole: str, half: str) -> None:
    (tmp_path / name).write_text(whole)
    assert half_written(tmp_path) == []
    (tmp_path / name).write_text(half)
    assert half_written(tmp_path)[0].startswith(f"half-written: {name}")


def test_a_fault_that_has_no_place_is_not_planted(tmp_path: Path) -> None:
    fault = Plant("x", "core/errors.py", "no such line\n", "", "kill-fit", "")
    with pytest.raises(ValueError, match="'x' can't be planted: its text stands 0 times"):
        plant(REPOSITORY, fault, tmp_path)


@pytest.mark.parametrize("fault", PLANTS, ids=lambda fault: fault.name)
def test_each_planted_fault_changes_one_place(fault: Plant) -> None:
    assert (REPOSITORY / "polybench" / fault.file).read_text().count(fault.old) == 1
    assert fault.new != fault.old
