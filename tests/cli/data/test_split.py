import csv
import os
from collections import defaultdict
from pathlib import Path

import pytest
from PIL import Image

from polybench.cli.main import run

PATIENTS = {"anna": 8, "ben": 2, "cem": 2}
"""Images of each patient: 8:2:2 is how the default ratios divide them, whole patients in each part."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images such as `anna_1.png` with their masks, in a folder whose name has a space."""
    root = tmp_path / "my images"
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
        for patient, count in PATIENTS.items():
            for number in range(1, count + 1):
                Image.new("L", (8, 8)).save(root / name / f"{patient}_{number}.png")
    return root


def read(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_list_keeps_each_group_in_one_part(folder: Path) -> None:
    assert run(["data", "split", str(folder), "--group", "^[a-z]+"]) == 0
    rows = read(folder / "split.csv")
    assert {row["id"]: row["group"] for row in rows} == {
        f"{patient}_{number}": patient for patient, count in PATIENTS.items() for number in range(1, count + 1)
    }
    homes = defaultdict(set)
    for row in rows:
        homes[row["group"]].add(row["subset"])
    assert all(len(subsets) == 1 for subsets in homes.values())
    assert set().union(*homes.values()) == {"train", "val", "test"}
    assert "# group_disjoint: true" in (folder / "split.csv").read_text()


def test_first_bracket_of_the_expression_is_the_group(folder: Path) -> None:
    assert run(["data", "split", str(folder), "--group", "([a-z]+)_[0-9]+"]) == 0
    assert {row["group"] for row in read(folder / "split.csv")} == set(PATIENTS)


def test_without_groups_the_list_says_that_they_are_unknown(folder: Path) -> None:
    assert run(["data", "split", str(folder)]) == 0
    assert "# group_disjoint: unknown" in (folder / "split.csv").read_text()
    assert all(row["group"] == row["id"] for row in read(folder / "split.csv"))


def test_ratios_and_out_are_obeyed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "thirds.csv"
    assert run(["data", "split", str(folder), "--ratios", "1:1:1", "--out", str(out)]) == 0
    subsets = [row["subset"] for row in read(out)]
    assert [subsets.count(subset) for subset in ("train", "val", "test")] == [4, 4, 4]
    assert f"{out}: train 4, val 4, test 4." in capsys.readouterr().out


def test_command_for_its_use_can_be_pasted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "split", str(folder)]) == 0
    expected = f"--data FolderDataModule --data.root '{folder}' --data.split '{folder / 'split.csv'}'"
    assert expected in capsys.readouterr().out


def test_same_command_again_changes_nothing(folder: Path) -> None:
    command = ["data", "split", str(folder), "--seed", "3"]
    assert run(command) == 0
    content = (folder / "split.csv").read_bytes()
    assert run(command) == 0
    assert (folder / "split.csv").read_bytes() == content


def test_another_list_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "split.csv").write_text("id,subset,group\n")
    assert run(["data", "split", str(folder)]) == 1
    assert f"'{folder / 'split.csv'}' is there already and differs" in capsys.readouterr().err
    assert (folder / "split.csv").read_text() == "id,subset,group\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--group", "([a-z]+"], 2, r"--group '([a-z]+' is not a regular expression: missing )"),
        (["--group", "ben|cem"], 1, "--group 'ben|cem' matches nothing in 'anna_1'"),
        (["--group", "."], 0, ""),
        (["--group", "_"], 1, "1 group can't be divided into three parts"),
        (["--ratios", "8:1"], 2, "--ratios must be three positive numbers such as 8:1:1, not '8:1'"),
        (["--ratios", "8:1:nan"], 2, "not '8:1:nan'"),
        (["--ratios", "8:1:-1"], 2, "not '8:1:-1'"),
        (["--out", "list.txt"], 2, "--out must name a .csv file, not 'list.txt'"),
        (["--seed", "one"], 2, "invalid int value: 'one'"),
        (["--gruop", "x"], 2, "Did you mean '--group'?"),
    ],
)
def test_mistakes_end_in_one_sentence(
    words: list[str], code: int, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "split", str(folder), *words]) == code
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == (code > 0)
    assert (folder / "split.csv").exists() == (code == 0)


def test_pipe_is_not_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert run(["data", "split", str(folder), "--out", str(tmp_path / "pipe.csv")]) == 2
    assert "pipe.csv' is no regular file" in capsys.readouterr().err
    assert (tmp_path / "pipe.csv").is_fifo()


def test_folder_without_masks_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "masks").rename(folder / "labels")
    assert run(["data", "split", str(folder)]) == 1
    message = capsys.readouterr().err
    assert f"There is no folder '{folder / 'masks'}': name the folder that holds images/ and masks/." in message


def test_image_without_mask_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "masks" / "ben_2.png").unlink()
    assert run(["data", "split", str(folder)]) == 1
    assert f"'{folder / 'images' / 'ben_2.png'}' has no mask" in capsys.readouterr().err


def test_images_in_sub_folders_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "images" / "more").mkdir()
    Image.new("L", (8, 8)).save(folder / "images" / "more" / "dora_1.png")
    assert run(["data", "split", str(folder)]) == 1
    assert f"'{folder / 'images'}' has 1 image in sub-folders ('more')" in capsys.readouterr().err
    assert not (folder / "split.csv").exists()


def test_what_was_left_out_is_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("._anna_1.png", "Thumbs.db", "notes.txt"):
        (folder / "images" / name).touch()
    assert run(["data", "split", str(folder)]) == 0
    told = capsys.readouterr().out
    assert f"'{folder / 'images'}': 12 images; left out: 1 hidden '._anna_1.png', 2 of another type such as " in told
    assert f"'{folder / 'masks'}'" not in told


@pytest.mark.parametrize("name", [b"\xff.png", b"anna\n2.png"])
def test_name_that_can_not_stand_in_a_list_is_spelt_out(
    folder: Path, name: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("images", "masks"):
        (folder / part / os.fsdecode(name)).touch()
    assert run(["data", "split", str(folder)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert repr(name)[2:-1] in line
