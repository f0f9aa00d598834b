import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.metrics import hausdorff_distance

from polybench.metrics.measures.boundary import boundary_iou, outline, surface_distances, surface_scores

EMPTY, FULL = np.zeros((3, 4), dtype=bool), np.ones((3, 4), dtype=bool)
MASKS = arrays(bool, (7, 9))


def disc(y: int, x: int, radius: int) -> np.ndarray:
    rows, columns = np.mgrid[:32, :40]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def directed(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return cdist(np.argwhere(source), np.argwhere(target)).min(axis=1)


def eroded(mask: np.ndarray, times: int) -> np.ndarray:
    """Pixels whose whole (2 times + 1)-square lies in the mask; outside the image is background."""
    rows, columns = mask.shape
    around = np.zeros((rows + 2 * times, columns + 2 * times), dtype=bool)
    around[times:-times, times:-times] = mask
    kept = [[around[y : y + 2 * times + 1, x : x + 2 * times + 1].all() for x in range(columns)] for y in range(rows)]
    return np.array(kept)


def test_outline_of_a_square_by_hand() -> None:
    # 0 0 0 0 0      0 0 0 0 0
    # 0 1 1 1 0      0 1 1 1 0
    # 0 1 1 1 0  ->  0 1 0 1 0
    # 0 1 1 1 0      0 1 1 1 0
    # 0 0 0 0 0      0 0 0 0 0
    square = np.zeros((5, 5), dtype=bool)
    square[1:4, 1:4] = True
    expected = square.copy()
    expected[2, 2] = False
    assert np.array_equal(outline(square), expected)


def test_outline_runs_along_the_edge_of_the_image() -> None:
    assert outline(FULL).tolist() == [[True] * 4, [True, False, False, True], [True] * 4]


def test_distances_of_two_lines_by_hand() -> None:
    # prediction  1 1 0 0 0     its pixels are 0 and 1 from the truth,
    # truth       1 0 0 0 1     the truth's 0 and 3 from it
    prediction = np.array([[1, 1, 0, 0, 0]], dtype=bool)
    truth = np.array([[1, 0, 0, 0, 1]], dtype=bool)
    scores = surface_scores(prediction, truth)
    assert scores.assd == pytest.approx((0 + 1 + 0 + 3) / 4)
    assert scores.hd95 == pytest.approx(0.95 * 3)  # percentile between 0 and 3, linear


def test_squares_shifted_by_three_pixels() -> None:
    truth, prediction = np.zeros((20, 20), dtype=bool), np.zeros((20, 20), dtype=bool)
    truth[5:10, 5:10] = prediction[5:10, 8:13] = True
    assert surface_scores(prediction, truth).hd95 == 3.0


@given(prediction=MASKS, truth=MASKS)
def test_scores_by_all_pairs_of_outline_pixels(prediction: np.ndarray, truth: np.ndarray) -> None:
    assume(prediction.any() and truth.any())
    there = directed(outline(prediction), outline(truth))
    back = directed(outline(truth), outline(prediction))
    scores = surface_scores(prediction, truth)
    assert scores.hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert scores.assd == pytest.approx(np.concatenate([there, back]).mean())


@given(prediction=MASKS, truth=MASKS)
def test_largest_distance_is_the_hausdorff_distance(prediction: np.ndarray, truth: np.ndarray) -> None:
    assume(prediction.any() and truth.any())
    one, other = outline(prediction), outline(truth)
    largest = max(surface_distances(one, other).max(), surface_distances(other, one).max())
    assert largest == pytest.approx(hausdorff_distance(one, other))


@given(prediction=MASKS, truth=MASKS)
def test_distances_come_in_raster_order(prediction: np.ndarray, truth: np.ndarray) -> None:
    assume(truth.any())
    assert surface_distances(prediction, truth) == pytest.approx(ndimage.distance_transform_edt(~truth)[prediction])


@given(prediction=MASKS, truth=MASKS)
def test_distances_are_symmetric_and_within_the_diagonal(prediction: np.ndarray, truth: np.ndarray) -> None:
    scores = surface_scores(prediction, truth)
    assert scores == pytest.approx(surface_scores(truth, prediction))
    assert all(0 <= value <= math.hypot(7, 9) for value in scores)


@given(mask=MASKS)
def test_a_mask_is_at_distance_nought_from_itself(mask: np.ndarray) -> None:
    assert surface_scores(mask, mask) == (0, 0)
    assert boundary_iou(mask, mask) == 1


@pytest.mark.parametrize(("prediction", "truth"), [(EMPTY, FULL), (FULL, EMPTY)])
def test_one_empty_mask_is_a_diagonal_away(prediction: np.ndarray, truth: np.ndarray) -> None:
    assert surface_scores(prediction, truth) == (5, 5)
    assert boundary_iou(prediction, truth) == 0


def test_boundary_iou_by_hand() -> None:
    # a diagonal of 10 (6 x 8) and a share of 0.1 give a band of one pixel
    # truth    1 1 1 . . . . .    prediction  . 1 1 1 . . . .    bands of 8 pixels each,
    #          1 o 1 . . . . .                . 1 o 1 . . . .    o is not in them;
    #          1 1 1 . . . . .                . 1 1 1 . . . .    shared: 2 above, 2 below
    truth, prediction = np.zeros((6, 8), dtype=bool), np.zeros((6, 8), dtype=bool)
    truth[1:4, :3] = prediction[1:4, 1:4] = True
    assert boundary_iou(prediction, truth, band_share=0.1) == pytest.approx(4 / 12)


@pytest.mark.parametrize(("share", "width"), [(0.001, 1), (0.04, 2), (0.09, 5)])
def test_bands_are_what_erosions_take_away(share: float, width: int) -> None:
    truth, prediction = disc(14, 16, 12), disc(10, 22, 9)  # the second is cut by no edge, the diagonal is 51.2
    truth[:8] = True  # and the first is
    bands = [mask & ~eroded(mask, width) for mask in (truth, prediction)]
    expected = (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()
    assert boundary_iou(prediction, truth, band_share=share) == pytest.approx(expected)


def test_wide_band_gives_the_iou_of_the_masks() -> None:
    truth, prediction = disc(14, 16, 12), disc(10, 22, 9)
    iou = (truth & prediction).sum() / (truth | prediction).sum()
    assert boundary_iou(prediction, truth, band_share=1) == pytest.approx(iou)


@given(prediction=MASKS, truth=MASKS)
def test_boundary_iou_is_symmetric_and_a_share(prediction: np.ndarray, truth: np.ndarray) -> None:
    value = boundary_iou(prediction, truth)
    assert value == boundary_iou(truth, prediction)
    assert 0 <= value <= 1
