"""`polybench data list`, `verify` and `audit` of a dataset class in the current folder."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from tests.conftest import write_split

MODULE = """
from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources

class OwnSetDataModule(SegmentationDataModule):
    short_name = "ownset"
    folder = "OwnSet"
    default_split = "by_pair"
    card = Card(title="Set of one's own")

    def sources(self):
        return paired_sources(self, "images", "masks")

class Wrong(OwnSetDataModule):
    short_name = "clinicdb"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with `own_set.py`, its list and twelve images."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / "data" / "OwnSet" / name).mkdir(parents=True)
    for number in range(1, 13):
        mask = np.zeros((48, 64), np.uint8)
        mask[number : number + 8] = 255
        image = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "data" / "OwnSet" / "images" / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / "data" / "OwnSet" / "masks" / f"{number}.png")
    (tmp_path / "splits" / "ownset").mkdir(parents=True)
    write_split(tmp_path / "splits" / "ownset" / "by_pair.csv")
    (tmp_path / "own_set.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("own_set", None)
    yield tmp_path
    sys.modules.pop("own_set", None)


def test_verify_decodes_every_file_under_the_sets_own_list(folder: Path) -> None:
    assert run(["data", "verify", "own_set.OwnSetDataModule", "--json", "found.json"]) == 0
    found = json.loads((folder / "found.json").read_text())
    assert (found["dataset"], found["split"], found["images"], found["defects"]) == ("ownset", "by_pair", 12, [])


def test_list_shows_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list", "own_set.OwnSetDataModule"]) == 0
    shown = capsys.readouterr().out
    for part in ("Set of one's own", "own_set.OwnSetDataModule", "by_pair, the default", "data/OwnSet (here)"):
        assert part in shown


def test_audit_writes_a_report_under_the_sets_name(folder: Path) -> None:
    assert run(["data", "audit", "own_set.OwnSetDataModule", "--out", "audits"]) == 0
    assert "by_pair" in (folder / "audits" / "ownset.md").read_text()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("own_set.OwnSetDataModul", "There is no class 'own_set.OwnSetDataModul'. Did you mean 'OwnSetDataModule'?"),
        ("no_such.Set", "There is no module 'no_such' here: check the class path 'no_such.Set'."),
        ("own_set.Card", "'own_set.Card' is not a dataset"),
        ("own_set.SegmentationDataModule", "is not a dataset: give a SegmentationDataModule that has `sources`."),
        ("own_set.Wrong", "Wrong has the short_name of one of polybench's own datasets, 'clinicdb'"),
        ("broken_set.Set", "Line 1 of your 'broken_set.py' fails: ModuleNotFoundError"),
    ],
)
def test_wrong_class_is_refused_in_one_sentence(
    folder: Path, name: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken_set.py").write_text("import no_such_library\n")
    assert run(["data", "verify", name]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line
