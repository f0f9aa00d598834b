"""What `polybench score` compares with: folders of masks, subsets of datasets, and what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.data.manifest import manifest_sha256
from polybench.datasets import ClinicDBDataModule
from polybench.metrics.protocols import PROTOCOLS

Masks = dict[str, np.ndarray]


def save(folder: Path, **maps: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    for name, values in maps.items():
        Image.fromarray(values).save(folder / f"{name}.png")


def square(value: int, side: int = 8) -> np.ndarray:
    mask = np.zeros((16, 16), np.uint8)
    mask[2 : 2 + side, 3 : 3 + side] = value
    return mask


def score(folder: Path, *words: str) -> int:
    folders = ["--pred", str(folder / "pred"), "--gt", str(folder / "gt")]
    return run(["score", *folders, "--json", str(folder / "out.json"), *words])


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "pred", a=square(255), b=square(255))
    save(tmp_path / "gt", a=square(255), b=square(255))
    return tmp_path


@pytest.fixture
def copy(data_root: Path, tmp_path: Path) -> list[str]:
    """Words that score perfect predictions of the test frames 9 to 12."""
    masks = data_root / "CVC-ClinicDB" / "Ground Truth"
    save(tmp_path / "pred", **{str(k): np.asarray(Image.open(masks / f"{k}.tif")) for k in range(9, 13)})
    split = f"{data_root / 'split.csv'}/test"
    words = ["--dataset", "clinicdb", "--root", str(data_root), "--split", split]
    return ["score", "--pred", str(tmp_path / "pred"), *words, "--json", str(tmp_path / "out.json")]


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    [error] = capsys.readouterr().err.splitlines()
    return str(error)


def test_masks_of_two_kinds_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "gt", b=square(1), c=square(0))
    assert score(folder) == 1
    assert "1 map(s) of 0 and 1 (b.png) with 1 of 0 and 255" in refused(capsys)


def test_fields_of_view_of_two_kinds_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "valid", a=square(255), b=square(1))
    assert score(folder, "--valid", str(folder / "valid")) == 1
    assert "valid' mixes 1 map(s) of 0 and 1 (b.png)" in refused(capsys)


def test_masks_of_classes_and_no_class_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "gt", a=np.where(square(1, 10) > 0, np.maximum(square(255), 1), 0).astype(np.uint8))
    assert score(folder) == 1
    assert "a.png' holds the number of a class, from 1 on, beside 255" in refused(capsys)


def test_masks_that_number_objects_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "gt", a=np.repeat(np.arange(48, dtype=np.uint8), 8).reshape(24, 16), b=square(1))
    assert score(folder) == 1
    assert "a.png' holds the numbers of objects or classes (1 such file(s))" in (error := refused(capsys))
    assert "--instances" in error


def test_membranes_are_scored_on_request(folder: Path) -> None:
    cells = np.full((16, 17), 255, np.uint8)
    cells[:, 8] = 0
    save(folder / "gt", a=cells, b=cells)
    save(folder / "pred", a=np.full_like(cells, 255), b=cells)
    assert score(folder) == 0
    assert "membranes" not in result(folder)["protocols"]
    assert score(folder, "--membranes") == 0
    # a merges two cells of equal size: 2 * 0.5 / (1 + 0.5); b is right
    assert result(folder)["protocols"]["membranes"]["v_rand"] == pytest.approx((2 / 3 + 1) / 2)
    assert result(folder)["options"]["membranes"] is True


def test_dataset_says_itself_whether_it_shows_membranes(copy: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*copy, "--membranes"]) == 2
    assert "--membranes goes with --gt" in refused(capsys)


def test_folder_dataset_is_refused_with_what_to_give(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", "--pred", str(folder / "pred"), "--dataset", "folder"]) == 2
    assert "give --gt DIR" in refused(capsys)


def test_absent_copy_is_said_with_the_options_of_score(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["score", "--pred", str(folder / "pred"), "--dataset", "clinicdb", "--root", str(folder / "none")]
    assert run(words) == 1
    error = refused(capsys)
    assert "(or --root)" in error
    assert "--data." not in error


def test_incomplete_subset_is_refused_and_others_do_not_matter(
    copy: list[str], data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def remove(k: int) -> None:
        for place in ("Original", "Ground Truth"):
            (data_root / "CVC-ClinicDB" / place / f"{k}.tif").unlink()

    remove(1)
    assert run(copy) == 0
    capsys.readouterr()
    remove(9)
    assert run(copy) == 1
    error = refused(capsys)
    assert "lacks 1 image of split/test: 9;" in error
    assert "--data." not in error


def test_broken_pair_of_the_subset_is_said(
    copy: list[str], data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_root / "CVC-ClinicDB" / "Ground Truth" / "9.tif").unlink()
    assert run(copy) == 1
    assert "9.tif' has no mask of the same stem" in refused(capsys)


def test_heading_names_dataset_subset_and_split(copy: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(copy) == 0
    assert "4 images of clinicdb, test subset of 'split'" in capsys.readouterr().out


def test_json_says_which_dataset(copy: list[str], data_root: Path, tmp_path: Path) -> None:
    assert run(copy) == 0
    data = ClinicDBDataModule(str(data_root), split=str(data_root / "split.csv"))
    assert result(tmp_path)["truth"] == {
        "dataset": "clinicdb",
        "split": "split",
        "subset": "test",
        "split_sha256": data.split.sha256,
        "manifest_sha256": manifest_sha256(data.sources(), tmp_path / "other"),
    }
    assert (result(tmp_path)["n"], result(tmp_path)["groups"]) == (4, 2)


def test_field_of_view_of_its_own_shows_the_interval_inside_it(folder: Path) -> None:
    save(folder / "valid", a=square(255), b=square(255))
    save(folder / "pred", a=square(255, 12))  # a's excess lies outside the field of view
    assert score(folder, "--valid", str(folder / "valid")) == 0
    intervals = result(folder)["intervals"]
    assert intervals["fov"]["dice"] == {"low": 1, "high": 1}
    assert intervals["per_image"]["dice"]["low"] == pytest.approx(2 * 64 / (64 + 144))


def test_protocols_of_a_folder_are_those_of_all(folder: Path) -> None:
    assert score(folder) == 0
    assert list(result(folder)["protocols"]) == [protocol.name for protocol in PROTOCOLS]
