from pathlib import Path

import pytest

from polybench.cli.main import run

SMALL = ["--size", "32", "40"]


def test_what_is_written_can_be_verified_but_is_not_the_official_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "synth", "clinicdb", "--out", str(tmp_path / "my data"), "--n", "6", *SMALL]) == 0
    out = capsys.readouterr().out
    assert f"6 synthetic images are now in '{tmp_path / 'my data' / 'CVC-ClinicDB'}'" in out
    assert "train 4, val 1, test 1" in out
    assert f"polybench data verify clinicdb --root '{tmp_path / 'my data'}'" in out
    assert f"--data conf/data/clinicdb.yaml --data.root '{tmp_path / 'my data'}' --data.allow_missing true" in out
    assert run(["data", "verify", "clinicdb", "--root", str(tmp_path / "my data")]) == 1
    assert "defect: 6 of 612 images" in capsys.readouterr().out


def test_folder_goes_on_with_a_split_of_whole_polyps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "mine")
    assert run(["data", "synth", "folder", "--out", folder, "--n", "12", *SMALL]) == 0
    assert f"polybench data split {folder} --group 'polyp[0-9]+'" in capsys.readouterr().out
    assert run(["data", "split", folder, "--group", "polyp[0-9]+"]) == 0
    assert run(["data", "verify", "folder", "--root", folder, "--split", f"{folder}/split.csv"]) == 0


def test_set_that_can_not_be_trained_on_names_no_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "synth", "etis", "--out", str(tmp_path), "--n", "2", *SMALL]) == 0
    out = capsys.readouterr().out
    assert "train 0, val 0, test 2" in out
    assert "polybench fit" not in out


def test_thirty_or_all_images_are_written_by_default(tmp_path: Path) -> None:
    assert run(["data", "synth", "chase", "--out", str(tmp_path), *SMALL]) == 0
    assert len(list((tmp_path / "CHASEDB1").glob("Image_*.jpg"))) == 28


def test_second_call_says_that_the_images_were_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["data", "synth", "clinicdb", "--out", str(tmp_path), "--n", "3", *SMALL]
    assert run(command) == 0
    assert run(command) == 0
    assert "3 synthetic images were already in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["clinicbd", "--out", "OUT"], 2, "There is no dataset 'clinicbd'"),
        (["clinicbd", "--out", "OUT"], 2, "Did you mean 'clinicdb'?"),
        (["intima-media", "--out", "OUT"], 2, "Did you mean 'intima_media'?"),
        (["clinicdb", "--out", "OUT", "--n", "0"], 2, "Of clinicdb 3 (one of each part and subset) to 612 images"),
        (["clinicdb", "--out", "OUT", "--n", "x"], 2, "invalid int value: 'x'"),
        (["clinicdb", "--out", "OUT", "--sized", "32", "40"], 2, "Did you mean '--size'?"),
        (["clinicdb"], 2, "required: --out"),
    ],
)
def test_mistakes_end_in_one_sentence(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tmp_path / "out") if word == "OUT" else word for word in arguments]
    assert run(["data", "synth", *words]) == code
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_folder_with_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "CVC-ClinicDB").mkdir()
    (tmp_path / "CVC-ClinicDB" / "notes.txt").touch()
    assert run(["data", "synth", "clinicdb", "--out", str(tmp_path), "--n", "3", *SMALL]) == 1
    assert "CVC-ClinicDB' is not empty and has no SYNTHETIC.txt" in capsys.readouterr().err
