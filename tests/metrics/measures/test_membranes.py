import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.metrics import adapted_rand_error, variation_of_information
from skimage.segmentation import watershed
from sklearn.metrics import completeness_score, homogeneity_score, v_measure_score
from sklearn.metrics.cluster import pair_confusion_matrix

from polybench.metrics.measures.labels import components
from polybench.metrics.measures.membranes import (
    MembraneScores,
    best_threshold,
    membrane_scores,
    thin_borders,
    threshold_sweep,
)

MASKS = arrays(bool, (8, 9))
TWO_CELLS = np.array([[1, 1, 0, 1, 1]], dtype=bool)


def flat_clusters(prediction: np.ndarray, interior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted cluster of each pixel of a true cell, predicted membrane pixels one cluster each."""
    alone = prediction.max() + 1 + np.arange(prediction.size).reshape(prediction.shape)
    clusters = np.where(prediction > 0, prediction, alone)
    return components(interior, 4)[interior], clusters[interior]


def cells(seed: int, size: int = 48) -> np.ndarray:
    """The interior of irregular cells: a Voronoi partition with membranes of two to five pixels."""
    random = np.random.default_rng(seed)
    seeds = np.zeros((size, size), dtype=bool)
    seeds[tuple(random.integers(0, size, (2, 9)))] = True
    _, (rows, columns) = ndimage.distance_transform_edt(~seeds, return_indices=True)
    owner = rows * size + columns
    edges = (ndimage.maximum_filter(owner, 3) != ndimage.minimum_filter(owner, 3)) | ndimage.binary_dilation(
        random.random((size, size)) > 0.995
    )
    return ~edges


def test_merged_cells_by_hand() -> None:
    # truth 1 1 . 2 2, prediction 3 3 3 3 3: p = (1/2, 1/2), s = (1), t = (1/2, 1/2)
    scores = membrane_scores(np.full((1, 5), 3), TWO_CELLS)
    assert scores.v_rand_precision == pytest.approx(0.5)
    assert scores.v_rand_recall == pytest.approx(1)
    assert scores.v_rand == pytest.approx(2 * 0.5 / 1.5)
    assert scores[3:] == (0, 0, 1)  # no information: H(S) = 0


def test_split_cell_by_hand() -> None:
    # truth 1 1 1 1, prediction 1 1 2 2: p = (1/2, 1/2), t = (1); no information: H(T) = 0
    scores = membrane_scores(np.array([[1, 1, 2, 2]]), np.ones((1, 4), dtype=bool))
    assert scores[:3] == pytest.approx((2 * 0.5 / 1.5, 1, 0.5))
    assert scores[3:] == (0, 1, 0)


def test_missed_pixel_is_a_segment_of_its_own() -> None:
    # truth 1 1 . 2 2, prediction 1 1 . 2 . : p = (1/2, 1/4, 1/4)
    scores = membrane_scores(np.array([[1, 1, 0, 2, 0]]), TWO_CELLS)
    together = 1 / 4 + 1 / 16 + 1 / 16
    assert scores[:3] == pytest.approx((2 * together / (together + 1 / 2), 1, together / (1 / 2)))
    predicted, true = 1.5 * math.log(2), math.log(2)  # entropies; the prediction tells all of the truth
    assert scores[3:] == pytest.approx((2 * true / (predicted + true), 1, true / predicted))


def test_membrane_pixels_of_the_truth_do_not_count() -> None:
    assert membrane_scores(np.array([[1, 1, 1, 2, 2]]), TWO_CELLS) == pytest.approx((1,) * 6)


def test_cells_that_touch_at_a_corner_are_two() -> None:
    interior = np.eye(2, dtype=bool)
    assert membrane_scores(np.array([[1, 0], [0, 2]]), interior) == pytest.approx((1,) * 6)


def test_single_cell_found_exactly_is_one() -> None:
    assert membrane_scores(np.ones((2, 2), dtype=int), np.ones((2, 2), dtype=bool)) == (1,) * 6


def test_no_cell_to_find_and_none_found_is_one() -> None:
    assert membrane_scores(np.zeros((2, 2), dtype=int), np.zeros((2, 2), dtype=bool)) == (1,) * 6


@pytest.mark.parametrize("predicted", [0, 1])
def test_cells_on_one_side_only_are_nought(predicted: int) -> None:
    scores = membrane_scores(np.full((2, 2), predicted), np.full((2, 2), not predicted))
    assert scores == (0,) * 6


@given(prediction=MASKS, interior=MASKS)
def test_v_rand_counts_pairs_of_pixels(prediction: np.ndarray, interior: np.ndarray) -> None:
    assume(prediction.any() and interior.any())
    labels = components(prediction, 4)
    true, predicted = flat_clusters(labels, interior)
    (_, merged), (split, together) = pair_confusion_matrix(true, predicted)
    n = len(true)  # pairs of a pixel with itself count too
    scores = membrane_scores(labels, interior)
    assert scores.v_rand_precision == pytest.approx((together + n) / (together + merged + n))
    assert scores.v_rand_recall == pytest.approx((together + n) / (together + split + n))
    assert scores.v_rand == pytest.approx(2 * (together + n) / (2 * (together + n) + merged + split))


@given(prediction=MASKS, interior=MASKS)
def test_v_info_is_the_v_measure(prediction: np.ndarray, interior: np.ndarray) -> None:
    assume(prediction.any() and interior.any())
    labels = components(prediction, 4)
    true, predicted = flat_clusters(labels, interior)
    scores = membrane_scores(labels, interior)
    assert scores.v_info == pytest.approx(v_measure_score(true, predicted), abs=1e-9)
    assert scores.v_info_precision == pytest.approx(homogeneity_score(true, predicted), abs=1e-9)
    assert scores.v_info_recall == pytest.approx(completeness_score(true, predicted), abs=1e-9)


def test_large_image_agrees_with_scikit_image() -> None:
    interior, labels = cells(0), watershed(np.zeros((48, 48)), components(cells(1), 4))  # no pixel without a segment
    scores = membrane_scores(labels, interior)
    truth = components(interior, 4)
    assert scores.v_rand == pytest.approx(1 - adapted_rand_error(truth, labels)[0], abs=2e-3)  # it leaves out p = q
    split, merge = variation_of_information(truth, labels, ignore_labels=(0,))  # in bits
    _, areas = np.unique(truth[interior], return_counts=True)
    entropy = -(areas / areas.sum() * np.log2(areas / areas.sum())).sum()
    mutual = entropy - merge
    assert scores.v_info == pytest.approx(2 * mutual / (entropy + mutual + split))


@given(prediction=MASKS, interior=MASKS)
def test_scores_are_shares(prediction: np.ndarray, interior: np.ndarray) -> None:
    scores = membrane_scores(thin_borders(prediction), interior)
    assert all(0 <= value <= 1 + 1e-12 for value in scores)


def test_thick_membrane_is_thinned_to_its_middle() -> None:
    # 1 . . . . . 1  ->  1 1 1 . 2 2 2
    assert thin_borders(np.array([[1, 0, 0, 0, 0, 0, 1]], dtype=bool)).tolist() == [[1, 1, 1, 0, 2, 2, 2]]


def test_even_membrane_keeps_one_pixel() -> None:
    # 1 . . 1  ->  1 1 . 2: where two cells would touch the higher label gives way
    assert thin_borders(np.array([[1, 0, 0, 1]], dtype=bool)).tolist() == [[1, 1, 0, 2]]


def test_thinning_in_two_dimensions_by_hand() -> None:
    # 1 . . . 1      1 1 . 2 2
    # . . . . .  ->  1 1 . 2 2
    # . . . . .      . . . . .
    # . . . . .      3 3 . 4 4
    # 1 . . . 1      3 3 . 4 4
    corners = np.zeros((5, 5), dtype=bool)
    corners[::4, ::4] = True
    expected = [[1, 1, 0, 2, 2], [1, 1, 0, 2, 2], [0, 0, 0, 0, 0], [3, 3, 0, 4, 4], [3, 3, 0, 4, 4]]
    assert thin_borders(corners).tolist() == expected


def test_membrane_inside_one_cell_vanishes() -> None:
    # 1 1 1      1 1 1
    # 1 . 1  ->  1 1 1
    # 1 1 1      1 1 1
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    assert thin_borders(ring).all()


def test_prediction_without_a_cell_stays_empty() -> None:
    assert not thin_borders(np.zeros((3, 3), dtype=bool)).any()


@given(interior=MASKS)
def test_thinning_keeps_cells_apart(interior: np.ndarray) -> None:
    before, after = components(interior, 4), thin_borders(interior)
    assert np.array_equal(after[interior], before[interior])
    for one, other in ((after[1:], after[:-1]), (after[:, 1:], after[:, :-1])):
        assert ((one == other) | (one == 0) | (other == 0)).all()


@given(interior=MASKS)
def test_pixel_nearest_to_one_cell_falls_to_no_other(interior: np.ndarray) -> None:
    assume(interior.any())
    start, after = components(interior, 4), thin_borders(interior)
    cells = [np.argwhere(start == name) for name in range(1, start.max() + 1)]
    pixels = np.argwhere(np.ones_like(interior))
    away = np.array([cdist(pixels, cell, metric="cityblock").min(axis=1) for cell in cells])
    nearest = np.where((away == away.min(axis=0)).sum(axis=0) == 1, away.argmin(axis=0) + 1, after.ravel())
    assert ((after.ravel() == nearest) | (after.ravel() == 0)).all()


@pytest.mark.parametrize("seed", range(4))
def test_thinned_cells_score_as_those_of_a_watershed(seed: int) -> None:
    thick = ndimage.binary_erosion(cells(seed), iterations=2)
    lines = watershed(~thick, components(thick, 4), connectivity=1, watershed_line=True)
    ours = membrane_scores(thin_borders(thick), cells(seed))
    assert ours == pytest.approx(membrane_scores(lines, cells(seed)), abs=0.03)


def test_thinning_forgives_thick_membranes() -> None:
    thick = ndimage.binary_erosion(cells(0), iterations=2)
    thinned = membrane_scores(thin_borders(thick), cells(0))
    assert membrane_scores(components(thick, 4), cells(0)).v_rand < 0.6 < 0.9 < thinned.v_rand


def test_sweep_is_strictly_above_each_threshold() -> None:
    probability = np.array([[0.9, 0.9, 0.1, 0.5, 0.5]])
    sweep = threshold_sweep(probability, TWO_CELLS, thresholds=(0.05, 0.1, 0.5, 0.9))
    one_cell = membrane_scores(np.ones((1, 5), dtype=int), TWO_CELLS)
    assert sweep.tolist() == [list(one_cell), [1.0] * 6, list(one_cell), [0.0] * 6]


def test_best_threshold_is_one_for_all_images() -> None:
    # image 1 is best at the first threshold, image 2 at the second; the means are .5 and .6
    rand = np.array([[0.9, 0.5], [0.1, 0.7]])
    sweeps = np.zeros((2, 2, 6))
    sweeps[:, :, 0], sweeps[:, :, 1] = rand, rand / 2
    sweeps[:, 0, 3] = 0.4  # V_info is best at the other threshold
    assert best_threshold(sweeps) == pytest.approx(MembraneScores(0.6, 0.3, 0, 0.4, 0, 0))


def test_precision_and_recall_are_scikit_images_the_other_way_round() -> None:
    # Two true cells of 100 x 100 pixels that are predicted as one: a merger, which costs precision.
    interior = np.ones((100, 201), bool)
    interior[:, 100] = False
    merged = np.ones((100, 201), np.int32)
    truth = np.where(np.arange(201) < 100, 1, 2) * interior
    ours = membrane_scores(merged, interior)
    _, precision, recall = adapted_rand_error(truth, merged, ignore_labels=(0,))
    assert (ours.v_rand_precision, ours.v_rand_recall) == pytest.approx((recall, precision), abs=1e-4)
    assert ours.v_rand_precision == 0.5
