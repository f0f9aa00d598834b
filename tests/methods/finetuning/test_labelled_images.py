"""Folders of labelled images: their classes, groups and channels, their crops, and what is refused in a sentence."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.core.errors import DataError
from polybench.methods.finetuning import LabelledImagesDataModule
from polybench.methods.finetuning.labels import read_labelled, read_labels, three_channels
from polybench.results.record import Record

CLASSES = ("normal", "one", "two")


def write_folder(root: Path, each: int = 6, size: tuple[int, int] = (40, 50)) -> Path:
    """`train` and `test` with images of three classes, each of a grey level of its own."""
    for subset in ("train", "test"):
        for label, name in enumerate(CLASSES):
            (root / subset / name).mkdir(parents=True)
            for k in range(each + label):
                image = np.random.default_rng(k).integers(0, 40, size) + 80 * label
                Image.fromarray(image.astype(np.uint8)).save(root / subset / name / f"{k}.png")
    return root


def write_table(root: Path, rows: list[str], header: str = "file,label,subset,group") -> Path:
    root.mkdir(exist_ok=True)
    for row in rows:
        Image.new("RGB", (8, 8)).save(root / row.split(",")[0])
    (root / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    found = read_labels(write_folder(tmp_path / "set"))
    assert found.classes == CLASSES
    assert Counter(item.label for item in found.items["train"]) == {0: 6, 1: 7, 2: 8}
    assert found.items["val"] == []
    assert found.items["test"][0].id == found.items["test"][0].group == "test/normal/0"
    assert (found.grouped, found.candidates) == (False, False)


def test_a_table_states_groups_and_the_order_of_classes(tmp_path: Path) -> None:
    rows = ["a.png,bad,train,v1", "b.png,good,train,v2", "c.png,bad,test,v3"]
    found = read_labels(write_table(tmp_path / "set", rows), ["good", "bad"])
    assert [(item.id, item.group, item.label) for item in found.items["train"]] == [("a", "v1", 1), ("b", "v2", 0)]
    assert found.grouped


def test_a_table_of_candidates_has_lesions(tmp_path: Path) -> None:
    header = "file,label,subset,group,image,lesion,lesions"
    rows = ["a.png,1,train,v,x,0,2", "b.png,0,train,v,x,-1,2", "c.png,1,test,w,y,0,1"]
    found = read_labels(write_table(tmp_path / "set", rows, header))
    assert found.candidates
    assert found.items["train"][0][:4] == ("x/a", "v", 1, "x")
    assert (found.items["train"][1].lesion, found.items["train"][1].lesions) == (-1, 2)


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["a.png,0,train"], "file,label,part", "lacks the column subset"),
        (["a.png,0,train"], "file,label,subset", "no image of the subset 'test'"),
        (["a.png,0,training", "b.png,1,test"], "file,label,subset", "has the subset 'training': write train, val or"),
        (["a.png,0,train,x", "b.png,1,test,y"], "file,label,subset,image", "without the other columns of candidates"),
        (["a.png,0,train,x,1,1", "b.png,0,test,y,-1,0"], "file,label,subset,image,lesion,lesions", "has lesion 1 of 1"),
        (["a.png,0,train,x", "b.png,1,test"], "file,label,subset,group", "another number of cells"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(rows: list[str], header: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_labels(write_table(tmp_path / "set", rows, header))


def test_unknown_classes_and_absent_files_are_refused(tmp_path: Path) -> None:
    root = write_table(tmp_path / "set", ["a.png,0,train,x", "b.png,1,test,y"])
    with pytest.raises(DataError, match="has the class '1', which is none of 0, 2"):
        read_labels(root, ["0", "2"])
    (root / "b.png").unlink()
    with pytest.raises(DataError, match=r"There is no file .*b.png"):
        read_labels(root)
    with pytest.raises(DataError, match=r"has neither labels.csv nor images"):
        read_labels(tmp_path)


def test_channels_are_repeated_to_three(tmp_path: Path) -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    two = np.stack([grey, grey + 100], axis=-1)
    assert np.array_equal(three_channels(grey), np.stack([grey] * 3, axis=-1))
    assert np.array_equal(three_channels(two), np.stack([grey, grey + 100, grey + 100], axis=-1))
    np.save(tmp_path / "two.npy", two)
    assert np.array_equal(read_labelled(tmp_path / "two.npy"), three_channels(two))
    np.save(tmp_path / "float.npy", two / 2)
    with pytest.raises(DataError, match=r"is no array of bytes .* the type float64"):
        read_labelled(tmp_path / "float.npy")


def test_crops_are_places_of_the_image_and_the_same_in_every_run(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set")
    data = LabelledImagesDataModule(str(root), size=16, crops=5, flips=True, batch_size=2)
    other = LabelledImagesDataModule(str(root), size=16, crops=5, seed=9, batch_size=2)
    for one in (data, other):
        one.setup("fit")
    item = data.items("test")[0]
    image = read_labelled(root / f"{item.id}.png")
    windows = {image[y : y + 16, x : x + 16].tobytes() for y in range(25) for x in range(35)}
    crops = [data.read(item, variant) for variant in range(5)]
    assert all(crop.tobytes() in windows for crop in crops)
    assert len({crop.tobytes() for crop in crops}) == 5
    assert np.array_equal(other.read(item, 3), crops[3])
    assert np.array_equal(data.read(item, 8), np.rot90(crops[3]))
    assert data.variants == 40


def test_a_fifth_of_the_training_set_is_kept_for_validation(tmp_path: Path) -> None:
    data = LabelledImagesDataModule(str(write_folder(tmp_path / "set")), size=16, batch_size=2)
    data.setup("fit")
    assert len(data.items("val")) == 5
    assert len(data.items("train")) == 16
    facts = data.facts()
    assert (facts.counts.train, facts.counts.val, facts.counts.test) == (16, 5, 21)
    assert (facts.ranked_by, facts.group_disjoint) == ("classes", None)


RECIPE = """
name: tiny
budget: smoke
data: {class_path: LabelledImagesDataModule, init_args: {root: set, size: 32, crops: 2, batch_size: 4}}
model:
  class_path: ImageClassificationTask
  init_args:
    net:
      class_path: polybench.models.PatchClassifier
      init_args: {encoder: tu-test_efficientnet, encoder_weights: null, classes: 3}
    optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.01, momentum: 0.9}}
    parameter_groups: {class_path: LayerwiseTuning, init_args: {depth: head}}
checkpoint: {monitor: val/auc, mode: max}
trainer: {max_epochs: 1, accelerator: cpu, enable_progress_bar: false}
"""


def test_three_classes_are_trained_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "set")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    assert run(["fit", "--config", "recipe.yaml", "--trainer.default_root_dir", "run"]) == 0, capsys.readouterr().err
    path = tmp_path / "run" / "record.json"
    record = Record.from_json(path.read_text(), path)
    assert list(record.metrics["classes@1"].values) == ["auc", "accuracy", "balanced_accuracy"]
    assert record.metrics["classes@1"].n == 21
    assert record.sections["finetuning"].facts["Depth"].startswith("head: ")
    assert run(["fit", "--config", "recipe.yaml", "--model.net.classes", "2", "--no_leaderboard"]) == 2
    assert "the data more: set model.net.classes 3" in capsys.readouterr().err
