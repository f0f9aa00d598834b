from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2gray
from skimage.filters.rank import median
from skimage.measure import label, regionprops
from skimage.util import img_as_ubyte

from polybench.core.errors import ConfigError
from polybench.core.randomness import generator
from polybench.data.patches import (
    Boxes,
    Jitter,
    PlacementArea,
    bright_box,
    cut,
    negative_boxes,
    object_boxes,
    positive_boxes,
    touch,
)


def mask_of(size: tuple[int, int], *rectangles: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    for top, left, bottom, right in rectangles:
        mask[top:bottom, left:right] = 1
    return mask


def random_mask(seed: int, size: tuple[int, int] = (96, 120), most: int = 4) -> np.ndarray:
    random = np.random.default_rng(seed)
    rectangles = []
    for _ in range(random.integers(0, most + 1)):
        top, left = random.integers(0, size[0] - 4), random.integers(0, size[1] - 4)
        rectangles.append((top, left, top + random.integers(1, 40), left + random.integers(1, 40)))
    return mask_of(size, *rectangles)


def whole(mask: np.ndarray) -> Boxes:
    return np.array([[0, 0, *mask.shape]])


def negatives(mask: np.ndarray, seed: int = 0, count: int = 3, valid: np.ndarray | None = None) -> Boxes:
    return negative_boxes(PlacementArea(object_boxes(mask), whole(mask), valid), generator(seed), count)


def test_boxes_are_tight_and_pixels_that_meet_at_a_corner_are_one_object() -> None:
    mask = mask_of((20, 30), (2, 3, 6, 9), (6, 9, 8, 12), (15, 20, 16, 21))
    assert object_boxes(mask).tolist() == [[2, 3, 8, 12], [15, 20, 16, 21]]


@pytest.mark.parametrize("seed", range(20))
def test_boxes_are_those_of_scikit_image(seed: int) -> None:
    mask = (np.random.default_rng(seed).random((40, 50)) < 0.2).astype(np.uint8)
    expected = {region.bbox for region in regionprops(label(mask, connectivity=2))}
    assert {tuple(box) for box in object_boxes(mask).tolist()} == expected


def test_mask_without_objects_has_no_box() -> None:
    assert object_boxes(mask_of((8, 8))).shape == (0, 4)
    assert positive_boxes(object_boxes(mask_of((8, 8))), (8, 8), margin=0.5).shape == (0, 4)


def test_box_of_six_pixels_is_a_speck_and_one_of_seven_is_not() -> None:
    mask = mask_of((20, 20), (0, 0, 2, 3), (10, 10, 11, 17))
    assert positive_boxes(object_boxes(mask), mask.shape).tolist() == [[10, 10, 11, 17]]


def test_margin_is_a_share_of_each_side_and_stays_in_the_frame() -> None:
    boxes = np.array([[10, 20, 20, 40], [0, 80, 10, 100]])
    assert positive_boxes(boxes, (50, 100), margin=0.1).tolist() == [[9, 18, 21, 42], [0, 78, 11, 100]]


def test_dark_frame_is_cut_off_and_a_noisy_pixel_in_it_is_no_picture() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    image[5:15, 8:20] = 200
    image[5:15, 12] = 0
    image[1, 25] = 255
    assert bright_box(image).tolist() == [[5, 8, 15, 20]]


@pytest.mark.parametrize(("level", "box"), [(25, [0, 0, 12, 11]), (26, [2, 3, 9, 8])])
def test_frame_is_what_is_below_grey_26(level: int, box: list[int]) -> None:
    image = np.zeros((12, 11, 3), np.uint8)
    image[2:9, 3:8] = level
    assert bright_box(image).tolist() == [box]


def test_without_a_dark_level_nothing_is_frame() -> None:
    image = np.zeros((12, 9, 3), np.uint8)
    image[4:8, 4:8] = 255
    assert bright_box(image, dark=0).tolist() == [[0, 0, 12, 9]]


@pytest.mark.parametrize("seed", range(30))
def test_bright_box_is_that_of_a_median_filter(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = (255 * random.random((24, 32, 3)) * (random.random((24, 32, 1)) < 0.15)).astype(np.uint8)
    image[6:16, 9:20] = np.maximum(image[6:16, 9:20], random.integers(0, 60))
    kept = median(img_as_ubyte(rgb2gray(image))) >= 26
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    expected = [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1] if rows.size else [0, 0, 24, 32]
    assert bright_box(image).tolist() == [expected]


def test_boxes_that_share_an_edge_or_a_corner_touch() -> None:
    box = np.array([[10, 10, 20, 20]])
    others = np.array([[20, 12, 25, 18], [20, 20, 25, 25], [21, 12, 25, 18], [0, 0, 40, 40], [12, 12, 14, 14]])
    assert touch(box, others).tolist() == [[True, True, False, True, True]]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_negatives_touch_no_object_and_not_each_other(seed: int) -> None:
    mask = random_mask(seed)
    boxes = negatives(mask, seed)
    padded = np.pad(mask, 1)
    drawn = np.zeros_like(padded)
    for top, left, bottom, right in boxes:
        assert padded[top : bottom + 2, left : right + 2].sum() == 0
        assert drawn[top + 1 : bottom + 1, left + 1 : right + 1].sum() == 0
        drawn[top : bottom + 2, left : right + 2] = 1


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_negatives_lie_in_area_and_field_of_view(seed: int) -> None:
    mask = random_mask(seed, most=1)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    valid = ((y - 48) ** 2 + (x - 60) ** 2 < 45**2).astype(np.uint8)
    area = np.array([[10, 20, 90, 100]])
    for top, left, bottom, right in negative_boxes(PlacementArea(object_boxes(mask), area, valid), generator(seed)):
        assert valid[top:bottom, left:right].all()
        assert 10 <= top < bottom <= 90
        assert 20 <= left < right <= 100


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_sides_are_at_least_three_tenths_of_the_width_and_within_a_ratio_of_two(seed: int) -> None:
    [[top, left, bottom, right]] = negatives(mask_of((200, 150)), seed, count=1)
    height, width = bottom - top, right - left
    assert min(height, width) >= 45
    assert height // 2 <= width <= 2 * height


def test_least_side_shrinks_where_there_is_less_room() -> None:
    mask = mask_of((200, 200), (0, 0, 200, 160))
    boxes = negatives(mask)
    assert len(boxes) == 3
    assert (boxes[:, 3] - boxes[:, 1]).max() <= 39


@pytest.mark.parametrize("mask", [mask_of((100, 100), (0, 0, 100, 100)), mask_of((100, 100), (0, 0, 100, 85))])
def test_search_gives_up_below_twenty_pixels(mask: np.ndarray) -> None:
    assert negatives(mask).shape == (0, 4)


def test_as_many_as_there_is_room_for() -> None:
    mask = mask_of((80, 80), (0, 41, 40, 80), (41, 0, 80, 40))  # two corners of 40 pixels: not 20 + 1 + 20
    assert len(negatives(mask)) == 2


def test_draws_are_a_function_of_the_key() -> None:
    mask = mask_of((100, 120))
    assert negatives(mask, 1).tolist() == negatives(mask, 1).tolist()
    assert all(first.tolist() != second.tolist() for first, second in pairwise(negatives(mask, k) for k in range(9)))


def test_jitter_lists_three_scales_in_five_places() -> None:
    boxes = Jitter().boxes(np.array([100, 200, 120, 240]))
    assert len(boxes) == 15
    assert boxes[:5].tolist() == [
        [100, 200, 120, 240],
        [100, 196, 120, 236],
        [100, 204, 120, 244],
        [98, 200, 118, 240],
        [102, 200, 122, 240],
    ]
    assert boxes[10:12].tolist() == [[95, 190, 125, 250], [95, 184, 125, 244]]


def test_jitter_without_shift_stays_in_place() -> None:
    assert Jitter(scales=(1.0, 2.0), shift=0).boxes(np.array([10, 10, 20, 30])).tolist() == [
        [10, 10, 20, 30],
        [5, 0, 25, 40],
    ]


@pytest.mark.parametrize("options", [{"scales": ()}, {"scales": (0.0,)}, {"shift": 1.0}, {"shift": -0.1}])
def test_jitter_out_of_bounds_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="jitter needs scales"):
        Jitter(**options)  # type: ignore[arg-type]


def test_patch_is_padded_with_zeros_to_a_square() -> None:
    image = np.arange(1, 1 + 6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    patch = cut(image, np.array([2, 1, 4, 5]), 4)
    assert (patch[1:3] == image[2:4, 1:5]).all()
    assert patch[[0, 3]].sum() == 0


def test_patch_is_resized() -> None:
    image = np.full((20, 20, 3), 77, np.uint8)
    patch = cut(image, np.array([0, 0, 20, 10]), 8)
    assert patch.shape == (8, 8, 3)
    assert (patch[:, 3:5] == 77).all()
    assert patch[:, [0, 7]].sum() == 0


def test_what_lies_outside_the_image_is_left_out() -> None:
    image = np.arange(1, 1 + 6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    assert (cut(image, np.array([-3, 5, 3, 12]), 3) == image[0:3, 5:8]).all()


def test_orientations_are_the_eight_of_a_square() -> None:
    image = np.random.default_rng(0).integers(0, 255, (5, 5, 3)).astype(np.uint8)
    found = [cut(image, np.array([0, 0, 5, 5]), 5, orientation) for orientation in range(8)]
    torch_image = torch.from_numpy(image)
    expected = {
        torch.rot90(turned, quarters).numpy().tobytes()
        for turned in (torch_image, torch_image.transpose(0, 1))
        for quarters in range(4)
    }
    assert {patch.tobytes() for patch in found} == expected
    assert (found[0] == image).all()
