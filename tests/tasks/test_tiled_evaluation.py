"""Whole frames by tiles: every pixel once, as a pixelwise net predicts them whole; two processes as one."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from torch import Tensor, nn

from polybench.callbacks import AtomicCheckpointIO
from polybench.core.errors import ConfigError, DataError
from polybench.data.crops import Crop, Tiles
from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Batch
from polybench.datasets import FolderDataModule
from polybench.losses import BCEDiceLoss
from polybench.tasks import PatchClassificationTask, SegmentationTask
from polybench.tasks.tiled_evaluation import as_tiled_batch, evaluate_in_tiles, refuse_crops, tile_batches, tiles_of
from tests.data.crop_frames import write_round_frames
from tests.tasks.named_outputs import QUIET, AreaAndEdges, TwoHeads

CROP = Crop(16, per_image=2)


def frame(height: int, width: int, tiles: Tiles) -> Batch:
    """A batch of one random frame, to be predicted by tiles."""
    random = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, height, width, generator=random)
    mask = (image[:, :1] > 0.5).float()
    return Batch(
        image=image,
        mask=mask,
        valid=torch.ones_like(mask),
        id=["f"],
        group=["g"],
        position=[0],
        to_native=torch.eye(3)[None, :2].double(),
        native_mask=list(mask),
        native_valid=list(torch.ones_like(mask)),
        tiles=tiles,
    )


@pytest.mark.parametrize("size", [(16, 16), (16, 17), (37, 50), (7, 40), (5, 9)])
@pytest.mark.parametrize("overlap", [0, 4, 15])
def test_tiles_keep_every_pixel_of_a_frame_once(size: tuple[int, int], overlap: int) -> None:
    kept = np.zeros([max(side, 16) for side in size], np.int64)
    for down, across in tiles_of(size, Tiles(16, overlap, 1)):
        kept[down.first : down.last, across.first : across.last] += 1
        assert (down.stop - down.start, across.stop - across.start) == (16, 16)
        assert down.start <= down.first < down.last <= down.stop
        assert across.start <= across.first < across.last <= across.stop
    assert (kept == 1).all()


@pytest.mark.parametrize("size", [(37, 50), (16, 16), (9, 33)])
@pytest.mark.parametrize("together", [1, 4, 100])
def test_a_pixelwise_net_predicts_a_frame_as_it_is(size: tuple[int, int], together: int) -> None:
    net = nn.Conv2d(3, 1, 1)
    batch = frame(*size, Tiles(16, 6, together))
    with torch.no_grad():
        found = evaluate_in_tiles(batch, lambda tiles: net(tiles["image"])).logits
        torch.testing.assert_close(found, net(batch["image"]), rtol=0, atol=1e-6)


def test_tiles_of_a_batch_are_the_pixels_of_the_frame() -> None:
    batch = frame(20, 40, Tiles(16, 4, 3))
    parts = list(tile_batches(batch))
    assert [len(chosen) for chosen, _ in parts] == [3, 3]  # 2 rows of 3
    for chosen, tiles in parts:
        for row, (down, across) in enumerate(chosen):
            rows, columns = slice(down.start, down.stop), slice(across.start, across.stop)
            for name in ("image", "mask", "valid"):
                assert torch.equal(tiles[name][row], batch[name][0, :, rows, columns])


def test_an_image_smaller_than_a_tile_is_padded_with_its_last_pixels() -> None:
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    [(_, tiles)] = tile_batches(as_tiled_batch(image, Crop(8), 2, torch.device("cpu")))
    expected = np.pad(image, ((0, 3), (0, 1), (0, 0)), mode="edge")
    np.testing.assert_array_equal((255 * tiles["image"][0]).round().permute(1, 2, 0).byte(), expected)


def test_the_loss_of_a_frame_is_that_of_its_stitched_logits() -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss())
    batch = frame(21, 34, Tiles(16, 4, 2))
    whole = Batch(**{key: value for key, value in batch.items() if key != "tiles"})  # type: ignore[typeddict-item]
    found, expected = (task.evaluated(one, with_loss=True).terms for one in (batch, whole))
    assert found is not None
    assert expected is not None
    torch.testing.assert_close(found.total, expected.total)


def test_a_loss_of_further_outputs_is_the_mean_over_tiles() -> None:
    task = SegmentationTask(TwoHeads(), AreaAndEdges()).eval()
    batch = frame(16, 24, Tiles(16, 8, 1))
    found = task.evaluated(batch, with_loss=True).terms
    parts = [task.batch_terms(task.batch_outputs(tiles), tiles) for _, tiles in tile_batches(batch)]
    assert found is not None
    assert len(parts) == 2
    torch.testing.assert_close(found.total, (parts[0].total + parts[1].total) / 2)
    for name in ("area", "edge_error"):
        torch.testing.assert_close(found.named[name], (parts[0].named[name] + parts[1].named[name]) / 2)


class Recorded(nn.Module):
    """One 3x3 convolution; remembers the sizes of its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 1, 3, padding=1)
        self.seen: set[tuple[int, ...]] = set()

    def forward(self, images: Tensor) -> Tensor:
        self.seen.add(tuple(images.shape))
        logits: Tensor = self.convolution(images)
        return logits


