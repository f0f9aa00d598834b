import re

import numpy as np
import pytest
import torch
from torch import nn

from polybench.core.errors import ConfigError
from polybench.models import EFEN
from polybench.models.fcn16s import FCN16sAtrous
from polybench.tasks.images import as_input
from polybench.tasks.stride import stride_of
from polybench.tasks.tiles import Predict, Seams, Span, Tiling, predict_in_tiles

RANDOM = np.random.default_rng(0)


class Local(nn.Module):
    """Looks 11 pixels to each side, on a grid of every second pixel, as a U-Net of two levels does."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2))
        self.deep = nn.Sequential(nn.Conv2d(4, 4, 5, padding=2), nn.Tanh(), nn.Conv2d(4, 4, 5, padding=2))
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, 1, 3, padding=1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.up(self.deep(self.down(images)))


class Global(Local):
    """Adds the mean of the whole image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) + images.mean((1, 2, 3), keepdim=True)


def predictor(net: nn.Module) -> Predict:
    net = net.double()

    def predict(image: np.ndarray) -> torch.Tensor:
        with torch.no_grad():
            return torch.sigmoid(net(as_input(image, None).double()))[0, 0]

    return predict


def tiled(predict: Predict, image: np.ndarray, tiling: Tiling) -> tuple[np.ndarray, Seams]:
    seams = Seams()
    return torch.cat(list(predict_in_tiles(predict, image, tiling, seams))).numpy(), seams


def net_of(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind()


@pytest.mark.parametrize("size", [(64, 64), (62, 90), (40, 34), (36, 128), (20, 70), (8, 6)])
def test_tiles_give_what_the_whole_image_gives(size: tuple[int, int]) -> None:
    predict, image = predictor(net_of(Local)), RANDOM.integers(0, 256, (*size, 3), dtype=np.uint8)
    found, seams = tiled(predict, image, Tiling(32, 24, stride=2))
    np.testing.assert_allclose(found, predict(image).numpy(), rtol=0, atol=1e-12)
    assert seams.largest < 1e-12


def test_sides_that_are_no_multiples_of_the_stride_are_continued_by_their_last_pixels() -> None:
    predict, image = predictor(net_of(Local)), RANDOM.integers(0, 256, (51, 45, 3), dtype=np.uint8)
    whole = predict(np.pad(image, ((0, 1), (0, 1), (0, 0)), mode="edge"))[:51, :45]
    found, _ = tiled(predict, image, Tiling(32, 24, stride=2))
    np.testing.assert_allclose(found, whole.numpy(), rtol=0, atol=1e-12)


def test_too_little_overlap_is_seen_along_the_seams() -> None:
    predict, image = predictor(net_of(Local)), RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    found, seams = tiled(predict, image, Tiling(32, 4, stride=2))
    assert seams.largest > 1e-4
    assert np.abs(found - predict(image).numpy()).max() > 1e-4


def test_a_net_that_sees_the_whole_image_shows_seams_whatever_the_overlap() -> None:
    predict, image = predictor(net_of(Global)), RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    image[:, 32:] //= 4
    _, seams = tiled(predict, image, Tiling(32, 24, stride=2))
    assert seams.largest >= seams.mean > 1e-3


def test_difference_along_a_seam_by_hand() -> None:
    """Tiles of 4 that share 2 meet at 3: pixels 2 and 3 of each row are predicted twice, by 0.25 and by 0.75."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, 0] = 1

    def predict(tile: np.ndarray) -> torch.Tensor:
        return torch.full(tile.shape[:2], 0.25 if tile.any() else 0.75)

    found, seams = tiled(predict, image, Tiling(4, 2, stride=1))
    assert found.tolist() == [[0.25] * 3 + [0.75] * 3] * 4
    assert (seams.largest, seams.mean, seams.pixels) == (0.5, 0.5, 8)


def test_tiles_without_overlap_have_nothing_to_compare() -> None:
    found, seams = tiled(lambda tile: torch.ones(tile.shape[:2]), np.zeros((9, 8, 3), np.uint8), Tiling(4, 0, stride=1))
    assert found.shape == (9, 8)
    assert seams.pixels == 2 * 8  # the last row of tiles ends with the image and shares rows 5 to 7 with that above
    assert seams.mean == 0


def test_spans_meet_half_way_and_the_last_ends_with_the_image() -> None:
    assert Tiling(8, 4, stride=2).spans(14) == [Span(0, 8, 0, 6), Span(4, 12, 6, 9), Span(6, 14, 9, 14)]
    assert Tiling(8, 4, stride=2).spans(6) == [Span(0, 6, 0, 6)]


def test_no_tile_is_larger_than_asked_for() -> None:
    seen = []

    def predict(tile: np.ndarray) -> torch.Tensor:
        seen.append(tile.shape)
        return torch.zeros(tile.shape[:2])

    tiled(predict, np.zeros((45, 70, 3), np.uint8), Tiling(16, 4, stride=4))
    assert set(seen) == {(16, 16, 3)}


@pytest.mark.parametrize(
    ("size", "overlap", "words"),
    [
        (100, 0, "--tile must be a multiple of the net's stride of 32 pixels, such as 128, not 100"),
        (0, 0, "--tile must be a multiple of the net's stride of 32 pixels, such as 32, not 0"),
        (-32, 0, "such as 32, not -32"),
        (128, 128, "--overlap must be at least 0 and less than --tile 128, not 128"),
        (128, -32, "--overlap must be at least 0 and less than --tile 128, not -32"),
        (128, 40, "--overlap must be 0 or a multiple of the net's stride of 32 pixels, such as 64, not 40"),
    ],
)
def test_tiles_that_cannot_be_laid_are_refused(size: int, overlap: int, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        Tiling(size, overlap, stride=32)


def test_stride_is_that_of_the_coarsest_grid() -> None:
    pooled = nn.Sequential(nn.Conv2d(3, 2, 3, stride=2), nn.AvgPool2d(4), nn.AdaptiveAvgPool2d(1))
    assert stride_of(Local(), [(64, 64)]) == 2
    assert stride_of(nn.Conv2d(3, 1, 3, padding=1), [(64, 64)]) == 1
    assert stride_of(pooled, [(64, 64)]) == 8


def test_stride_of_a_library_net() -> None:
    import segmentation_models_pytorch as smp

    assert stride_of(smp.Unet("resnet18", encoder_weights=None), [(512, 512)]) == 32
    assert (
        stride_of(smp.Unet("resnet18", encoder_weights=None, encoder_depth=3, decoder_channels=(8, 8, 8)), [(512, 512)])
        == 8
    )
    assert stride_of(smp.PSPNet("resnet18", encoder_weights=None), [(512, 512)]) == 8
    assert stride_of(smp.DeepLabV3Plus("resnet18", encoder_weights=None), [(512, 512)]) == 16


def test_stride_of_a_net_that_pools_by_a_function() -> None:
    class Functional(Local):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.down(nn.functional.max_pool2d(images, 4))

    assert stride_of(Functional(), [(64, 64)]) == 8


def test_stride_of_nets_of_the_papers() -> None:
    assert stride_of(EFEN(widths=(8, 8, 8, 8), pretrained=False), [(512, 512)]) == 8
    assert stride_of(FCN16sAtrous(encoder="resnet18", encoder_weights=None), [(512, 512)]) == 16


def test_stride_of_a_net_that_needs_values_is_not_known() -> None:
    class Valued(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images if float(images.sum()) > 0 else -images

    assert stride_of(Valued(), [(64, 64)]) is None
