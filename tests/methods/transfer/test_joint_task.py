"""The joint task: its loss is the sum of both, and nothing that has a gradient is frozen."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.methods.transfer import JointTask
from polybench.methods.transfer.joint_module import JointDataModule
from polybench.metrics import PER_IMAGE
from polybench.models import FCN16sAtrous, JointFCN16sAtrous

DRAWN = torch.Generator().manual_seed(0)
IMAGES, PATCHES = torch.rand(2, 3, 8, 8, generator=DRAWN), torch.rand(3, 3, 8, 8, generator=DRAWN)
MASKS = (torch.rand(2, 1, 8, 8, generator=DRAWN) > 0.5).float()
LABELS = torch.tensor([0, 1, 1])
PIXELS, CLASSES = torch.randn(2, 2, 8, 8, generator=DRAWN), torch.randn(3, 2, generator=DRAWN)
BATCH: Any = {
    "images": {"image": IMAGES, "mask": MASKS, "valid": torch.ones_like(MASKS), "id": ["a", "b"]},
    "patches": {"image": PATCHES, "label": LABELS, "id": ["a/p0", "b/n0", "b/n1"]},
}


class Constant(nn.Module):
    """Gives stored logits, and notes what it is shown."""

    shown: tuple[Tensor, Tensor]

    def segment_and_classify(self, images: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        self.shown = images, patches
        return PIXELS, CLASSES


class Tail(JointFCN16sAtrous):
    """Has a convolution that nothing reads."""

    def __init__(self) -> None:
        super().__init__("tu-test_resnet", None)
        self.tail = nn.Conv2d(3, 1, 1)


def logged(weight: float, **options: Any) -> tuple[dict[str, float], Constant]:
    """What a step logs, and its net."""
    net, values = Constant(), {}
    task = JointTask(net, nn.BCEWithLogitsLoss(), weight=weight, **options)
    task.log = lambda name, value, **rest: values.update({name: float(value)})  # type: ignore[method-assign]
    assert float(task.training_step(BATCH, 0)) == values["train/loss"]
    return values, net


def attached(net: nn.Module, data: object) -> JointTask:
    task = JointTask(net, nn.BCEWithLogitsLoss())
    task.trainer = SimpleNamespace(datamodule=data)  # type: ignore[assignment]
    return task


def joint_data() -> JointDataModule:
    """A joint module without images."""
    data = JointDataModule.__new__(JointDataModule)
    data.ranked_by, data.size = PER_IMAGE, (64, 64)
    return data


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_loss_is_the_weighted_sum_of_both_cross_entropies(weight: float) -> None:
    values, _ = logged(weight)
    segmentation = float(F.cross_entropy(PIXELS, MASKS[:, 0].long()))
    classification = float(F.cross_entropy(CLASSES, LABELS))
    assert values == pytest.approx(
        {
            "train/loss": segmentation + weight * classification,
            "train/segmentation_loss": segmentation,
            "train/classification_loss": classification,
        }
    )


def test_images_and_patches_are_normalised_alike() -> None:
    _, net = logged(1.0, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    torch.testing.assert_close(net.shown, (4 * IMAGES - 2, 4 * PATCHES - 2))


def test_only_what_no_gradient_reaches_is_frozen() -> None:
    task = attached(Tail(), joint_data())
    task.setup("fit")
    frozen = [name for name, parameter in task.net.named_parameters() if not parameter.requires_grad]
    assert frozen == ["tail.weight", "tail.bias"]


def test_net_with_one_head_is_refused() -> None:
    with pytest.raises(ConfigError, match="FCN16sAtrous has no head for patches: give it to SegmentationTask"):
        attached(FCN16sAtrous("tu-test_resnet", None), joint_data()).setup("fit")


def test_data_without_patches_are_refused_in_training_alone() -> None:
    data = SimpleNamespace(ranked_by=PER_IMAGE, extra_protocols=(), size=(64, 64))
    with pytest.raises(ConfigError, match=r"SimpleNamespace has one of them.*data\.images.*JointDataModule"):
        attached(Constant(), data).setup("fit")
    attached(Constant(), data).setup("test")


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan")])
def test_weight_that_is_not_positive_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="weight must be above 0"):
        JointTask(Constant(), nn.BCEWithLogitsLoss(), weight=weight)