def data_of(root: Path, **options: Any) -> SegmentationDataModule:
    arguments = {"batch_size": 2, "eval_batch_size": 4, "crop": CROP, "seed": 1, **options}
    return FolderDataModule(str(root), str(root / "split.csv"), **arguments)


def trained(root: Path, **options: Any) -> tuple[SegmentationTask, dict[str, float]]:
    """A task after an epoch of crops, and what it logged."""
    seed_everything(0, verbose=False)
    data = data_of(root, batch_size=options.pop("batch_size", 2), crop=options.pop("crop", CROP))
    loss = nn.BCEWithLogitsLoss()  # a mean over pixels, so that halves of a batch have the gradient of the whole
    task = SegmentationTask(Recorded(), loss, partial(torch.optim.SGD, lr=0.1))
    trainer = Trainer(max_epochs=1, default_root_dir=root, plugins=[AtomicCheckpointIO()], **{**QUIET, **options})
    trainer.fit(task, datamodule=data)
    return task, {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_round_frames(tmp_path / "frames")


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_fit_validates_whole_frames_and_predict_image_agrees(root: Path, scale: float) -> None:
    crop = Crop(16, scale=scale, per_image=2)
    task, logged = trained(root, crop=crop)
    assert {size[1:] for size in task.net.seen} == {(3, 16, 16)}  # type: ignore[union-attr]
    assert task.rows is not None
    assert list(task.rows.ids) == ["f4", "f5"]
    data = data_of(root, crop=crop)
    data.prepare_data()
    data.setup("validate")
    task.input_crop, task.tiles_together = crop, 4
    image, position = data.native_image("f4"), data.cache.position["f4"]
    probability = task.predict_image(image)
    assert probability.shape == image.shape[:2]
    mask, predicted = data.cache.native_mask(position) > 0, probability >= 0.5
    dice = 2 * (mask & predicted).sum() / (mask.sum() + predicted.sum())
    assert dice == pytest.approx(task.protocols[0].values(task.rows)["dice"][0])
    assert logged["val/loss"] > 0


def test_a_test_of_small_frames_is_refused(root: Path) -> None:
    data = data_of(root, crop=Crop(64))
    data.prepare_data()
    with pytest.raises(DataError, match=r"lower crop\.size to at most 48"):
        data.setup("test")


def test_tasks_that_predict_whole_images_refuse_crops(root: Path) -> None:
    task = PatchClassificationTask(nn.Conv2d(3, 1, 1))
    with pytest.raises(ConfigError, match=r"PatchClassificationTask takes no crops.*--data\.crop null"):
        refuse_crops(data_of(root), task)
    refuse_crops(data_of(root, crop=None), task)


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_do_what_one_does(root: Path) -> None:
    alone, expected = trained(root)
    together, found = trained(root, batch_size=2, devices=2, strategy="ddp_fork")
    for logged in (expected, found):
        assert logged.pop("train/loss_step") > 0  # of the last batch, of which either process has a half
    torch.testing.assert_close(dict(together.state_dict()), dict(alone.state_dict()), rtol=1e-5, atol=1e-6)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)
