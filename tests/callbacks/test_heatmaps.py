import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.nn import functional as F

from polybench.callbacks import PreviewsCallback
from polybench.callbacks.heatmaps import draw_heat, stage_heat, tint, without_padding
from polybench.callbacks.overlays import GAP, LINE
from polybench.core.errors import ConfigError
from polybench.tasks import SegmentationTask


class TwoStages(nn.Module):
    """Passes the first channel on, then halves the size."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Identity(), nn.AvgPool2d(2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(images))


def test_heat_is_the_mean_magnitude_stretched() -> None:
    net, image = TwoStages(), torch.zeros(1, 2, 4, 4)
    image[0, 0, 1, 2], image[0, 1, 0, 0] = -4, 2  # magnitudes 4 / 2 and 2 / 2 of two channels
    heat = stage_heat(net, ("first", "second"), lambda: net(image))
    assert heat["first"][1, 2] == 1
    assert heat["first"][0, 0] == 0.5
    assert heat["first"].sum() == 1.5
    assert heat["second"].shape == (2, 2)
    assert not net.first._forward_hooks


def test_heat_of_padding_is_cut_off() -> None:
    heat = torch.tensor([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0], [9.0, 9.0]])
    found = without_padding(heat, (8, 4), (slice(2, 6), slice(0, 4)))
    expected = F.interpolate(heat[None, None], size=(8, 4), mode="bilinear", align_corners=False)[0, 0, 2:6]
    assert torch.equal(found, expected)
    assert without_padding(heat, (8, 4), (slice(0, 8), slice(0, 4))) is heat


def test_cold_pixels_are_darkened_and_hot_ones_shine() -> None:
    image = np.full((2, 2, 3), 100, np.uint8)
    shown = tint(image, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    assert (shown[:, 0] < 60).all()
    assert (shown[:, 1, 0] > 150).all()


def test_picture_has_the_image_and_every_stage() -> None:
    picture = draw_heat(np.zeros((288, 384, 3), dtype=np.uint8), {str(k): torch.zeros(5, 5) for k in range(8)})
    assert picture.size == (4 * 384 + 3 * GAP, 3 * (288 + LINE))


def test_net_without_named_stages_is_refused() -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), nn.BCEWithLogitsLoss())
    with pytest.raises(ConfigError, match="Conv2d names no stages"):
        PreviewsCallback(heatmaps=True).on_test_start(Trainer(accelerator="cpu", logger=False), task)
