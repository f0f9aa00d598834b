import importlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPLITS = ROOT / "polybench" / "datasets" / "splits"
EFEN = "clinicdb/reconstructed_efen_8_1_1"
EFEN_COUNTS = "clinicdb/reconstructed_489_61_62"
PRANET = "clinicdb/pranet_550_62"
CLINICDB_DISJOINT = "clinicdb/sequence_disjoint"
WITH = ("with", "without")
SYNTHETIC = "synthetic_polyp/sequence_disjoint"


@pytest.fixture
def make_splits(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("make_splits")


def lines(name: str) -> list[str]:
    return (SPLITS / f"{name}.csv").read_text().splitlines()


def rows(name: str) -> list[tuple[int, str, str]]:
    table = [line for line in lines(name) if not line.startswith("#")]
    assert table[0] == "id,subset,group"
    return [(int(image), subset, group) for image, subset, group in (line.split(",") for line in table[1:])]


def test_files_are_what_the_tool_makes(make_splits: ModuleType) -> None:
    assert make_splits.main(["--check"]) == 0


def test_tool_writes_what_it_checks(make_splits: ModuleType, tmp_path: Path) -> None:
    assert make_splits.main(["--folder", str(tmp_path)]) == 0
    for path in tmp_path.rglob("*.csv"):
        assert path.read_bytes() == (SPLITS / path.relative_to(tmp_path)).read_bytes()
    assert make_splits.main(["--folder", str(tmp_path), "--check"]) == 0


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_check_fails_on_a_damaged_list(
    make_splits: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    make_splits.main(["--folder", str(tmp_path)])
    path = tmp_path / f"{PRANET}.csv"
    if damage == "change":
        path.write_text(path.read_text().replace("1,train", "1,test", 1))
    else:
        path.unlink()
    assert make_splits.main(["--folder", str(tmp_path), "--check"]) == 1
    assert "pranet_550_62.csv differs" in capsys.readouterr().err


def test_check_fails_on_a_list_that_nothing_makes(
    make_splits: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_splits.main(["--folder", str(tmp_path)])
    (tmp_path / "clinicdb" / "mine.csv").write_text("id,subset,group\n")
    assert make_splits.main(["--folder", str(tmp_path), "--check"]) == 1
    assert "mine.csv is made by nothing" in capsys.readouterr().err


def test_tool_runs_as_a_script_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "make_splits.py"), "--check"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "count"), [(EFEN, 612), (EFEN_COUNTS, 612), (PRANET, 612), (CLINICDB_DISJOINT, 612), (SYNTHETIC, 240)]
)
def test_every_image_is_listed_once_in_numeric_order(name: str, count: int) -> None:
    assert [image for image, _, _ in rows(name)] == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("name", "train", "val", "test"),
    [(EFEN, 490, 61, 61), (EFEN_COUNTS, 489, 61, 62), (PRANET, 495, 55, 62), (SYNTHETIC, 145, 45, 50)],
)
def test_subsets_have_their_sizes(name: str, train: int, val: int, test: int) -> None:
    assert Counter(subset for _, subset, _ in rows(name)) == {"train": train, "val": val, "test": test}


def test_both_lists_after_efen_are_cuts_of_one_order() -> None:
    old, new = ({image: subset for image, subset, _ in rows(name)} for name in (EFEN, EFEN_COUNTS))
    moved = Counter((old[image], new[image]) for image in old if old[image] != new[image])
    assert moved == {("train", "val"): 1, ("val", "test"): 1}


def test_sequence_disjoint_clinicdb_is_about_8_1_1() -> None:
    shares = {subset: n / 612 for subset, n in Counter(subset for _, subset, _ in rows(CLINICDB_DISJOINT)).items()}
    assert shares == pytest.approx({"train": 0.8, "val": 0.1, "test": 0.1}, abs=0.02)


@pytest.mark.parametrize(
    ("name", "disjoint"), [(EFEN, 0), (EFEN_COUNTS, 0), (PRANET, 0), (CLINICDB_DISJOINT, 1), (SYNTHETIC, 1)]
)
def test_groups_are_disjoint_exactly_where_the_file_says_so(name: str, disjoint: int) -> None:
    homes = defaultdict(set)
    for _, subset, group in rows(name):
        homes[group].add(subset)
    assert all(len(subsets) == 1 for subsets in homes.values()) == bool(disjoint)
    assert lines(name)[0] == f"# group_disjoint: {'true' if disjoint else 'false'}"


