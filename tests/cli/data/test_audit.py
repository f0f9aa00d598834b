import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run


@pytest.fixture
def copied(data_root: Path) -> Path:
    """Twelve frames, 6 for training and 4 for test; frame 12, for test, has the pixels of frame 1, for training."""
    original = data_root / "CVC-ClinicDB" / "Original"
    shutil.copy(original / "1.tif", original / "12.tif")
    return data_root


def audit(root: Path, *words: str) -> int:
    split = ["--split", str(root / "split.csv")]
    places = ["--out", str(root / "report"), "--pictures", str(root / "pictures")]
    return run(["data", "audit", "clinicdb", "--root", str(root), *split, *places, *words])


def test_planted_duplicate_across_subsets_is_found(copied: Path) -> None:
    assert audit(copied) == 0
    [split] = json.loads((copied / "report" / "clinicdb.json").read_text())["splits"]
    leaks = {leak["subset"]: (leak["images"], leak["exact"]) for leak in split["leaks"]}
    assert leaks == {"val": (2, 0), "test": (4, 1)}
    with (copied / "report" / "clinicdb.csv").open(newline="") as file:
        exact = [row for row in csv.DictReader(file) if row["kind"] == "exact"]
    assert [(row["first"], row["second"], row["split"]) for row in exact] == [("1", "12", "train-test")]


def test_terminal_shows_the_shares_that_leak(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original = copied / "CVC-ClinicDB" / "Original"
    Image.fromarray(np.asarray(Image.open(original / "2.tif")) + np.uint8(9)).save(original / "11.tif")
    assert audit(copied) == 0
    [row] = [line.split() for line in capsys.readouterr().out.splitlines() if line.split()[1:2] == ["test"]]
    exact, with_near = ["25.0", "%"], ["50.0", "%"]
    assert row[:7] == ["split", "test", "4", *exact, *with_near]


def test_report_holds_no_image_and_pictures_go_elsewhere(copied: Path) -> None:
    assert audit(copied) == 0
    report = sorted((copied / "report").iterdir())
    assert [path.name for path in report] == ["clinicdb.csv", "clinicdb.json", "clinicdb.md"]
    assert all("base64" not in path.read_text() and "![" not in path.read_text() for path in report)
    pictures = list((copied / "pictures" / "clinicdb").iterdir())
    assert pictures
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.format == "PNG"


def test_what_is_written_is_said(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(copied) == 0
    lines = capsys.readouterr().out.splitlines()
    written = {Path(line.removeprefix("written: ")) for line in lines if line.startswith("written: ")}
    there = {path for name in ("report", "pictures") for path in (copied / name).rglob("*") if path.is_file()}
    assert written == there


def test_all_lists_of_the_dataset_are_audited_by_default(
    copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(copied)
    assert run(["data", "audit", "clinicdb", "--root", "."]) == 0
    found = json.loads(Path("leaderboards/audits/clinicdb.json").read_text())
    assert [split["split"] for split in found["splits"]] == [
        *(f"fold_{number}_of_5" for number in range(1, 6)),
        "leak_with_sisters",
        "leak_without_sisters",
        "pranet_550_62",
        "reconstructed_489_61_62",
        "reconstructed_efen_8_1_1",
        "sequence_disjoint",
    ]
    assert list(Path("runs/audits/clinicdb").glob("*.png"))


def test_broken_image_is_left_out_and_named(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = copied / "CVC-ClinicDB" / "Original" / "5.tif"
    broken.write_bytes(broken.read_bytes()[:200])
    assert audit(copied) == 0
    out = capsys.readouterr().out
    assert out.startswith("clinicdb: 11 images")
    assert sum(line.startswith("left out: ") and str(broken) in line for line in out.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("clinicbd", 2, "Did you mean 'clinicdb'?"),
        ("drive", 1, "DRIVE': get DRIVE"),
    ],
)
def test_unknown_or_absent_dataset_ends_in_one_sentence(
    name: str, code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "audit", name, "--root", str(tmp_path)]) == code
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1


def test_generated_copy_is_named_and_leaves_the_pages_of_real_ones_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", "synth", "em", "--out", "generated", "--n", "4", "--size", "32", "32"]) == 0
    assert run(["data", "audit", "em", "--root", "generated"]) == 0
    assert not (tmp_path / "leaderboards").exists()
    assert "generated images, none of them real" in (tmp_path / "runs" / "audits" / "em.md").read_text()


@pytest.fixture
def pranet(tmp_path: Path) -> Path:
    assert run(["data", "synth", "pranet", "--out", str(tmp_path), "--n", "20", "--size", "32", "32"]) == 0
    return tmp_path


def leaks_of_pranet(root: Path) -> dict[str, dict[str, int]]:
    """Test set -> subset -> images that were audited."""
    places = ["--out", str(root / "report"), "--pictures", str(root / "pictures")]
    assert run(["data", "audit", "pranet", "--root", str(root), *places]) == 0
    splits = json.loads((root / "report" / "pranet.json").read_text())["splits"]
    return {split["split"]: {leak["subset"]: leak["images"] for leak in split["leaks"]} for split in splits}


def test_every_test_set_of_pranet_is_audited(pranet: Path) -> None:
    folders = {"kvasir": "Kvasir", "clinicdb": "CVC-ClinicDB", "cvc300": "CVC-300", "colondb": "CVC-ColonDB"}
    folders["etis"] = "ETIS-LaribPolypDB"
    leaks = leaks_of_pranet(pranet)
    for name, folder in folders.items():
        there = len(list((pranet / "PraNet" / "TestDataset" / folder / "images").iterdir()))
        assert there > 0
        assert leaks[name]["test"] == there


def test_test_set_of_pranet_that_is_not_here_is_named(pranet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(pranet / "PraNet" / "TestDataset" / "CVC-300")
    assert set(leaks_of_pranet(pranet)["cvc300"]) == {"val"}
    out = capsys.readouterr().out
    assert "cvc300: Its 60 test images are not here: that part was not audited." in out
    assert "left out: There is no folder" in out
    assert (
        "**Its 60 test images are not here: that part was not audited.**"
        in (pranet / "report" / "pranet.md").read_text()
    )
