"""Interfaces: what a folder of regions holds, patches around pixels, tracing, and a whole run with its section."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torch import nn

from polybench.cli.main import run
from polybench.core.errors import ConfigError, DataError
from polybench.core.trainer import attributes_of
from polybench.methods.finetuning import InterfaceDataModule, InterfaceTask
from polybench.methods.finetuning.patches_of_regions import items_of, padded, patch_at, patches_of, resized
from polybench.methods.finetuning.regions import read_regions
from polybench.methods.finetuning.tracing import distances, traced
from polybench.results.record import Record
from polybench.synth.dataset import write_intima_media

REGIONS = ["image,subject,subset,top,left,height,width", "a,s1,train,2,3,10,4", "b,s2,test,2,3,10,4"]
INTERFACES = ["image,column,upper,lower", "a,3,4,9", "a,4,5,9", "a,5,5,9", "a,6,5,9"]
INTERFACES += ["b,3,4,8.5", "b,4,5,9", "b,5,5,9", "b,6,5,9"]


def write(root: Path, regions: list[str] = REGIONS, interfaces: list[str] = INTERFACES) -> Path:
    (root / "images").mkdir(parents=True)
    for name in ("a", "b"):
        pixels = np.arange(16 * 8, dtype=np.uint8).reshape(16, 8)
        Image.fromarray(pixels).save(root / "images" / f"{name}.png")
    (root / "regions.csv").write_text("\n".join(regions) + "\n")
    (root / "interfaces.csv").write_text("\n".join(interfaces) + "\n")
    return root


def test_tables_are_regions(tmp_path: Path) -> None:
    found = read_regions(write(tmp_path))
    assert found.interfaces == ("upper", "lower")
    assert [(one.image, one.subject, one.width) for one in found.of("test")] == [("b", "s2", 4)]
    assert found.regions[1].rows.tolist() == [[4.0, 5.0, 5.0, 5.0], [8.5, 9.0, 9.0, 9.0]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a,3,4,9", "a,7,4,9", "has no line for column 3 of 'a'"),
        ("a,3,4,9", "a,3,9,4", "lies above the one before it"),
        ("a,3,4,9", "a,3,1,9", "leaves its region"),
        ("a,3,4,9", "a,3,x,9", "a cell that is no number"),
        ("image,column,upper,lower", "image,row,upper,lower", "lacks the column column"),
        ("a,s1,train,2,3,10,4", "a,s1,train,2,3,10,3", "is no part of an image, or smaller than 4 pixels"),
        ("a,s1,train,2,3,10,4", "a,s1,training,2,3,10,4", "has the subset 'training'"),
        ("a,s1,train,2,3,10,4", "c,s1,train,2,3,10,4", "has no line for column 3 of 'c'"),
        ("b,s2,test,2,3,10,4", "b,s2,train,2,3,10,4", "no region of the subset 'test'"),
        ("b,s2,test,2,3,10,4", "a,s2,test,2,3,10,4", "has the image 'a' more than once"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(old: str, new: str, message: str, tmp_path: Path) -> None:
    regions, interfaces = ([new if line == old else line for line in lines] for lines in (REGIONS, INTERFACES))
    with pytest.raises(DataError, match=message):
        read_regions(write(tmp_path, regions, interfaces))


def test_a_folder_that_is_not_there_is_refused_with_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="polybench data synth intima_media"):
        InterfaceDataModule(str(tmp_path))


def test_items_are_interface_pixels_and_others_far_from_them(tmp_path: Path) -> None:
    (region, _) = read_regions(write(tmp_path)).regions
    items = items_of(region, ("upper", "lower"), patch=4, far=2.0, background=None)
    assert Counter(item.label for item in items) == {0: 4, 1: 4, 2: 4}
    assert [item.box for item in items if item.label == 1][:2] == [(2, 1, 6, 5), (3, 2, 7, 6)]
    for item in items:
        if item.label == 0:
            assert item.box is not None
            row, place = item.box[0] + 2, item.box[1] + 2 - 3
            assert np.abs(row - region.rows[:, place]).min() >= 2
    with pytest.raises(DataError, match=r"lower data\.far or data\.background"):
        items_of(region, ("upper", "lower"), patch=4, far=9.0, background=None)


def test_patches_lie_around_their_pixels(tmp_path: Path) -> None:
    (region, _) = read_regions(write(tmp_path)).regions
    image = np.repeat(np.arange(16 * 8, dtype=np.uint8).reshape(16, 8, 1), 3, axis=2)
    around = padded(image, 4)
    assert patch_at(around, 5, 3, 4)[2, 2, 0] == image[5, 3, 0]
    assert np.array_equal(patch_at(around, 5, 3, 4), image[3:7, 1:5])
    found = np.concatenate(list(patches_of(around, region, 4, 7)))
    assert found.shape == (40, 4, 4, 3)
    assert found[:, 2, 2, 0].reshape(10, 4).tolist() == image[2:12, 3:7, 0].tolist()
    assert resized(torch.rand(2, 3, 4, 4), (6, 6)).shape == (2, 3, 6, 6)


def test_contours_lie_nearer_than_the_steps_of_noisy_maxima() -> None:
    columns, random = np.arange(60), np.random.default_rng(0)
    truth = np.stack([12 + 3 * np.sin(columns / 12), 26 + 2 * np.cos(columns / 15)])
    apart = np.arange(40)[None, :, None] - truth[:, None]
    maps = np.exp(-(apart**2) / 8) + 0.25 * random.standard_normal(apart.shape)
    found = traced(maps)
    assert found.maxima.tolist() == maps.argmax(axis=1).tolist()
    steps, smooth = distances(found.maxima, truth), distances(found.contours, truth)
    assert (smooth < 0.6 * steps).all()
    assert (smooth < 0.8).all()


class Oracle(nn.Module):
    """Reads the class of a patch from the grey level of its middle pixel: 0, 100 or 200."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        middle = images[:, 0, images.shape[2] // 2, images.shape[3] // 2] * 2.55
        return 20 * nn.functional.one_hot(middle.round().long(), 3).float()