@pytest.mark.parametrize("name", [EFEN, EFEN_COUNTS, PRANET])
def test_leaking_lists_say_so(name: str) -> None:
    assert "LEAKS" in lines(name)[1]


def test_clinicdb_groups_are_the_official_sequences() -> None:
    group = {image: name for image, _, name in rows(CLINICDB_DISJOINT)}
    # EndoSceneStill's test part is whole sequences of ClinicDB: 1-25, 127-177 (two), 343-363, 504-528.
    for first, last, names in ((1, 25, {1}), (127, 177, {7, 8}), (343, 363, {17}), (504, 528, {25})):
        whole = {f"clinicdb/{number}" for number in names}
        assert {group[image] for image in range(first, last + 1)} == whole
        assert not whole & {name for image, name in group.items() if not first <= image <= last}
    assert set(group.values()) == {f"clinicdb/{number}" for number in range(1, 30)}
    assert all(group == {image: name for image, _, name in rows(other)} for other in (EFEN, PRANET))


@pytest.mark.data
def test_clinicdb_groups_are_those_of_the_official_readme() -> None:
    readme = Path(os.environ.get("POLYBENCH_DATA", ROOT.parent / "shared" / "data")) / "CVC-ClinicDB" / "README.txt"
    if not readme.is_file():
        pytest.skip("needs CVC-ClinicDB's README.txt")
    table = re.findall(r"\|\s+(\d+) to\s+(\d+)\s+\|\s*(\d+)\s*\|", readme.read_text(encoding="latin-1"))
    official = {
        image: f"clinicdb/{sequence}" for first, last, sequence in table for image in range(int(first), int(last) + 1)
    }
    assert official == {image: group for image, _, group in rows(CLINICDB_DISJOINT)}


def test_lists_of_the_leak_differ_in_nothing_but_the_frames_trained_on() -> None:
    leaky, clean = ({i: (subset, group) for i, subset, group in rows(f"clinicdb/leak_{x}_sisters")} for x in WITH)
    for subset in ("test", "val"):
        assert {i for i in leaky if leaky[i][0] == subset} == {i for i in clean if clean[i][0] == subset}
    trained = [Counter(group for subset, group in one.values() if subset == "train") for one in (leaky, clean)]
    assert sorted(trained[0].values()) == sorted(trained[1].values())  # as many frames of as many sequences
    tested = {group for subset, group in leaky.values() if subset == "test"}
    assert len(tested) == 13
    assert set(trained[0]) == tested
    assert not set(trained[1]) & tested
    validated = {i for i in leaky if leaky[i][0] == "val"}
    assert validated == {i for i, subset, _ in rows(CLINICDB_DISJOINT) if subset == "val"}
    assert not {group for _, group in (leaky[i] for i in validated)} & {*trained[0], *trained[1]}


def test_lists_of_the_leak_say_which_of_them_leaks() -> None:
    notes = [lines(f"clinicdb/leak_{x}_sisters") for x in WITH]
    assert [note[0] for note in notes] == ["# group_disjoint: false", "# group_disjoint: true"]
    assert all("leak_with_sisters, which LEAKS on purpose" in note[1] for note in notes)


def test_pranet_test_images_come_from_26_sequences() -> None:
    test = [(image, group) for image, subset, group in rows(PRANET) if subset == "test"]
    assert len({group for _, group in test}) == 26
    assert sum(image for image, _ in test) == 17870  # of the released list


def test_synthetic_sequences_are_29_9_10_and_interleaved() -> None:
    subset_of = {int(group.removeprefix("synthetic_polyp/")): subset for _, subset, group in rows(SYNTHETIC)}
    assert sorted(subset_of) == list(range(1, 49))
    assert Counter(subset_of.values()) == {"train": 29, "val": 9, "test": 10}
    for start in range(1, 45, 5):
        assert {subset_of[number] for number in range(start, start + 5)} == {"train", "val", "test"}


def test_synthetic_groups_are_five_frames_in_a_row() -> None:
    assert all(group == f"synthetic_polyp/{(image + 4) // 5}" for image, _, group in rows(SYNTHETIC))


@pytest.mark.data
def test_pranet_list_is_the_released_one() -> None:
    released = ROOT.parent / "shared" / "splits" / "pranet_test_clinicdb62.txt"
    if not released.is_file():
        pytest.skip("the released list is not here")
    ours = {image for image, subset, _ in rows(PRANET) if subset == "test"}
    assert ours == {int(line) for line in released.read_text().split()}
