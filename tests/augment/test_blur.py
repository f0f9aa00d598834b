import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from scipy import ndimage, stats

from polybench.augment.blur import GaussianBlur, GaussianNoise, MedianBlur, MotionBlur
from polybench.core.errors import ConfigError
from tests.augment.batches import drawn, random_images, rows


@pytest.mark.parametrize("kernel", [3, 5, 7, 9])
def test_median_is_that_of_scipy(kernel: int) -> None:
    images = random_images(2)
    expected = ndimage.median_filter(images.numpy(), size=(1, 1, kernel, kernel), mode="nearest")
    np.testing.assert_array_equal(MedianBlur(kernel).apply(images, torch.empty(2, 0)).numpy(), expected)


def test_median_is_that_of_pillow() -> None:
    images = random_images(1)
    pixels = (images[0].permute(1, 2, 0) * 255).round().to(torch.uint8)
    expected = np.asarray(Image.fromarray(pixels.numpy()).filter(ImageFilter.MedianFilter(5)))
    found = MedianBlur(5).apply(images, torch.empty(1, 0))[0].permute(1, 2, 0)
    np.testing.assert_array_equal((found * 255).round().numpy(), expected)


@pytest.mark.parametrize("kernel", [3, 7])
def test_gaussian_blur_is_that_of_scipy(kernel: int) -> None:
    images = random_images(2)
    sigmas = (0.6, 2.0)
    blurred = GaussianBlur(kernel).apply(images, rows(*((sigma,) for sigma in sigmas)))
    for image, result, sigma in zip(images, blurred, sigmas, strict=True):
        expected = ndimage.gaussian_filter(
            image.double().numpy(), sigma, mode="mirror", radius=kernel // 2, axes=(-2, -1)
        )
        np.testing.assert_allclose(result.numpy(), expected, atol=1e-6)


def test_motion_along_an_axis_is_a_running_mean() -> None:
    images = random_images(2)
    blurred = MotionBlur(7).apply(images, rows((0,), (90,))).numpy()
    for result, image, axis in zip(blurred, images.double().numpy(), (-1, -2), strict=True):
        expected = ndimage.uniform_filter1d(image, 7, axis=axis, mode="mirror")
        np.testing.assert_allclose(result, expected, atol=1e-6)


@pytest.mark.parametrize("degrees", [0, 20, 45, 70, 90, 110, 135, 175])
def test_a_point_is_smeared_along_the_drawn_direction(degrees: float) -> None:
    images = torch.zeros(1, 3, 31, 31)
    images[..., 15, 15] = 1
    smear = MotionBlur(15).apply(images, rows((degrees,)))[0, 0].double()
    x = torch.arange(-15.0, 16)[None, :]
    y = -x.T
    assert smear.sum().item() == pytest.approx(1, abs=1e-6)
    axis = math.atan2(2 * (smear * x * y).sum(), (smear * (x * x - y * y)).sum()) / 2
    off = (math.degrees(axis) - degrees + 90) % 180 - 90
    assert abs(off) < 1.5
    spread = math.sqrt((smear * (x * x + y * y)).sum())
    assert spread == pytest.approx(15 / math.sqrt(12), rel=0.06)  # of a line of 15 pixels


@pytest.mark.parametrize("kind", [MotionBlur, MedianBlur, GaussianBlur])
@pytest.mark.parametrize("kernel", [1, 4])
def test_a_kernel_without_a_middle_is_refused(kind: type[MotionBlur | MedianBlur | GaussianBlur], kernel: int) -> None:
    with pytest.raises(ConfigError, match=f"kernel of {kind.__name__} must be odd .* not {kernel}"):
        kind(kernel)


def noise(deviations: tuple[float, ...], seeds: tuple[int, ...]) -> np.ndarray:
    images = torch.full((len(seeds), 3, 64, 64), 0.5)
    parameters = rows(*zip(seeds, deviations, strict=True))
    return (GaussianNoise().apply(images, parameters) - images).double().numpy()


def test_noise_is_normal_with_the_drawn_deviation() -> None:
    deviations = (0.02, 0.05)
    for sample, deviation in zip(noise(deviations, (1, 2)), deviations, strict=True):
        assert sample.std() == pytest.approx(deviation, rel=0.025)  # four standard errors of 12288 values
        assert abs(sample.mean()) < 4 * deviation / math.sqrt(sample.size)
        assert stats.kstest(sample.ravel() / deviation, "norm").pvalue > 1e-3


def test_noise_of_channels_and_seeds_is_independent() -> None:
    fields = noise((0.02, 0.02), (1, 2)).reshape(6, -1)
    correlations = np.corrcoef(fields)[~np.eye(6, dtype=bool)]
    assert np.abs(correlations).max() < 4 / math.sqrt(64 * 64)


def test_equal_seeds_give_equal_noise() -> None:
    first, second = noise((0.02, 0.02), (7, 7))
    np.testing.assert_array_equal(first, second)


def test_neighbouring_keys_draw_seeds_of_their_own() -> None:
    seeds = drawn(GaussianNoise(), 100)[:, 0]
    assert len(set(seeds.tolist())) == 100
    assert torch.equal(seeds, seeds.floor())


def test_widths_directions_and_deviations_fill_their_ranges() -> None:
    for numbers, low, high in (
        (drawn(GaussianBlur(7, (0.5, 2.0)), 300)[:, 0], 0.5, 2.0),
        (drawn(MotionBlur(), 300)[:, 0], 0, 180),
        (drawn(GaussianNoise((0.01, 0.03)), 300)[:, 1], 0.01, 0.03),
    ):
        shares = (numbers - low) / (high - low)
        assert 0 <= shares.min() < 0.05
        assert 0.95 < shares.max() <= 1
