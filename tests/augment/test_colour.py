import colorsys
import itertools

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from skimage.exposure import adjust_gamma

from polybench.augment.colour import (
    Brightness,
    BrightnessContrast,
    ChannelShuffle,
    Contrast,
    Gamma,
    Grey,
    HueSaturationValue,
    RGBShift,
)
from polybench.augment.operations import PixelOperation
from tests.augment.batches import drawn, random_images, rows


def test_grey_is_pillows_grey() -> None:
    images = random_images(1)
    pixels = (images[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    expected = np.asarray(ImageOps.grayscale(Image.fromarray(pixels))) / 255
    grey = Grey().apply(images, drawn(Grey(), 1))[0].numpy()
    assert np.abs(grey - expected).max() < 0.51 / 255  # Pillow rounds to 8 bits
    assert (grey == grey[0]).all()


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        (BrightnessContrast(), [(0.1, 0.2), (-0.1, -0.2)], [[0.22, 0.7, 1.0], [0.0, 0.3, 0.62]]),
        (Brightness(), [(0.2,), (-0.2,)], [[0.3, 0.7, 1.0], [0.0, 0.3, 0.7]]),
        (Contrast(), [(0.2,), (-0.2,)], [[0.12, 0.6, 1.0], [0.08, 0.4, 0.72]]),
    ],
)
def test_brightness_is_added_after_contrast_has_multiplied(
    operation: PixelOperation, parameters: list[tuple[float, ...]], expected: list[list[float]]
) -> None:
    images = torch.tensor([0.1, 0.5, 0.9]).expand(2, 3, 1, 3)
    changed = operation.apply(images, rows(*parameters))
    torch.testing.assert_close(changed, torch.tensor(expected)[:, None, None].expand(2, 3, 1, 3))


def test_gamma_is_that_of_scikit_image() -> None:
    images = random_images(3)
    gammas = (0.5, 1.0, 2.2)
    changed = Gamma().apply(images, rows(*((gamma,) for gamma in gammas)))
    for image, result, gamma in zip(images, changed, gammas, strict=True):
        np.testing.assert_allclose(result.numpy(), adjust_gamma(image.double().numpy(), gamma), atol=1e-6)


def by_colorsys(pixel: list[float], degrees: float, saturation: float, value: float) -> tuple[float, float, float]:
    h, s, v = colorsys.rgb_to_hsv(*pixel)
    return colorsys.hsv_to_rgb((h + degrees / 360) % 1, np.clip(s + saturation, 0, 1), np.clip(v + value, 0, 1))


@pytest.mark.parametrize("parameters", [(40, 0.1, -0.1), (-170, -0.3, 0.2), (359, 0, 0), (0, 1, 1), (0, 0, 0)])
def test_hsv_is_that_of_colorsys(parameters: tuple[float, float, float]) -> None:
    corners = torch.tensor(list(itertools.product((0, 0.5, 1), repeat=3)))  # greys, pure colours and ties among them
    pixels = torch.cat([corners, random_images(1, 10, 10)[0].flatten(1).T])
    expected = [by_colorsys(pixel, *parameters) for pixel in pixels.double().tolist()]
    changed = HueSaturationValue().apply(pixels.T[None, :, :, None], rows(parameters))
    np.testing.assert_allclose(changed[0, :, :, 0].T.numpy(), expected, atol=2e-6)


def test_a_third_of_a_turn_makes_red_green() -> None:
    red = torch.tensor([1.0, 0.0, 0.0])[None, :, None, None]
    changed = HueSaturationValue().apply(red, rows((120, 0, 0)))
    assert changed.flatten().tolist() == [0, 1, 0]


def test_each_channel_has_its_shift() -> None:
    images = torch.full((2, 3, 1, 1), 0.5)
    changed = RGBShift().apply(images, rows((0.1, 0.0, -0.2), (0.6, -0.6, 0.25)))
    torch.testing.assert_close(changed.flatten(1), torch.tensor([[0.6, 0.5, 0.3], [1.0, 0.0, 0.75]]))


def test_channels_are_reordered() -> None:
    images = random_images(2)
    changed = ChannelShuffle().apply(images, rows((2, 0, 1), (0, 2, 1)))
    assert torch.equal(changed[0], torch.stack([images[0, 2], images[0, 0], images[0, 1]]))
    assert torch.equal(changed[1], torch.stack([images[1, 0], images[1, 2], images[1, 1]]))


def test_every_order_of_channels_is_drawn() -> None:
    orders = {tuple(row) for row in drawn(ChannelShuffle(), 100).int().tolist()}
    assert orders == set(itertools.permutations(range(3)))


@pytest.mark.parametrize(
    ("operation", "low", "high"),
    [
        (BrightnessContrast(0.2, 0.4), (-0.2, -0.4), (0.2, 0.4)),
        (Brightness(0.2), (-0.2,), (0.2,)),
        (Contrast(0.3), (-0.3,), (0.3,)),
        (Gamma(0.8, 1.2), (0.8,), (1.2,)),
        (HueSaturationValue(40, 0.1, 0.2), (-40, -0.1, -0.2), (40, 0.1, 0.2)),
        (RGBShift(0.1), (-0.1,) * 3, (0.1,) * 3),
    ],
)
def test_draws_fill_the_stated_ranges(operation: PixelOperation, low: tuple[float], high: tuple[float]) -> None:
    shares = (drawn(operation, 300) - rows(low)) / (rows(high) - rows(low))
    assert (shares >= 0).all()
    assert (shares <= 1).all()
    assert (shares.amin(0) < 0.05).all()
    assert (shares.amax(0) > 0.95).all()
    assert ((shares.mean(0) - 0.5).abs() < 0.07).all()  # four standard errors
