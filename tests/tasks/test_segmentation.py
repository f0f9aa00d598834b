from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.cli import ReduceLROnPlateau
from torch import Tensor, nn
from torch.utils.data import DataLoader

from polybench.core.errors import ConfigError
from polybench.data.sample import Batch
from polybench.losses import BCEDiceLoss
from polybench.metrics.protocols import EFEN, FANET, FOV, PER_IMAGE, POOLED
from polybench.tasks import SegmentationTask
from polybench.tasks.outputs import foreground_logits

QUIET = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}


class Constant(nn.Module):
    """Gives the outputs it was made with, scaled by a parameter."""

    def __init__(self, *outputs: Tensor) -> None:
        super().__init__()
        self.outputs = outputs
        self.scale = nn.Parameter(torch.ones(()))
        self.seen: Tensor | None = None

    def forward(self, images: Tensor) -> list[Tensor]:
        self.seen = images
        return [output * self.scale for output in self.outputs]


def batch(n: int = 2) -> Batch:
    image = torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    mask = (image[:, :1] > 0.5).float()
    return {
        "image": image,
        "mask": mask,
        "valid": torch.ones_like(mask),
        "id": [str(k) for k in range(n)],
        "group": ["g"] * n,
        "to_native": torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]).repeat(n, 1, 1),
        "native_mask": list(mask),
        "native_valid": list(torch.ones_like(mask)),
    }


def test_input_isnormalised() -> None:
    net = Constant(torch.zeros(2, 1, 8, 8))
    SegmentationTask(net, BCEDiceLoss(), mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 1.0))(torch.ones(2, 3, 8, 8))
    assert net.seen is not None
    assert net.seen[0, :, 0, 0].tolist() == [2.0, 1.0, 0.5]


def test_channels_last_reaches_the_net() -> None:
    net = Constant(torch.zeros(2, 1, 8, 8))
    SegmentationTask(net, BCEDiceLoss(), channels_last=True)(batch()["image"])
    assert net.seen is not None
    assert net.seen.is_contiguous(memory_format=torch.channels_last)


def test_two_channels_are_read_as_a_softmax() -> None:
    logits = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    found = torch.sigmoid(foreground_logits(logits, (8, 8)))
    torch.testing.assert_close(found, logits.softmax(1)[:, 1:])


def test_more_than_two_channels_are_refused() -> None:
    with pytest.raises(ConfigError, match="not 3"):
        foreground_logits(torch.zeros(1, 3, 8, 8), (8, 8))


def test_losses_of_deep_supervision_are_summed_at_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    fine, coarse = torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 4, 4)
    task = SegmentationTask(Constant(fine, coarse), BCEDiceLoss())
    monkeypatch.setattr(task, "log", lambda *args, **kwargs: None)
    data = batch()
    expected = sum(BCEDiceLoss()(x.expand(2, 1, 8, 8), data["mask"], data["valid"]) for x in (fine, torch.ones(1)))
    torch.testing.assert_close(task.training_step(data, 0).detach(), expected)


def test_evaluation_reads_the_finest_output() -> None:
    fine, coarse = torch.full((2, 1, 8, 8), 3.0), torch.zeros(2, 1, 4, 4)
    assert SegmentationTask(Constant(fine, coarse), BCEDiceLoss())(batch()["image"]).unique().tolist() == [3.0]


def test_validation_dice_is_the_mean_over_images(monkeypatch: pytest.MonkeyPatch) -> None:
    data = batch()
    perfect, nothing = data["mask"][0] * 200 - 100, torch.full((1, 8, 8), -100.0)
    task = SegmentationTask(Constant(torch.stack([perfect, nothing])), BCEDiceLoss())
    task.trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    logged: dict[str, object] = {}
    monkeypatch.setattr(task, "log", lambda name, value, **kwargs: logged.update({name: value}))
    task.validation_step(data, 0)
    task.on_validation_epoch_end()
    assert logged["val/dice"] == 0.5


class Extra(LightningDataModule):
    """A data module that asks for one protocol more."""

    size = (8, 8)
    extra_protocols = (replace(POOLED, name="extra"),)
    ranked_by = PER_IMAGE

    def test_dataloader(self) -> DataLoader[Batch]:
        return DataLoader([batch()], batch_size=None)  # type: ignore[arg-type]

    val_dataloader = train_dataloader = test_dataloader


class Half(nn.Conv2d):
    """Finds nothing in the first image and everything in all others."""

    def __init__(self) -> None:
        super().__init__(3, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        found = torch.arange(len(images), device=images.device).view(-1, 1, 1, 1) > 0
        return super().forward(images) * 1e-6 + torch.where(found, 9.0, -9.0)


class Vessels(Extra):
    """A data module that is ranked inside its field of view."""

    ranked_by = FOV


def numbers_of(method: str, data: type[Extra] = Extra) -> dict[str, float]:
    """What a method of the trainer logs."""
    trainer = Trainer(max_epochs=1, logger=False, enable_checkpointing=False, accelerator="cpu", **QUIET)
    task = SegmentationTask(Half(), BCEDiceLoss(), torch.optim.SGD)
    getattr(trainer, method)(task, datamodule=data())
    return {name: float(value) for name, value in trainer.logged_metrics.items()}


@pytest.mark.parametrize(("method", "subset"), [("test", "test"), ("validate", "val")])
def test_evaluation_logs_per_image_first_and_every_protocol_below_its_name(method: str, subset: str) -> None:
    logged = numbers_of(method)
    # The first image's object is missed, of the second one p of 64 pixels are object and all are found.
    p, q = (int((image > 0.5).sum()) for image in batch()["mask"])
    assert logged[f"{subset}/dice"] == pytest.approx(q / (q + 64))
    assert logged[f"{subset}/pooled/dice"] == pytest.approx(2 * q / (2 * q + p + 64 - q))
    assert logged[f"{subset}/extra/dice"] == logged[f"{subset}/pooled/dice"]
    assert {f"{subset}/{protocol.name}/iou" for protocol in (FANET, EFEN, FOV)} <= set(logged)
    assert f"{subset}/pranet/max_dice" in logged
    assert not any("per_image" in name for name in logged)


def test_training_logs_per_image_alone() -> None:
    logged = numbers_of("fit")
    assert logged["val/dice"] == numbers_of("validate")["val/dice"]
    assert not any(name.count("/") > 1 for name in logged)


def test_training_logs_what_ranks_the_dataset_too() -> None:
    logged = numbers_of("fit", Vessels)
    assert logged["val/fov/dice"] == numbers_of("validate", Vessels)["val/fov/dice"]
    assert "val/dice" in logged


@pytest.mark.parametrize("scheduled", [False, True])
def test_plateau_says_what_it_watches(scheduled: bool) -> None:
    def plateau(optimizer: torch.optim.Optimizer) -> ReduceLROnPlateau:
        return ReduceLROnPlateau(optimizer, monitor="val/loss", patience=20)

    scheduler: Callable[[torch.optim.Optimizer], ReduceLROnPlateau] | None = plateau if scheduled else None
    made = SegmentationTask(Constant(), BCEDiceLoss(), torch.optim.SGD, scheduler).configure_optimizers()
    if scheduled:
        assert made["lr_scheduler"]["monitor"] == "val/loss"
    else:
        assert isinstance(made, torch.optim.SGD)
