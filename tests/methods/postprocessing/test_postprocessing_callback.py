"""Post-processing in a whole test, beside flips by hand and the CRF of each native map."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torch import Tensor, nn

from polybench.data.crops import Crop
from polybench.data.module import SegmentationDataModule
from polybench.datasets import ClinicDBDataModule
from polybench.losses import BCEDiceLoss
from polybench.methods.feedback.task import FeedbackSegmentationTask
from polybench.methods.postprocessing import PostprocessingCallback
from polybench.methods.postprocessing.crf import CRF
from polybench.metrics import Rows
from polybench.scoring.folder import StoredMap, stored_rows
from polybench.tasks import SegmentationTask
from polybench.tasks.images import as_input, at_native_size
from tests.conftest import write_frames, write_split

TESTED = ("9", "10", "11", "12")


class Lopsided(nn.Module):
    """Sees the pixels to the left and above, so that flips make a difference."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[:, :, 0, 0] = 4
            self.conv.bias.fill_(-6)  # type: ignore[union-attr]

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor:
        found: Tensor = self.conv(nn.functional.pad(images, (2, 0, 2, 0)))
        return found if feedback is None else found + feedback.float()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_frames(tmp_path / "CVC-ClinicDB")
    write_split(tmp_path / "split.csv")
    return tmp_path


def frames(root: Path, **options: Any) -> SegmentationDataModule:
    options = {"size": (24, 32), "eval_batch_size": 3, **options}
    return ClinicDBDataModule(root=str(root), split=str(root / "split.csv"), **options)


def segmentation() -> SegmentationTask:
    return SegmentationTask(Lopsided(), BCEDiceLoss(), mean=(0, 0, 0), std=(1, 1, 1)).eval()


def after_test(task: SegmentationTask, data: SegmentationDataModule, *steps: str) -> PostprocessingCallback:
    callback = PostprocessingCallback(steps, CRF())
    quiet: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    Trainer(accelerator="cpu", callbacks=[callback], **quiet).test(task, data, verbose=False)
    return callback


def mean_by_hand(image: np.ndarray) -> Tensor:
    """The mean over four flips of the pixels two to the left and two above, (1, 24, 32)."""
    shown = as_input(image, (24, 32))[0].sum(dim=0)
    found = []
    for axes in ((), (0,), (1,), (0, 1)):
        turned = torch.zeros(24, 32)
        turned[2:, 2:] = shown.flip(axes)[:-2, :-2]
        found.append(torch.sigmoid(4 * turned - 6).flip(axes))
    return torch.stack(found).mean(dim=0)[None]


def rows_by_hand(data: SegmentationDataModule, crf: bool) -> Rows:
    maps = []
    for name in sorted(TESTED):
        image, folder = data.native_image(name), Path(data.root) / "CVC-ClinicDB" / "Ground Truth"
        probability = at_native_size(mean_by_hand(image), image).numpy()
        found = CRF().infer(image, probability) if crf else probability
        maps.append(StoredMap(name, name, found.astype(np.float32), truth_of(folder / f"{name}.tif"), None))
    return stored_rows(maps)


def truth_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)) > 127


def test_rows_are_those_of_flips_and_of_the_crf_after_them(root: Path) -> None:
    data, task = frames(root), segmentation()
    callback = after_test(task, data, "flips", "crf")
    assert list(callback.rows) == ["flips", "crf"]
    for step, crf in (("flips", False), ("crf", True)):
        expected = rows_by_hand(data, crf)
        found = callback.rows[step]
        assert found.ids == expected.ids
        np.testing.assert_array_equal(found.columns["counts"], expected.columns["counts"])
    assert isinstance(task.rows, Rows)
    before, flips, crf_after = (rows.columns["counts"].sum(axis=0) for rows in (task.rows, *callback.rows.values()))
    assert (before != flips).any()
    assert crf_after[0] > flips[0]  # the disc is where its colour is
    assert crf_after[1:3].sum() < flips[1:3].sum()
    assert [one.image for one in callback.changed] == sorted(TESTED)
    assert all(one.pixels == 48 * 64 for one in callback.changed)


def test_a_frame_by_tiles_is_flipped_as_a_whole(root: Path) -> None:
    """The net looks less far than half of the overlap, so that tiles and whole frames agree."""
    whole = after_test(segmentation(), frames(root, size=(48, 64)), "flips")
    tiled = after_test(segmentation(), frames(root, crop=Crop(32, overlap=16)), "flips")
    np.testing.assert_array_equal(tiled.rows["flips"].columns["counts"], whole.rows["flips"].columns["counts"])


def test_flips_leave_the_rows_of_a_feedback_net_alone(root: Path) -> None:
    task, plain = (FeedbackSegmentationTask(Lopsided(), BCEDiceLoss()) for _ in range(2))
    callback = after_test(task, frames(root), "flips")
    after_test(plain, frames(root))
    assert task.curve is not None
    assert plain.curve is not None
    assert task.sections()["feedback"] == plain.sections()["feedback"]
    assert callback.rows["flips"].ids == sorted(TESTED)
