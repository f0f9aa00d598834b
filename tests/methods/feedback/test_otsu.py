"""Otsu's masks against scikit-image and scipy, step by step as the released code has them."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from skimage.filters import threshold_otsu
from torch import Tensor

from polybench.methods.feedback.otsu import otsu_masks, otsu_thresholds

BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16


def images(n: int = 4, height: int = 24, width: int = 33) -> Tensor:
    """Noisy 8-bit images with a brighter rectangle each."""
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(n, 3, height, width, generator=generator) * 0.5
    for k in range(n):
        values[k, :, 4 + k : 18 - k, 3 : 12 + 3 * k] += 0.1 * (k + 1)
    return (values * 255).round() / 255


def blurred_levels(image: Tensor) -> np.ndarray:
    colours = (image * 255).round().permute(1, 2, 0).numpy().astype(np.float64)
    grey = np.round(colours @ [0.299, 0.587, 0.114])
    blurred = correlate1d(correlate1d(grey, BINOMIAL, 0, mode="mirror"), BINOMIAL, 1, mode="mirror")
    return np.round(blurred).astype(np.uint8)


def test_bright_side_of_otsus_threshold_of_the_blurred_grey_image() -> None:
    found = otsu_masks(images())
    for image, mask in zip(images(), found, strict=True):
        levels = blurred_levels(image)
        assert np.array_equal(mask[0].numpy(), levels > threshold_otsu(levels))
    assert 0.05 < found.float().mean() < 0.95


def test_agrees_with_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    for image, mask in zip(images(), otsu_masks(images()), strict=True):
        colours = (image * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
        blurred = cv2.GaussianBlur(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY), (5, 5), 0)
        _, expected = cv2.threshold(blurred, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        assert np.array_equal(mask[0].numpy(), expected > 0)


def test_field_of_view_alone_counts_where_it_is_given() -> None:
    dark_frame = images(1)
    dark_frame[..., :8] = 0
    valid = torch.ones(1, 1, 24, 33)
    valid[..., :10] = 0
    levels = blurred_levels(dark_frame[0])
    inside = valid[0, 0].numpy() > 0
    threshold = threshold_otsu(levels[inside])
    assert threshold != threshold_otsu(levels)
    assert np.array_equal(otsu_masks(dark_frame, valid)[0, 0].numpy(), (levels > threshold) & inside)


def test_each_image_has_its_own_threshold() -> None:
    assert torch.equal(otsu_masks(images())[2:3], otsu_masks(images()[2:3]))


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_nothing_is_bright_where_all_pixels_are_equal(value: float) -> None:
    assert not otsu_masks(torch.full((1, 3, 8, 8), value)).any()


def test_nothing_is_bright_outside_of_an_empty_field_of_view() -> None:
    assert not otsu_masks(images(1), torch.zeros(1, 1, 24, 33)).any()


def test_first_of_equally_good_levels_separates() -> None:
    histogram = torch.tensor([[3, 0, 0, 3], [0, 5, 5, 0]])
    assert otsu_thresholds(histogram).tolist() == [0, 1]
