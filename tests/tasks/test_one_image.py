"""Nets that can't be trained on batches of one image are refused, and only those."""

import pytest
import segmentation_models_pytorch as smp
import torch
from golden.classes import NETS
from torch import nn

from polybench import models
from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from polybench.tasks.one_image import refuse_one_image

LIBRARY = {"encoder_name": "tu-test_resnet", "encoder_weights": None}
MEANS = [models.DoubleUNet(**NETS["DoubleUNet"]["narrow"]), smp.DeepLabV3Plus(**LIBRARY)]


@pytest.mark.parametrize("net", MEANS, ids=lambda net: type(net).__name__)
def test_a_net_that_normalises_a_mean_is_refused_as_its_training_fails(net: nn.Module) -> None:
    task = SegmentationTask(net, BCEDiceLoss())
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        net.train()(torch.rand(1, 3, 64, 64))
    with pytest.raises(ConfigError, match=f"{type(net).__name__} can't be trained on batches of one image of 64x64"):
        refuse_one_image(task, (64, 64), 1)
    refuse_one_image(task, (64, 64), 2)


@pytest.mark.parametrize("name", ["UNet", "SANet", "UACANet"])
def test_other_nets_are_refused_only_where_the_deepest_map_has_one_place(name: str) -> None:
    task = SegmentationTask(getattr(models, name)(**next(iter(NETS[name].values()))), BCEDiceLoss())
    refuse_one_image(task, (64, 64), 1)
    side = 16 if name == "UNet" else 32
    with pytest.raises(ConfigError, match="batches of one image"):
        refuse_one_image(task, (side, side), 1)
