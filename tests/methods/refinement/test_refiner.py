"""The refiner, with a classifier that calls red patches objects."""

import inspect

import numpy as np
import pytest
import torch
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.data.images import UInt8Array
from polybench.data.patches import cut, positive_boxes
from polybench.methods.refinement.refiner import RegionRefiner
from polybench.methods.refinement.thresholds import MASK_GRID, RELEASED, Thresholds
from polybench.metrics.prepare import resize_affine, to_native_size

CPU = torch.device("cpu")
RED, GREEN = (255, 0, 0), (0, 255, 0)
AT_HALF = Thresholds(0.5, 0.5, "given")


class Redness:
    """A patch's probability is the mean of its red channel; keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, patches: Tensor) -> Tensor:
        self.seen.append(patches)
        return patches[:, 0].mean(dim=(1, 2))


def scene(*squares: tuple[int, int, tuple[int, int, int]]) -> tuple[UInt8Array, Tensor]:
    """A black image of 24x32 with squares of 4 pixels, and a map that is certain of all of them."""
    image, probability = np.zeros((24, 32, 3), np.uint8), torch.zeros(24, 32, dtype=torch.float64)
    for y, x, colour in squares:
        image[y : y + 4, x : x + 4] = colour
        probability[y : y + 4, x : x + 4] = 1
    return image, probability


def test_green_goes_and_red_stays() -> None:
    image, probability = scene((2, 3, RED), (12, 20, GREEN))
    refined = RegionRefiner(Redness(), 8, CPU).refine(image, probability, AT_HALF)
    assert refined.boxes.tolist() == [[2, 3, 6, 7], [12, 20, 16, 24]]
    assert refined.probabilities.tolist() == [1, 0]
    assert refined.probabilities.dtype == np.float64
    assert refined.rejected.tolist() == [False, True]
    assert np.argwhere(refined.before).shape == (32, 2)
    np.testing.assert_array_equal(refined.after, image[..., 0] > 0)


def test_patches_are_tight_boxes_of_the_image_itself_padded_with_zeros() -> None:
    image = np.random.default_rng(0).integers(1, 256, (20, 30, 3), np.uint8)
    probability = torch.zeros(20, 30)
    probability[0:4, 26:30] = 1  # at the border
    probability[10:14, 5:7] = 1
    classify = Redness()
    RegionRefiner(classify, 4, CPU).refine(image, probability, AT_HALF)
    (patches,) = classify.seen
    assert patches.dtype == torch.float32
    expected = np.zeros((2, 4, 4, 3))
    expected[0], expected[1, :, 1:3] = image[0:4, 26:30], image[10:14, 5:7]
    np.testing.assert_allclose(patches.permute(0, 2, 3, 1).numpy() * 255, expected, atol=1e-4)


def test_a_margin_enlarges_the_patches_as_in_training_and_not_the_boxes() -> None:
    image = np.random.default_rng(0).integers(1, 256, (20, 30, 3), np.uint8)
    probability = torch.zeros(20, 30)
    probability[0:4, 22:30] = 1  # at the border
    probability[8:12, 5:13] = 1
    classify = Redness()
    refined = RegionRefiner(classify, 12, CPU, margin=0.25).refine(image, probability, AT_HALF)
    assert refined.boxes.tolist() == [[0, 22, 4, 30], [8, 5, 12, 13]]
    assert positive_boxes(refined.boxes, (20, 30), 0.25).tolist() == [[0, 20, 5, 30], [7, 3, 13, 15]]
    (patches,) = classify.seen
    np.testing.assert_allclose(patches[1, :, 3:9].permute(1, 2, 0) * 255, image[7:13, 3:15], atol=1e-4)
    assert not patches[1, :, :3].any()
    assert not patches[1, :, 9:].any()
    expected = cut(image, np.array([0, 20, 5, 30]), 12)  # one pixel below, two to the left, none outside
    np.testing.assert_allclose(patches[0].permute(1, 2, 0) * 255, expected, atol=1e-4)


def test_a_pixel_at_the_mask_threshold_is_foreground_and_a_region_at_its_threshold_goes() -> None:
    image, probability = scene((2, 3, (51, 0, 0)))
    refiner = RegionRefiner(lambda patches: torch.full((len(patches),), 0.25), 8, CPU)
    assert refiner.refine(image, probability * 0.2, RELEASED).after.sum() == 16
    assert refiner.refine(image, probability * 0.1999, RELEASED).before.sum() == 0
    assert refiner.refine(image, probability, RELEASED._replace(region=0.25)).after.sum() == 0


def test_an_empty_mask_asks_no_classifier() -> None:
    def refuse(patches: Tensor) -> Tensor:
        raise AssertionError("called")

    image, _ = scene()
    refined = RegionRefiner(refuse, 8, CPU).refine(image, torch.full((24, 32), 0.19), RELEASED)
    assert refined.boxes.shape == (0, 4)
    assert refined.rejected.shape == refined.probabilities.shape == (0,)
    assert not refined.after.any()


def test_patches_come_in_batches_and_outcomes_do_not_depend_on_them() -> None:
    squares = [(0, 6 * k, RED if k % 2 else GREEN) for k in range(5)]
    few, many = Redness(), Redness()
    outcomes = [
        RegionRefiner(classify, 8, CPU, batch_size).refine(*scene(*squares), AT_HALF).rejected.tolist()
        for classify, batch_size in ((few, 2), (many, 24))
    ]
    assert outcomes == [[True, False, True, False, True]] * 2
    assert [len(patches) for patches in few.seen] == [2, 2, 1]
    assert [len(patches) for patches in many.seen] == [5]


def test_a_box_that_many_thresholds_share_is_classified_once() -> None:
    image, probability = scene((2, 3, RED), (12, 20, GREEN))
    probability[2, 3:7] = 0.55  # above that, the upper region has a row less
    classify = Redness()
    found, _ = RegionRefiner(classify, 8, CPU).classified(image, probability, MASK_GRID)
    assert sum(len(patches) for patches in classify.seen) == 3
    assert [one.regions.boxes[0].tolist() for one in found] == [[2, 3, 6, 7]] * 5 + [[3, 3, 6, 7]] * 4
    assert [one.probabilities[1] for one in found] == [0] * 9
    for one, threshold in zip(found, MASK_GRID, strict=True):
        alone = RegionRefiner(Redness(), 8, CPU).refine(image, probability, Thresholds(threshold, 0.5, "given"))
        np.testing.assert_array_equal(alone.before, one.mask)
        assert alone.probabilities.tolist() == one.probabilities.tolist()


def test_truth_is_out_of_reach() -> None:
    image, probability = scene((4, 4, GREEN))
    batch = {"id": ["a"], "to_native": resize_affine((12, 16), (24, 32))[None]}  # no mask of any kind
    small = probability[None, ::2, ::2]
    native = to_native_size(small, batch["to_native"][0], (24, 32))[0]  # type: ignore[arg-type]
    refined = RegionRefiner(Redness(), 8, CPU).refine(image, native, RELEASED)
    assert refined.before.any()
    assert not refined.after.any()
    assert list(inspect.signature(RegionRefiner.refine).parameters) == ["self", "image", "probability", "thresholds"]


@pytest.mark.parametrize("value", [float("nan"), 3.0, -0.5])
def test_what_is_no_probability_is_refused(value: float) -> None:
    refiner = RegionRefiner(lambda patches: torch.full((len(patches),), value), 8, CPU)
    with pytest.raises(ConfigError, match="another checkpoint"):
        refiner.refine(*scene((2, 3, RED)), RELEASED)


def test_a_map_of_another_size_than_the_image_is_refused() -> None:
    image, probability = scene()
    with pytest.raises(ValueError, match="24, 32"):
        RegionRefiner(Redness(), 8, CPU).refine(image, probability[:12], RELEASED)


def test_time_is_told_apart() -> None:
    seconds = RegionRefiner(Redness(), 8, CPU).refine(*scene((2, 3, RED)), RELEASED).seconds
    assert seconds.regions > 0
    assert seconds.classification > 0
