import numpy as np
import torch

from polybench.tasks.baselines import all_background, all_foreground, otsu


def test_constant_baselines() -> None:
    images = torch.rand(2, 3, 4, 4)
    assert all_background(images).unique().tolist() == [0.0]
    assert all_foreground(images).unique().tolist() == [1.0]
    assert all_foreground(images).shape == (2, 1, 4, 4)


def otsu_by_definition(levels: np.ndarray) -> np.ndarray:
    """The bright class of the division of 8-bit levels that maximises the variance between the classes."""

    def variance_between(threshold: int) -> float:
        dark, bright = levels[levels <= threshold], levels[levels > threshold]
        return dark.size * bright.size * (bright.mean() - dark.mean()) ** 2

    return levels > max(range(levels.min(), levels.max()), key=variance_between)


def test_otsu_takes_the_bright_side_of_the_best_division() -> None:
    levels = np.random.default_rng(0).integers(20, 120, (3, 16, 16))
    levels[:, 4:10, 5:12] += 70
    levels[:, 0, :2] = [0, 255]
    images = torch.from_numpy(levels / 255).float()[:, None].expand(3, 3, 16, 16)
    expected = np.stack([otsu_by_definition(image) for image in levels])
    np.testing.assert_array_equal(otsu(images)[:, 0].numpy(), expected)


def test_otsu_of_a_flat_image_is_one_class() -> None:
    assert len(otsu(torch.full((1, 3, 8, 8), 0.5)).unique()) == 1
