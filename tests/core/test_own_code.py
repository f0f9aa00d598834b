"""Modules of the current folder: found after everything that is installed, their errors in one sentence."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError, DataError
from polybench.core.own_code import explain, explained, make_importable, public_names
from polybench.experiments.class_changes import find_class
from polybench.experiments.for_parser import for_parser

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder; what is imported from it is forgotten afterwards."""
    known = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_module_of_the_folder_is_found(here: Path) -> None:
    (here / "ownnet.py").write_text("class Net:\n    pass\n")
    assert find_class("ownnet.Net") is None
    make_importable()
    found = find_class("ownnet.Net")
    assert found is not None
    assert found.__module__ == "ownnet"
    assert public_names("ownnet") == ["Net"]


def test_folder_stands_last_and_once(here: Path) -> None:
    make_importable()
    make_importable()
    assert sys.path[-1] == str(here)
    assert sys.path.count(str(here)) == 1


@pytest.mark.parametrize("name", ["filelock", "polybench"])
def test_module_named_like_an_installed_one_does_not_win(here: Path, name: str) -> None:
    (here / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
    program = (
        f"from polybench.core.own_code import make_importable; make_importable(); import {name}; print({name}.__file__)"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONSAFEPATH": "1"}
    words = [sys.executable, "-c", program]
    assert str(here) not in subprocess.check_output(words, env=env, cwd=here, text=True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "import no_such_library\n",
            "Line 1 of your 'own.py' fails: ModuleNotFoundError: No module named 'no_such_library'.",
        ),
        ("x = 1\ndef f(:\n", "Line 2 of your 'own.py' fails: SyntaxError: invalid syntax."),
        ("\n\nx = 1 / 0\n", "Line 3 of your 'own.py' fails: ZeroDivisionError: division by zero."),
        ("import inner\n", "Line 2 of your 'inner.py' fails: NameError: name 'y' is not defined."),
    ],
)
def test_error_in_a_module_of_ones_own_is_one_sentence_with_its_line(here: Path, text: str, sentence: str) -> None:
    (here / "own.py").write_text(text)
    (here / "inner.py").write_text("x = 1\ny\n")
    make_importable()
    with pytest.raises(ConfigError) as caught:
        find_class("own.Net")
    assert str(caught.value) == sentence


def test_error_is_found_for_classes_of_a_recipe(here: Path) -> None:
    (here / "own.py").write_text("import no_such_library\n")
    make_importable()
    for net in ("own.Net", {"class_path": "own.Net"}):
        with pytest.raises(ConfigError, match=r"Line 1 of your 'own\.py'"):
            for_parser({"model": {"class_path": "SegmentationTask", "init_args": {"net": net}}})


def test_missing_module_is_no_error_of_ones_own(here: Path) -> None:
    make_importable()
    assert find_class("no_such_module.Net") is None
    assert public_names("no_such_module") is None


def test_errors_of_others_are_left_as_they_are(here: Path) -> None:
    with pytest.raises(ValueError, match="invalid literal"), explained():
        int("x")
    with pytest.raises(DataError), explained():
        raise DataError("a mask is missing")
    assert explain(ValueError("of nobody")) is None
    assert explain(None) is None


def test_error_behind_another_is_found(here: Path) -> None:
    (here / "own.py").write_text("def fail():\n    raise KeyError('width')\n")
    make_importable()
    fail = find_class("own.fail")
    assert fail is not None
    with pytest.raises(KeyError) as caught:
        fail()
    wrapped = TypeError("not built")
    wrapped.__cause__ = caught.value
    assert explain(wrapped) == "Line 2 of your 'own.py' fails: KeyError: 'width'."
