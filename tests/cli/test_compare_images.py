"""Pictures of several nets side by side: what a user has at hand, and what is missing."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.core.errors import UserError
from polybench.experiments.compared_images import pictures
from polybench.experiments.mask_sources import MaskSource, Places, mask_source
from tests.cli.conftest import Refinable


@pytest.fixture
def here(refinable: Refinable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Refinable:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYBENCH_CACHE", str(tmp_path / "cache"))
    return refinable


def _words(here: Refinable, *nets: str, out: Path, ids: tuple[str, ...] = ("1",)) -> list[str]:
    board = ["--leaderboard", str(here.folder / "board"), "--runs", str(here.folder)]
    places = [*board, "--root", str(here.data), "--split", str(here.data / "split.csv")]
    return ["compare-images", *nets, "--ids", *ids, "--output", str(out), *places]


def _test_ids(here: Refinable) -> tuple[str, ...]:
    [table] = (here.folder / "board" / "records" / "clinicdb").glob("tiny-*.csv")
    return tuple(line.split(",")[0] for line in table.read_text().splitlines()[1:3])


def test_rows_checkpoints_and_folders_stand_side_by_side(
    here: Refinable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nets = ["tiny", f"by file={here.segmentation}", f"truth={here.data / 'CVC-ClinicDB' / 'Ground Truth'}"]
    assert run(_words(here, *nets, out=tmp_path / "figure.png", ids=_test_ids(here))) == 0
    found = capsys.readouterr()
    assert found.out.split() == [str(tmp_path / "figure.png"), str(tmp_path / "figure.pdf")]
    assert "another Dice" not in found.err  # the picture's Dice is that of the record's table
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.size[0] > 5 * 250


def test_a_record_finds_kept_weights_and_the_run_of_its_checkpoint(here: Refinable, tmp_path: Path) -> None:
    [record] = (here.folder / "board" / "records" / "clinicdb").glob("tiny-*.json")
    board = here.folder / "board"
    found = mask_source(str(record), Places(board, None, here.folder))
    assert (found.title, found.path.resolve()) == ("tiny", here.segmentation.resolve())
    kept = shutil.copy(here.segmentation, tmp_path / f"{record.stem}.safetensors")
    assert mask_source("tiny", Places(board, tmp_path, here.folder)).path == Path(kept)
    for run_folder in (here.folder / "tiny", here.folder / "tiny" / "record.json"):
        assert mask_source(str(run_folder), Places(tmp_path, None, tmp_path)).path == here.segmentation


def test_masks_of_a_folder_are_those_that_are_drawn(here: Refinable, tmp_path: Path) -> None:
    from polybench.datasets import ClinicDBDataModule

    data = ClinicDBDataModule(root=str(here.data), split=str(here.data / "split.csv"))
    truth = data.decode(next(source for source in data.sources() if source.id == "1")).mask.astype(bool)
    half = truth.copy()
    half[: half.shape[0] // 2] = False
    (tmp_path / "net").mkdir()
    Image.fromarray(half.astype(np.uint8) * np.uint8(255)).save(tmp_path / "net" / "1.png")
    [line] = pictures(data, ["1"], [MaskSource("net", tmp_path / "net")]).lines
    assert np.array_equal(line.masks[0], half)
    assert line.dice == pytest.approx((2 * half.sum() / (half.sum() + truth.sum()),))


@pytest.mark.parametrize(
    ("nets", "ids", "message"),
    [
        (("tiny",), ("nothing",), "clinicdb has no image 'nothing'"),
        (("tinny",), ("1",), "has no row 'tinny'"),
        (("all_background",), ("1",), "is a baseline"),
        (("patches",), ("1",), "is a net for classification"),
        (("some/folder",), ("1",), "give a folder of masks, a file of weights"),
        (("missing.ckpt",), ("1",), "There is no file of weights 'missing.ckpt'"),
    ],
)
def test_what_is_missing_is_one_sentence(
    here: Refinable, nets: tuple[str, ...], ids: tuple[str, ...], message: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run(_words(here, *nets, out=tmp_path / "figure", ids=ids)) in (1, 2)
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("figure*"))


def test_a_record_without_its_weights_says_where_they_could_be(here: Refinable, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the folder that --keep_weights wrote by --weights DIR"):
        mask_source("tiny", Places(here.folder / "board", None, tmp_path))


def test_folders_alone_need_a_dataset(here: Refinable, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "masks").mkdir()
    assert run(_words(here, str(tmp_path / "masks"), out=tmp_path / "figure")) == 2
    assert "give --dataset NAME" in capsys.readouterr().err
