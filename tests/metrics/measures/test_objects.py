from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from skimage.measure import label, regionprops

from polybench.metrics.measures.objects import count_objects

MASKS = arrays(bool, (5, 6))


def boxes(*corners: tuple[int, int, int, int], size: tuple[int, int] = (12, 30)) -> np.ndarray:
    """A mask with full boxes (first row, first column, last row, last column)."""
    mask = np.zeros(size, dtype=bool)
    for top, left, bottom, right in corners:
        mask[top : bottom + 1, left : right + 1] = True
    return mask


def square(first: int, last: int) -> np.ndarray:
    """A full square on the diagonal of the image, corners included."""
    return boxes((first, first, last, last), size=(30, 30))


def frame(first: int, last: int) -> np.ndarray:
    """The outermost pixels of such a square."""
    return square(first, last) & ~square(first + 1, last - 1)


def box_iou(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """With inclusive corners, sides counted last - first + 1."""
    height = max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
    width = max(0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    areas = [(c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)]
    return height * width / (sum(areas) - height * width)


def most_pairs(prediction: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    """Try every assignment of predictions to true objects."""
    corners = []
    for mask in (prediction, truth):
        props = regionprops(label(mask, connectivity=2))
        corners.append([(p.bbox[0], p.bbox[1], p.bbox[2] - 1, p.bbox[3] - 1) for p in props])
    few, many = sorted(corners, key=len)
    best = max(sum(box_iou(a, b) >= 0.5 for a, b in zip(few, order, strict=False)) for order in permutations(many))
    return best, len(corners[0]) - best, len(corners[1]) - best


def test_two_polyps_three_predictions_two_right() -> None:
    # the worked example on which the released code of FCN16s-Atrous counts 4 false positives
    truth = boxes((1, 1, 4, 4), (1, 10, 4, 13))
    prediction = boxes((1, 1, 4, 4), (1, 10, 4, 12), (8, 20, 10, 22))
    assert count_objects(prediction, truth) == (2, 1, 0)


def test_sides_are_counted_in_pixels() -> None:
    # 3 x 3 and 3 x 2 pixels: 6 / 9; with sides last - first it would be 2 / 4
    # 1 x 4 and 1 x 2 pixels: 2 / 4, exactly at the limit; with sides last - first it would be 0 / 0
    assert count_objects(boxes((5, 5, 5, 6)), boxes((5, 5, 5, 8))) == (1, 0, 0)


def test_iou_below_one_half_is_no_hit() -> None:
    assert count_objects(boxes((5, 5, 5, 6)), boxes((5, 5, 5, 9))) == (0, 1, 1)


def test_corners_join_an_object() -> None:
    mask = np.eye(3, dtype=bool)
    assert count_objects(mask, mask) == (1, 0, 0)


def test_a_prediction_counts_once() -> None:
    # a true box in the hole of a true frame: the prediction between them fits both, 64 / 100 and 36 / 64
    truth = frame(2, 11) | square(4, 9)
    assert count_objects(square(3, 10), truth) == (1, 0, 1)


def test_pairing_with_most_hits_is_taken() -> None:
    # squares of 26 (predicted), 20 (true), 18 (predicted), 14 (true), each in the hole of the one before: 18 fits 20
    # best (324 / 400), but then 26 (400 / 676) and 14 (196 / 324) are left without a partner
    truth, prediction = frame(5, 24) | square(8, 21), frame(2, 27) | frame(6, 23)
    assert count_objects(prediction, truth) == (2, 0, 0)


def test_ring_is_hit_by_its_box() -> None:
    ring = boxes((1, 1, 8, 8))
    ring[2:8, 2:8] = False  # 28 of 64 pixels
    assert count_objects(boxes((1, 1, 8, 8)), ring) == (1, 0, 0)


def test_empty_masks() -> None:
    two = np.array([[1, 0, 1]], dtype=bool)
    none = np.zeros_like(two)
    assert count_objects(none, none) == (0, 0, 0)
    assert count_objects(two, none) == (0, 2, 0)
    assert count_objects(none, two) == (0, 0, 2)


@given(prediction=MASKS, truth=MASKS)
def test_counts_by_trying_every_assignment(prediction: np.ndarray, truth: np.ndarray) -> None:
    assert count_objects(prediction, truth) == most_pairs(prediction, truth)


@given(prediction=MASKS, truth=MASKS)
def test_swapping_the_masks_swaps_the_errors(prediction: np.ndarray, truth: np.ndarray) -> None:
    tp, fp, fn = count_objects(prediction, truth)
    assert count_objects(truth, prediction) == (tp, fn, fp)
