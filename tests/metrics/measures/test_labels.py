import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from polybench.metrics.measures.labels import components, overlaps

DIAGONAL = np.array([[1, 0], [0, 1]], dtype=bool)

MASKS = arrays(bool, (6, 7))
LABELS = arrays(np.int32, (4, 5), elements=st.integers(0, 4))


def test_four_neighbours_do_not_join_corners() -> None:
    assert components(DIAGONAL, 4).tolist() == [[1, 0], [0, 2]]


def test_eight_neighbours_join_corners() -> None:
    assert components(DIAGONAL, 8).tolist() == [[1, 0], [0, 1]]


@given(mask=MASKS, neighbours=st.sampled_from([4, 8]))
def test_components_are_those_of_scikit_image(mask: np.ndarray, neighbours: int) -> None:
    expected = label(mask, connectivity=1 if neighbours == 4 else 2)
    ours = components(mask, 4 if neighbours == 4 else 8)
    pairs = {(int(a), int(b)) for a, b in zip(ours.ravel(), expected.ravel(), strict=True)}
    assert len(pairs) == len(np.unique(ours)) == len(np.unique(expected))


def test_overlaps_by_hand() -> None:
    truth = np.array([[7, 7, 0], [7, 0, 9]])
    prediction = np.array([[2, 2, 2], [0, 0, 5]])
    found = overlaps(prediction, truth)
    pairs = list(zip(found.truth.tolist(), found.prediction.tolist(), found.pixels.tolist(), strict=True))
    assert pairs == [(0, 0, 2), (1, 1, 1)]
    assert found.truth_areas.tolist() == [3, 1]
    assert found.prediction_areas.tolist() == [3, 1]
    assert found.iou().tolist() == [2 / 4, 1.0]


@pytest.mark.parametrize("value", [0, 3])
def test_background_alone_has_no_pair(value: int) -> None:
    found = overlaps(np.zeros((2, 2), dtype=int), np.full((2, 2), value))
    assert found.pixels.tolist() == []
    assert found.prediction_areas.tolist() == []


@given(prediction=LABELS, truth=LABELS)
def test_iou_is_that_of_each_pair_of_masks(prediction: np.ndarray, truth: np.ndarray) -> None:
    found = overlaps(prediction, truth)
    true_names, predicted_names = np.unique(truth[truth > 0]), np.unique(prediction[prediction > 0])
    expected = {}
    for t, true_name in enumerate(true_names):
        for p, predicted_name in enumerate(predicted_names):
            a, b = truth == true_name, prediction == predicted_name
            if (a & b).any():
                expected[t, p] = (a & b).sum() / (a | b).sum()
    assert expected == dict(zip(zip(found.truth, found.prediction, strict=True), found.iou(), strict=True))
