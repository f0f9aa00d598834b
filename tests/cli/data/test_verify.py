import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.datasets import ClinicDBDataModule
from tests.conftest import write_split

HEIGHT, WIDTH, ROWS = 48, 64, 6
"""Pixels of an image, and rows of its mask that are foreground: an eighth of it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve images whose masks are rows of white, with a list: 6 train, 2 val, 4 test, groups of two."""
    root = tmp_path / "mine"
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:ROWS] = 255
    for number in range(1, 13):
        noise = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        Image.fromarray(noise).save(root / "images" / f"{number}.png")
        Image.fromarray(np.roll(mask, number, axis=0)).save(root / "masks" / f"{number}.png")
    write_split(root / "split.csv")
    return root


def verify(folder: Path, *words: str) -> int:
    return run(["data", "verify", "folder", "--root", str(folder), "--split", str(folder / "split.csv"), *words])


def told(capsys: pytest.CaptureFixture[str], what: str) -> list[str]:
    """What stands after `note: ` or `defect: `."""
    return [line.removeprefix(what) for line in capsys.readouterr().out.splitlines() if line.startswith(what)]


def test_clean_copy_has_a_table_and_no_defect(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(folder) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    table = {title.strip(): value.strip() for title, _, value in (line.partition("  ") for line in lines[1:])}
    assert table["images with a mask"] == "12"
    assert table["of them readable"] == "12"
    assert table["images of it"] == "train 6, val 2, test 4"
    assert table["groups"] == "6"
    assert table["native sizes"] == "64x48: 12"
    assert table["mask values"] == "0, 255"
    assert table["foreground"] == "12.5 % of a mask on average"
    assert table["empty, full masks"] == "0, 0"
    assert lines[-1] == "No defect."


def test_each_defect_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "masks" / "1.png").unlink()
    (folder / "images" / "2.png").write_bytes(b"")
    Image.new("L", (WIDTH // 2, HEIGHT)).save(folder / "masks" / "3.png")
    Image.new("L", (WIDTH, HEIGHT), 1).save(folder / "masks" / "4.png")
    assert verify(folder) == 1
    defects = sorted(told(capsys, "defect: "))
    assert len(defects) == 5
    for name in ("images/1.png' has no mask", "images/2.png' is empty", "masks/3.png' is 32x48", "masks/4.png) with"):
        assert sum(name in defect for defect in defects) == 1, name
    assert "11 of 12 images: it lacks 1 image(s) of split 'split': 1." in defects


def test_missing_images_are_one_defect(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (2, 5):
        for name in ("images", "masks"):
            (folder / name / f"{number}.png").unlink()
    assert verify(folder) == 1
    assert told(capsys, "defect: ") == ["10 of 12 images: it lacks 2 image(s) of split 'split': 2, 5."]


def test_json_holds_the_numbers(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "found.json"
    assert verify(folder, "--json", str(path)) == 0
    found = json.loads(path.read_text())
    pixels = 12 * HEIGHT * WIDTH
    assert found["dataset"] == "mine"
    assert found["subsets"] == {"train": 6, "val": 2, "test": 4}
    assert found["sizes"] == {"64x48": 12}
    assert found["mask_levels"] == {"0": pixels * 7 // 8, "255": pixels // 8}
    assert found["foreground"] == pytest.approx(1 / 8)
    assert found["defects"] == []


def test_json_holds_every_defect_where_the_terminal_shows_eight_of_a_kind(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(20, 30):
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "images" / f"{number}.png")
    assert verify(folder, "--json", str(tmp_path / "found.json")) == 1
    shown = told(capsys, "defect: ")
    assert len(shown) == 9
    assert shown[-1] == "and 2 more of kind 'layout': --json has them."
    found = json.loads((tmp_path / "found.json").read_text())["defects"]
    assert [defect["kind"] for defect in found] == ["layout"] * 10
    assert all(f"images/{number}.png" in found[number - 20]["text"] for number in range(20, 30))


def test_generated_images_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "synth", "etis", "--out", str(tmp_path), "--n", "2", "--size", "32", "32"]) == 0
    assert run(["data", "verify", "etis", "--root", str(tmp_path)]) == 1
    assert told(capsys, "note: ") == ["Generated images, none of them real, as 'SYNTHETIC.txt' says."]


def test_unknown_name_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "verify", "clinic_db"]) == 2
    assert capsys.readouterr().err.endswith("Did you mean 'clinicdb'?\n")


def test_unknown_split_names_those_there_are(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "verify", "clinicdb", "--root", str(data_root), "--split", "sequence-disjoint"]) == 2
    message = capsys.readouterr().err
    assert "pranet_550_62, reconstructed_489_61_62, reconstructed_efen_8_1_1, sequence_disjoint" in message
    assert "Did you mean 'sequence_disjoint'?" in message


def test_absent_copy_says_where_it_looked_and_how_to_point_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "verify", "drive", "--root", str(tmp_path / "nowhere")]) == 1
    message = capsys.readouterr().err
    assert f"There is no folder '{tmp_path / 'nowhere' / 'DRIVE'}'" in message
    assert "environment variable POLYBENCH_DATA (or --root)" in message
    assert "`polybench data download drive`" in message


def test_environment_says_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLYBENCH_DATA", str(tmp_path / "elsewhere"))
    assert run(["data", "verify", "drive"]) == 1
    assert f"'{tmp_path / 'elsewhere' / 'DRIVE'}'" in capsys.readouterr().err


def test_folder_of_ones_own_needs_a_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "verify", "folder", "--root", str(folder)]) == 2
    message = capsys.readouterr().err
    assert f"`polybench data split {folder}` writes one" in message
    assert message.endswith("pass it as --split.\n")


def test_every_test_set_of_pranet_is_looked_at(tmp_path: Path) -> None:
    assert run(["data", "synth", "pranet", "--out", str(tmp_path), "--n", "20", "--size", "32", "32"]) == 0
    broken = next((tmp_path / "PraNet" / "TestDataset" / "ETIS-LaribPolypDB" / "masks").iterdir())
    Image.new("L", (32, 32), 1).save(broken)
    assert run(["data", "verify", "pranet", "--root", str(tmp_path), "--json", str(tmp_path / "found.json")]) == 1
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["images"] == len(list((tmp_path / "PraNet").rglob("image*/*.png")))
    assert [str(broken) in defect["text"] for defect in found["defects"] if defect["kind"] == "coding"] == [True]
    assert found["unread"] == []


def test_copy_that_agrees_in_counts_and_sizes_is_not_called_official(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ClinicDBDataModule, "card", replace(ClinicDBDataModule.card, images=12, sizes=frozenset()))
    words = ["data", "verify", "clinicdb", "--root", str(data_root), "--split", str(data_root / "split.csv")]
    found = data_root / "found.json"
    assert run([*words, "--json", str(found)]) == 0
    assert told(capsys, "note: ") == ["Counts and sizes agree with the official copy; contents unchecked."]
    manifest = json.loads(found.read_text())["manifest_sha256"]
    known = replace(ClinicDBDataModule.card, manifest_sha256=manifest)
    monkeypatch.setattr(ClinicDBDataModule, "card", known)
    assert run(words) == 0
    assert told(capsys, "note: ") == ["This is the official copy, by the hash of its content."]
    monkeypatch.setattr(ClinicDBDataModule, "card", replace(known, manifest_sha256="0" * 64))
    assert run(words) == 1
    assert told(capsys, "defect: ") == ["Other contents than the official copy, though counts and sizes agree."]
