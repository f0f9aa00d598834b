import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from polybench import __version__
from polybench.cli.main import run
from polybench.metrics.protocols import PER_IMAGE


def save(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, one predicted exactly at half its size, the other missed, and a prediction too many."""
    mask = np.zeros((16, 16), bool)
    mask[:, :8] = True
    for name in ("a", "b"):
        save(tmp_path / "gt" / f"{name}.png", mask)
    save(tmp_path / "pred" / "a.png", mask[::2, ::2])
    save(tmp_path / "pred" / "b.png", ~mask)
    save(tmp_path / "pred" / "z.png", mask)
    return tmp_path


def score(folder: Path, *words: str) -> dict[str, Any]:
    folders = ["--pred", str(folder / "pred"), "--gt", str(folder / "gt")]
    assert run(["score", *folders, "--json", str(folder / "out.json"), "--resize", *words]) == 0
    return json.loads((folder / "out.json").read_text())  # type: ignore[no-any-return]


def digest(folder: Path) -> str:
    files = {name: hashlib.sha256((folder / f"{name}.png").read_bytes()).hexdigest() for name in ("a", "b")}
    return hashlib.sha256("".join(f"{sha}  {name}\n" for name, sha in files.items()).encode()).hexdigest()


def test_json_says_what_was_compared_with_what(folder: Path) -> None:
    found = score(folder)
    assert found["polybench"] == __version__
    assert found["truth"] == {"folder": "gt", "sha256": digest(folder / "gt")}
    assert found["predictions"] == {"folder": "pred", "sha256": digest(folder / "pred")}
    assert (found["n"], found["groups"], found["resized"], found["extra"]) == (2, 2, 1, ["z"])


def test_json_says_how(folder: Path) -> None:
    save(folder / "view" / "a.png", np.ones((16, 16)))
    save(folder / "view" / "b.png", np.ones((16, 16)))
    found = score(folder, "--valid", str(folder / "view"))
    assert found["options"] == {
        "resize": True,
        "instances": None,
        "membranes": False,
        "missing": "empty",
        "valid": True,
    }
    assert found["truth"]["valid_folder"] == "view"
    assert found["truth"]["valid_sha256"] == digest(folder / "view")


def test_json_has_the_interval_of_the_dice(folder: Path) -> None:
    found = score(folder)
    # of two images, both are drawn twice in a quarter of the resamples each
    assert found["intervals"] == {"per_image": {"dice": {"low": 0, "high": 1}}}
    assert found["confidence"] == 0.95
    assert found["protocols"]["per_image"]["dice"] == 0.5


def test_other_predictions_have_another_hash(folder: Path) -> None:
    before = score(folder)["predictions"]["sha256"]
    save(folder / "pred" / "z.png", np.zeros((3, 3)))  # not scored
    assert score(folder)["predictions"]["sha256"] == before
    save(folder / "pred" / "a.png", np.zeros((16, 16)))
    assert score(folder)["predictions"]["sha256"] != before


def test_versions_are_those_of_the_protocols(folder: Path) -> None:
    assert score(folder)["versions"]["per_image"] == PER_IMAGE.version


def test_heading_says_of_what_and_how_many_were_resized(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score(folder)
    assert "under every protocol: 2 images of 'gt', 1 prediction(s) resized" in capsys.readouterr().out


def test_brackets_in_a_name_are_no_markup(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "gt").rename(folder / "[bold]gt")
    folders = ["--pred", str(folder / "pred"), "--gt", str(folder / "[bold]gt")]
    assert run(["score", *folders, "--resize"]) == 0
    assert "2 images of '[bold]gt'" in capsys.readouterr().out
