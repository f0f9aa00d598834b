"""Losses of terms, losses of logits, and what either is refused for."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import torch
from kornia.losses import BinaryFocalLossWithLogits
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.data.sample import Batch
from polybench.losses import BCEDiceLoss
from polybench.models.fanet import FANetLoss
from polybench.tasks import SegmentationTask
from polybench.tasks.criterion import form_of, loss_terms
from tests.tasks.named_outputs import AreaAndEdges, TwoHeads, batch, fit

LOGITS = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))


class Plain(nn.Module):
    """A loss with an option that is no field of view."""

    def forward(self, pred: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
        return F.binary_cross_entropy_with_logits(pred, target, reduction=reduction)


class InView(nn.Module):
    """A loss whose field of view isn't its third parameter."""

    def forward(self, logits: Tensor, mask: Tensor, weight: float = 1.0, *, valid: Tensor) -> Tensor:
        return weight * (logits * valid).sum() / mask.numel()


class Needs(nn.Module):
    def forward(self, logits: Tensor, mask: Tensor, distance: Tensor) -> Tensor:
        return logits.sum()


class Gives(nn.Module):
    """Gives what it was told to."""

    def __init__(self, make: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.make = make

    def forward(self, outputs: Tensor, batch: Batch) -> Any:
        return self.make(outputs)


class GivesMapping(nn.Module):
    def forward(self, logits: Tensor, mask: Tensor) -> Mapping[str, Tensor]:
        return {"a": logits.sum()}


@pytest.mark.parametrize(
    ("loss", "form"),
    [
        (AreaAndEdges(), "terms"),
        (BCEDiceLoss(), "valid"),
        (FANetLoss(), "valid"),
        (InView(), "valid"),
        (Plain(), "plain"),
        (nn.BCEWithLogitsLoss(), "plain"),
        (smp.losses.DiceLoss("binary"), "plain"),
        (smp.losses.SoftBCEWithLogitsLoss(), "plain"),
        (smp.losses.TverskyLoss("binary"), "plain"),
        (BinaryFocalLossWithLogits(0.25), "plain"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_loss_is_called_by_the_names_of_its_parameters(loss: nn.Module, form: str) -> None:
    assert form_of(loss) == form


def test_a_third_parameter_that_is_no_field_of_view_keeps_its_default() -> None:
    found = loss_terms(Plain(), "plain", LOGITS, batch()).total
    torch.testing.assert_close(found, F.binary_cross_entropy_with_logits(LOGITS, batch()["mask"]))


def test_the_field_of_view_is_given_by_name() -> None:
    data = batch()
    data["valid"] = torch.zeros_like(data["mask"])
    assert loss_terms(InView(), "valid", LOGITS, data).total == 0


def test_a_loss_that_needs_something_else_is_refused_when_the_task_is_made() -> None:
    with pytest.raises(ConfigError, match=r"Needs\.forward\(logits, mask, distance\) can't be called.*'distance'"):
        SegmentationTask(nn.Conv2d(3, 1, 1), Needs())


def test_the_sum_of_the_terms_is_optimised() -> None:
    task = SegmentationTask(TwoHeads(), AreaAndEdges())
    data = batch()
    outputs = task.net(task.normalised(data["image"]))
    logits = F.interpolate(outputs["logits"], size=(8, 8), mode="bilinear", align_corners=False)
    area = F.binary_cross_entropy_with_logits(logits, data["mask"])
    edges = F.interpolate(outputs["edges"], size=(8, 8))
    error = 0.5 * (edges - data["mask"]).square().mean()
    terms = task.batch_terms(task.batch_outputs(data), data)
    torch.testing.assert_close(dict(terms.named), {"area": area, "edge_error": error})
    torch.testing.assert_close(terms.total, area + error)


def test_terms_are_logged_in_training_and_validation(data_root: Path) -> None:
    logged = fit(data_root, SegmentationTask(TwoHeads(), AreaAndEdges())).callback_metrics
    for subset in ("train", "val"):
        total = logged[f"{subset}/area"] + logged[f"{subset}/edge_error"]
        assert float(total) == pytest.approx(float(logged[f"{subset}/loss"]), rel=1e-5)


def test_a_plain_loss_logs_no_terms(data_root: Path) -> None:
    logged = fit(data_root, SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss())).callback_metrics
    losses = {name for name in logged if name.startswith(("train/", "val/loss"))}
    assert losses == {"train/loss", "train/loss_step", "train/loss_epoch", "val/loss"}


def test_means_of_validation_count_images(data_root: Path) -> None:
    """Of two images in batches of 2 and of 1: a mean over images either way."""
    found = []
    for size in (1, 2):
        torch.manual_seed(0)
        task = SegmentationTask(TwoHeads(), AreaAndEdges(), partial(torch.optim.SGD, lr=0.0))
        trainer = fit(data_root, task, data={"eval_batch_size": size})
        found.append(float(trainer.callback_metrics["val/edge_error"]))
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda outputs: {}, "returns an empty mapping"),
        (lambda outputs: outputs.mean(), "returns Tensor: return a mapping"),
        (lambda outputs: {"a": outputs}, r"The term 'a' of Gives is a tensor of shape \(2, 1, 8, 8\), not a scalar"),
        (lambda outputs: {"a": 1.0}, "The term 'a' of Gives is float"),
        (lambda outputs: {"a/b": outputs.mean()}, "'a/b': use only letters"),
        (lambda outputs: {"dice": outputs.mean()}, "a term 'dice', but val/dice is taken"),
        (lambda outputs: {"loss": outputs.mean()}, "a term 'loss', but val/loss is taken"),
        (lambda outputs: {"a": outputs["edges"].mean()}, r"Gives can't be computed \(logits \(2, 1, 8, 8\), masks"),
    ],
    ids=["empty", "tensor", "map", "float", "slash", "metric", "loss", "missing"],
)
def test_a_loss_that_gives_no_terms_is_refused(make: Callable[[Any], Any], message: str) -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), Gives(make))
    with pytest.raises(ConfigError, match=message):
        task.training_step(batch(), 0)


def test_a_plain_loss_with_a_value_for_each_pixel_is_refused() -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), nn.BCEWithLogitsLoss(reduction="none"))
    with pytest.raises(
        ConfigError, match=r"BCEWithLogitsLoss returns a tensor of shape \(2, 1, 8, 8\).*reduction: mean"
    ):
        task.training_step(batch(), 0)


def test_a_plain_loss_with_terms_is_told_the_names_of_its_parameters() -> None:
    with pytest.raises(ConfigError, match=r"GivesMapping returns a mapping: name its parameters \(outputs, batch\)"):
        SegmentationTask(nn.Conv2d(3, 1, 1), GivesMapping()).training_step(batch(), 0)


def test_deep_supervision_reaches_a_loss_of_outputs_as_a_list() -> None:
    seen: list[Any] = []
    loss = Gives(lambda outputs: {"a": seen.append(outputs) or outputs[0].mean()})

    class Deep(nn.Module):
        def forward(self, images: Tensor) -> list[Tensor]:
            return [images[:, :1], images[:, :2, ::2, ::2]]

    SegmentationTask(Deep(), loss).training_step(batch(), 0)
    assert [tuple(one.shape) for one in seen[0]] == [(2, 1, 8, 8), (2, 1, 8, 8)]
