"""The worst test images are drawn as their files have them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torch import nn

from polybench.callbacks import PreviewsCallback
from polybench.callbacks.overlays import GAP, LINE, TRUE_POSITIVE
from polybench.core.errors import ConfigError
from polybench.datasets import ClinicDBDataModule
from polybench.datasets.folder import FolderDataModule
from polybench.metrics.protocols import FOV
from polybench.tasks import SegmentationTask


class Bright(nn.Module):
    """Predicts what is brighter than half."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(40.0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.scale * images.mean(dim=1, keepdim=True)


def test_pictures_show_the_files_at_their_size_worst_first(data_root: Path, tmp_path: Path) -> None:
    data = ClinicDBDataModule(root=str(data_root), split=str(data_root / "split.csv"), size=(32, 32))
    previews = PreviewsCallback(most=2)
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, default_root_dir=tmp_path, callbacks=[previews]
    )
    trainer.test(SegmentationTask(Bright(), nn.BCEWithLogitsLoss()), data, verbose=False)
    assert len(previews.paths) == 2
    names = [path.name for path in previews.paths]
    assert names == sorted(names)
    dice = [float(name.split("dice")[1][:5]) for name in names]
    assert dice == sorted(dice)
    scale, (height, width) = 6, (48, 64)  # of the frames
    picture = np.asarray(Image.open(previews.paths[0]))
    assert picture.shape == (scale * height + 2 * LINE, scale * 2 * width + GAP, 3)
    image_id = names[0].rpartition("-")[2].removesuffix(".png")
    np.testing.assert_array_equal(
        picture[: scale * height : scale, : scale * width : scale], data.native_image(image_id)
    )
    beside = picture[: scale * height : scale, scale * width + GAP :: scale]
    mask = np.asarray(Image.open(data_root / "CVC-ClinicDB" / "Ground Truth" / f"{image_id}.tif")) > 0
    middle = tuple(np.argwhere(mask).mean(axis=0).astype(int))
    expected = 0.45 * data.native_image(image_id)[middle] + 0.55 * np.array(TRUE_POSITIVE)
    np.testing.assert_allclose(beside[middle], expected, atol=1)


class InView(FolderDataModule):
    """Ranked inside the field of view, as DRIVE is."""

    ranked_by = FOV


def test_pictures_of_a_set_ranked_in_view_show_what_counts_there(tmp_path: Path) -> None:
    image, mask, valid = np.zeros((3, 64, 64), np.uint8)
    valid[:, :32] = mask[8:24, 8:24] = 255
    image[8:24, 8:24] = image[40:56, 40:56] = 255  # the object, and what is found outside the field of view
    mask[40:44, 50:54] = 255  # of an observer who drew there
    for folder, pixels in (("images", image), ("masks", mask), ("valid", valid)):
        (tmp_path / folder).mkdir()
        for stem in "abc":
            Image.fromarray(pixels).save(tmp_path / folder / f"{stem}.png")
    (tmp_path / "split.csv").write_text("id,subset,group\na,train,a\nb,val,b\nc,test,c\n")
    data = InView(root=str(tmp_path), split=str(tmp_path / "split.csv"), name="own", size=(64, 64))
    previews = PreviewsCallback()
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, default_root_dir=tmp_path, callbacks=[previews]
    )
    task = SegmentationTask(Bright(), nn.BCEWithLogitsLoss())
    task.mean.fill_(0.5)
    task.std.fill_(0.5)
    trainer.test(task, data, verbose=False)
    assert previews.paths[0].name == "01-dice1.000-c.png"  # all that is in view is right
    scale, width = 4, 64
    beside = np.asarray(Image.open(previews.paths[0]))[: scale * 64 : scale, scale * width + GAP :: scale][:, :64]
    changed = (beside != np.repeat(image[..., None], 3, axis=2)).any(axis=2)
    np.testing.assert_array_equal(changed, (mask > 0) & (valid > 0))


def test_a_negative_number_of_pictures_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--previews.most -1"):
        PreviewsCallback(most=-1)