def test_a_perfect_classifier_finds_every_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path / "set")
    for region in read_regions(root).regions:
        pixels = np.zeros((16, 8), np.uint8)
        for place, (upper, lower) in enumerate(np.rint(region.rows).astype(int).T):
            pixels[upper, region.left + place], pixels[lower, region.left + place] = 100, 200
        Image.fromarray(pixels).save(region.path)
    data = InterfaceDataModule(str(root), patch=4, size=4, far=1.0, validation=None, eval_batch_size=6)
    task = InterfaceTask(Oracle(), mean=(0, 0, 0), std=(1, 1, 1))
    (region,) = data.known.of("test")
    data._images[region.image] = padded(np.array(Image.open(region.path).convert("RGB")), 4)
    monkeypatch.setattr(InterfaceTask, "data", data)
    found = task.trace(region)
    assert found.maxima.tolist() == [[4.0, 5.0, 5.0, 5.0], [8.0, 9.0, 9.0, 9.0]]


RECIPE = """
name: tiny
budget: smoke
data: {class_path: InterfaceDataModule, init_args: {patch: 8, size: 32, batch_size: 8}}
model:
  class_path: InterfaceTask
  init_args:
    net:
      class_path: polybench.models.PatchClassifier
      init_args: {encoder: tu-test_efficientnet, encoder_weights: null, classes: 3}
    optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.01, momentum: 0.9}}
    parameter_groups: {class_path: LayerwiseTuning, init_args: {depth: scratch}}
checkpoint: {monitor: val/auc, mode: max}
trainer:
  max_epochs: 1
  accelerator: cpu
  enable_progress_bar: false
  callbacks: [{class_path: polybench.methods.finetuning.Snapshots}]
"""


def test_interfaces_are_traced_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_intima_media(tmp_path, n=8, size=(64, 64))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    words = ["fit", "--config", "recipe.yaml", "--data.root", ".", "--trainer.default_root_dir", "run"]
    assert run(words) == 0, capsys.readouterr().err
    record = Record.from_json((tmp_path / "run" / "record.json").read_text(), tmp_path / "run" / "record.json")
    assert record.dataset.name == "intima_media"
    assert record.dataset.copy == "generated images"
    section = record.sections["interfaces"]
    assert [row["interface"] for row in section.rows] == ["lumen-intima", "media-adventitia"]
    assert section.data["subjects"] == ["s001", "s001", "s003", "s003"]
    lines = (tmp_path / "run" / "interfaces.csv").read_text().splitlines()
    truth = {one.image: one.rows for one in read_regions(tmp_path / "intima_media").of("test")}
    found = np.array([line.split(",")[2:] for line in lines[1:] if line.startswith("s003_1")], float).T
    errors = section.data["errors"]
    assert isinstance(errors, dict)
    expected = np.abs(found - truth["s003_1"]).mean(axis=1)
    assert [errors[name][3] for name in ("lumen_intima", "media_adventitia")] == pytest.approx(expected, abs=1e-3)
    snapshots = record.sections["finetuning"].data["snapshots"]
    assert isinstance(snapshots, list)
    assert [point[0] for point in snapshots] == [1, 2, 5, 10, 20]
    assert (tmp_path / "run" / "interfaces.png").stat().st_size > 10_000


def test_other_data_are_refused() -> None:
    task = InterfaceTask(Oracle())
    task.trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    attributes_of(task.trainer).datamodule = None
    with pytest.raises(ConfigError, match="InterfaceTask needs --data InterfaceDataModule"):
        task.setup("fit")
