"""`polybench test --on`: a checkpoint on a dataset that it was not trained on."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from polybench.cli.main import run
from tests.cli.recipes import write_recipe
from tests.conftest import write_frames, write_split

OTHER = """\
data:
  class_path: SyntheticPolypDataModule
  init_args: {root: data, split: data/split.csv, size: [48, 64], batch_size: 3, eval_batch_size: 2, allow_missing: true}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `board`, the records of one net that was trained on each of two datasets, and both runs."""
    folder = tmp_path_factory.mktemp("others")
    for name in ("CVC-ClinicDB", "synthetic-polyp"):
        write_frames(folder / "data" / name)
    write_split(folder / "data" / "split.csv")
    (folder / "other.yaml").write_text(OTHER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLYBENCH_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        recipe = str(write_recipe(folder, folder / "data", max_epochs=1))
        words = ["fit", "--config", recipe, "--leaderboard", "board", "--trainer.default_root_dir"]
        assert run([*words, "here"]) == 0
        assert run([*words, "there", "--data", "other.yaml", "--data.size", "[24, 32]", "--name", "tiny_other"]) == 0
    return folder


@pytest.fixture(autouse=True)
def copied(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, which is the current one."""
    folder = Path(shutil.copytree(trained, tmp_path / "copy"))
    monkeypatch.setenv("POLYBENCH_CACHE", str(trained / "cache"))
    monkeypatch.chdir(folder)
    return folder


def words(*names: str, checkpoint: str = "here/checkpoints/best.ckpt") -> list[str]:
    return ["test", "--ckpt_path", checkpoint, "--on", *names]


def only(pattern: str) -> Path:
    [path] = Path("board/records").glob(pattern)
    return path


def test_record_is_of_the_same_training_on_the_other_images() -> None:
    assert run([*words("other.yaml"), "--leaderboard", "board"]) == 0
    own, other = (
        json.loads(only(name).read_text()) for name in ("clinicdb/tiny-*.json", "synthetic_polyp/tiny-on-*.json")
    )
    assert other["identity"]["training_id"] == own["identity"]["training_id"]
    assert other["identity"]["evaluation_id"] != own["identity"]["evaluation_id"]
    assert other["training"] == own["training"]
    assert other["dataset"]["name"] == "synthetic_polyp"
    assert other["dataset"]["size"] == [24, 32]
    rows = pd.read_csv(only("synthetic_polyp/tiny-on-*.csv"))
    value = other["metrics"]["per_image@2"]["values"]["dice"]["value"]
    assert value == pytest.approx(rows["per_image@2/dice"].mean(), abs=1e-6)
    before = own["metrics"]["per_image@2"]["values"]["dice"]["value"]
    [difference] = [row for row in other["sections"]["other_data"]["rows"] if row["data"] == "difference"]
    assert difference["value"] == pytest.approx(value - before)
    assert re.search(r"--on \S*other\.yaml", other["command"])
    assert own["command"] in other["needs"][-1]


def test_same_images_are_compared_with_the_net_that_was_trained_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words("other.yaml"), "--leaderboard", "board"]) == 0
    printed = capsys.readouterr().out
    here, there = (
        pd.read_csv(only(f"synthetic_polyp/{name}.csv"))["per_image@2/dice"] for name in ("tiny-on-*", "tiny_other-*")
    )
    assert "Paired differences" in printed
    assert f"{(here - there).mean():+.4f}" in printed


def test_options_of_data_belong_to_the_dataset_that_is_named(copied: Path) -> None:
    text = Path("data/split.csv").read_text().replace("group_disjoint: true", "group_disjoint: false")
    Path("data/fewer.csv").write_text(text.replace(",test,", ",val,", 1))
    Path("here/on/other").mkdir(parents=True)
    Path("here/on/other/test_rows.csv").write_text("of an earlier test")
    assert run([*words("other.yaml"), "--data.split", "data/fewer.csv", "--data.fit", "letterbox"]) == 0
    rows = pd.read_csv("here/on/other/test_rows.csv")
    assert len(rows) == 3
    assert Path("here/on/other/test_rows-1.csv").read_text() == "of an earlier test"


def test_page_says_where_the_net_was_trained() -> None:
    assert run([*words("other.yaml"), "--leaderboard", "board"]) == 0
    page = Path("board/synthetic_polyp.md").read_text()
    assert "Trained on clinicdb, not on this dataset." in page
    assert run(["leaderboard", "--root", "board", "--check"]) == 0


def test_without_leaderboard_nothing_is_recorded() -> None:
    before = sorted(Path("board").rglob("*"))
    assert run(words("other.yaml")) == 0
    assert sorted(Path("board").rglob("*")) == before
    assert Path("here/on/other/test_rows.csv").is_file()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("clinicdb",), "the net was trained on clinicdb"),
        (("endoscenestill",), "endoscenestill has images in common with clinicdb"),
        (("clinicbd",), "is no dataset"),
        ((), "names no dataset"),
        (("other.yaml", "kvasir_seg"), "Kvasir-SEG"),
    ],
)
def test_bad_datasets_are_refused_before_anything_is_tested(
    names: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBENCH_DATA", "data")
    assert run(words(*names)) in (1, 2)
    error = capsys.readouterr().err
    assert said in error.splitlines()[-1]
    assert not Path("here/on").exists()


def test_training_without_record_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words("other.yaml"), "--leaderboard", "nowhere"]) == 1
    assert "There is no folder of leaderboards at 'nowhere'" in capsys.readouterr().err
    assert not Path("nowhere").exists()
    Path("elsewhere").mkdir()
    assert run([*words("other.yaml"), "--leaderboard", "elsewhere"]) == 2
    assert "is of the training that left this checkpoint" in capsys.readouterr().err
