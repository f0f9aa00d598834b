"""Small nets that take feedback, frames whose red channel is their mask, and a fit of them: for several tests."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.augment import Policy
from polybench.augment.geometry import HorizontalFlip, Rotate90, Transpose
from polybench.augment.operations import Step
from polybench.callbacks import AtomicCheckpointIO, ResumeCallback
from polybench.datasets import ClinicDBDataModule
from polybench.methods.feedback.task import FeedbackSegmentationTask
from polybench.models.fanet import FANetLoss
from tests.conftest import write_split

TURNS = Policy("turns", [(Step(HorizontalFlip(), 0.5), Step(Transpose(), 0.3), Step(Rotate90(), 0.7))])
TRAINED = [str(k) for k in range(1, 7)]
"""The training images of `write_red_frames`."""

QUIET: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
QUIET |= {"enable_checkpointing": False, "accelerator": "cpu", "num_sanity_val_steps": 0}


def write_red_frames(folder: Path, n: int = 12, side: int = 32) -> Path:
    """Write n frames in CVC-ClinicDB's layout: red where their own mask is, and noise in the other channels."""
    frames = folder / "CVC-ClinicDB"
    (frames / "Original").mkdir(parents=True)
    (frames / "Ground Truth").mkdir()
    for k in range(1, n + 1):
        random = np.random.default_rng(k)
        mask = np.zeros((side, side), np.uint8)
        top, left = random.integers(0, side // 2, 2)
        mask[top : top + random.integers(5, side // 2), left : left + random.integers(5, side // 2)] = 255
        image = random.integers(0, 60, (side, side, 3), np.uint8)
        image[..., 0] = mask
        Image.fromarray(image).save(frames / "Original" / f"{k}.tif")
        Image.fromarray(mask).save(frames / "Ground Truth" / f"{k}.tif")
    write_split(folder / "split.csv", n)
    return folder


def masks_of(root: Path, ids: Sequence[str]) -> Tensor:
    """The masks (N, 1, H, W), boolean, of frames at their own size."""
    paths = [root / "CVC-ClinicDB" / "Ground Truth" / f"{name}.tif" for name in ids]
    return torch.from_numpy(np.stack([np.array(Image.open(path)) for path in paths]) > 0)[:, None]


class SeesRed(nn.Module):
    """Predicts what is red; `sign` turns that round. Notes the masks that it is shown in training."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))
        self.sign = 1.0
        self.shown: list[Tensor] = []

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor:
        if self.training and feedback is not None:
            self.shown.append(feedback.clone())
        return (images[:, :1] - 0.5) * self.scale * self.sign


class Learns(nn.Module):
    """Two convolutions of image and mask, without batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 1, 3, padding=1))

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor:
        mask = torch.zeros_like(images[:, :1]) if feedback is None else feedback.to(images.dtype)
        return self.layers(torch.cat([images, mask], 1))  # type: ignore[no-any-return]


class Grows(nn.Module):
    """Predicts the mask that it is shown and the pixels around it."""

    def forward(self, images: Tensor, feedback: Tensor) -> Tensor:
        return F.max_pool2d(feedback.float(), 3, stride=1, padding=1) * 2 - 1


class TurnsRound(nn.Module):
    """Predicts the opposite of the mask that it is shown."""

    def forward(self, images: Tensor, feedback: Tensor) -> Tensor:
        return 1 - feedback.float() * 2


class Diary(Callback):
    """Notes ids, epochs and masks of what is trained on, and the bank in each epoch; leaves a checkpoint if told to."""

    def __init__(self, stop: tuple[int, int, str] | None = None, path: Path | None = None) -> None:
        self.stop, self.path = stop, path
        self.seen: list[tuple[int, list[str], Tensor]] = []
        self.banks: dict[int, dict[str, Any]] = {}

    def _maybe(self, trainer: Trainer, batch_idx: int, moment: str) -> None:
        if self.path is not None and (trainer.current_epoch, batch_idx, moment) == self.stop:
            trainer.save_checkpoint(self.path)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._maybe(trainer, batch_idx, "start")
        self.seen.append((trainer.current_epoch, batch["id"], batch["mask"].clone()))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.banks[trainer.current_epoch] = dict(pl_module.bank.masks)  # type: ignore[union-attr,arg-type]
        self._maybe(trainer, batch_idx, "end")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._maybe(trainer, -1, "validated")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._maybe(trainer, -1, "epoch")


def fit(
    root: Path,
    net: nn.Module,
    *callbacks: Callback,
    epochs: int = 3,
    rate: float = 0.0,
    checkpoint: Path | None = None,
    data: dict[str, Any] | None = None,
    augment: str | Policy = "none",
    **options: Any,
) -> FeedbackSegmentationTask:
    """Train on the frames of a folder, at 32x32."""
    seed_everything(0, verbose=False)
    optimizer: Callable[..., torch.optim.Optimizer] = lambda parameters: torch.optim.Adam(parameters, rate)  # noqa: E731
    task = FeedbackSegmentationTask(net, FANetLoss(), optimizer, **options)
    module = ClinicDBDataModule(
        str(root),
        (32, 32),
        str(root / "split.csv"),
        **{"batch_size": 2, "eval_batch_size": 4, "augment": augment, **(data or {})},
    )
    trainer = Trainer(
        max_epochs=epochs,
        callbacks=[ResumeCallback(), *callbacks],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=root,
        **QUIET,
    )
    trainer.fit(task, datamodule=module, ckpt_path=checkpoint)
    return task


def in_their_frame(diary: Diary, net: SeesRed, first_epoch: int = 1) -> list[bool]:
    """For each sample from the second epoch on, whether it was shown its own mask, as its image was moved."""
    assert len(diary.seen) == len(net.shown)
    found: list[bool] = []
    for (epoch, _, masks), shown in zip(diary.seen, net.shown, strict=True):
        if epoch >= first_epoch:
            found += [torch.equal(mask > 0, own) for mask, own in zip(masks, shown, strict=True)]
    return found


class BankRecorder(Callback):
    """Writes `<folder>/<rank>-<epoch>.pt`: the masks of the bank in each epoch, by id."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder.mkdir(exist_ok=True)
        bank: Any = pl_module.bank
        state = {name: bank.get([name])[0, 0] for name in sorted(bank.masks)}
        torch.save(state, self.folder / f"{trainer.global_rank}-{trainer.current_epoch}.pt")
