"""The protocols of outlines, objects, instances and membranes, from maps to the numbers of a set."""

import math

import numpy as np
import pytest

from polybench.metrics.panel import image_table
from polybench.metrics.protocols import BOUNDARY, INSTANCES, MEMBRANES, OBJECTS, Protocol
from polybench.scoring.folder import StoredMap, stored_rows

SIZE = (30, 40)


def boxes(*corners: tuple[int, int, int, int]) -> np.ndarray:
    """A mask with full boxes (first row, first column, one past the last row, one past the last column)."""
    mask = np.zeros(SIZE, bool)
    for top, left, bottom, right in corners:
        mask[top:bottom, left:right] = True
    return mask


NONE, SQUARE = boxes(), boxes((5, 5, 15, 15))


def scores(protocol: Protocol, *pairs: tuple[np.ndarray, np.ndarray], valid: np.ndarray | None = None) -> dict:
    """Numbers of a set of pairs (prediction, truth)."""
    maps = [StoredMap(f"{k}", f"{k}", p.astype(np.float32), t > 0, valid) for k, (p, t) in enumerate(pairs)]
    return protocol.scores(stored_rows(maps, [protocol]))


def test_distances_are_averaged_over_images_in_native_pixels() -> None:
    shifted = boxes((5, 9, 15, 19))
    found = scores(BOUNDARY, (shifted, SQUARE), (SQUARE, SQUARE))
    assert found["hd95"] == (4 + 0) / 2
    assert 0 < found["assd"] < 2


def test_missed_object_is_a_diagonal_away_and_stays_in_the_mean() -> None:
    found = scores(BOUNDARY, (NONE, SQUARE), (SQUARE, SQUARE), (NONE, NONE))
    assert found["hd95"] == pytest.approx(50 / 3, abs=1e-9)  # 30 x 40 pixels
    assert found["assd"] == pytest.approx(50 / 3, abs=1e-9)
    assert found["boundary_iou"] == pytest.approx(2 / 3)


def test_distances_keep_nine_digits() -> None:
    prediction, truth = boxes((4, 4, 5, 5)), boxes((6, 7, 7, 8))
    assert scores(BOUNDARY, (prediction, truth))["assd"] == pytest.approx(math.sqrt(13), abs=1e-9)


def test_outlines_outside_the_field_of_view_do_not_count() -> None:
    far = boxes((20, 30, 25, 38))
    assert scores(BOUNDARY, (SQUARE | far, SQUARE), valid=~far)["hd95"] == 0
    assert scores(OBJECTS, (SQUARE | far, SQUARE), valid=~far)["precision"] == 1


def test_objects_as_table_two_counted_rightly() -> None:
    # two polyps, three predictions, two of them right: the released code finds 4 false positives, there is 1
    truth = boxes((1, 1, 5, 5), (1, 10, 5, 14))
    prediction = boxes((1, 1, 5, 5), (1, 10, 5, 13), (8, 20, 11, 23))
    found = scores(OBJECTS, (prediction, truth))
    assert found == pytest.approx({"f1": 4 / 5, "precision": 2 / 3, "recall": 1})


def test_objects_of_all_images_are_added_up() -> None:
    three = boxes((0, 0, 4, 4), (0, 10, 4, 14), (0, 20, 4, 24))
    found = scores(OBJECTS, (three, three), (NONE, SQUARE), (SQUARE, NONE))
    assert found["precision"] == found["recall"] == found["f1"] == 3 / 4


def test_objects_of_each_image_are_in_the_table() -> None:
    maps = [StoredMap("a", "a", (SQUARE | boxes((20, 30, 25, 38))).astype(np.float32), SQUARE, None)]
    table = image_table(stored_rows(maps, [OBJECTS]), [OBJECTS])
    assert table.columns.tolist() == ["id", "group", "objects@2/tp", "objects@2/fp", "objects@2/fn"]
    assert table.iloc[0, 2:].tolist() == [1, 1, 0]


@pytest.mark.parametrize(("prediction", "value"), [(NONE, 1.0), (SQUARE, 0.0)])
def test_set_without_objects(prediction: np.ndarray, value: float) -> None:
    assert scores(OBJECTS, (prediction, NONE)) == {"f1": value, "precision": value, "recall": value}


LABELS = boxes((2, 2, 10, 10)).astype(np.int32) + 2 * boxes((2, 10, 10, 18))
"""Two nuclei of 64 pixels that touch."""


def nuclei(predicted: np.ndarray | None = None, valid: np.ndarray | None = None) -> dict[str, float]:
    """A prediction of both nuclei."""
    probability = (LABELS > 0).astype(np.float32)
    item = StoredMap("a", "a", probability, LABELS > 0, valid, LABELS, predicted)
    return INSTANCES.scores(stored_rows([item], [INSTANCES]))


def test_touching_nuclei_are_one_predicted_component() -> None:
    assert nuclei() == {"aji": 0.5, "pq": 0, "dq": 0, "sq": 0}  # each nucleus takes it: (64 + 64) / (128 + 128)


def test_predicted_label_map_tells_them_apart() -> None:
    assert nuclei(predicted=np.where(LABELS > 0, LABELS + 300, 0)) == {"aji": 1, "pq": 1, "dq": 1, "sq": 1}


def test_instances_outside_the_field_of_view_do_not_count() -> None:
    assert nuclei(valid=boxes((0, 0, 30, 10))) == {"aji": 1, "pq": 1, "dq": 1, "sq": 1}


def test_instances_are_averaged_over_images() -> None:
    items = [
        StoredMap("a", "a", (LABELS > 0).astype(np.float32), LABELS > 0, None, LABELS),
        StoredMap("b", "b", SQUARE.astype(np.float32), SQUARE, None, SQUARE.astype(np.int32)),
    ]
    assert INSTANCES.scores(stored_rows(items, [INSTANCES])) == {"aji": 0.75, "pq": 0.5, "dq": 0.5, "sq": 0.5}


def cells(faintness: float) -> tuple[np.ndarray, np.ndarray]:
    """Two cells, and a map whose membrane between them has a probability of cell interior."""
    interior = np.ones(SIZE, bool)
    interior[:, 20] = False
    return np.where(interior, 0.95, faintness), interior


def test_membrane_at_one_half_divides() -> None:
    assert scores(MEMBRANES, cells(0.5))["v_rand"] == 1
    merged = scores(MEMBRANES, cells(0.51))
    half, rest = 20 / 39, 19 / 39
    assert merged["v_rand_precision"] == pytest.approx(half**2 + rest**2)
    assert (merged["v_rand_recall"], merged["v_info"]) == (1, 0)


def test_maximum_is_at_one_threshold_for_all_slices() -> None:
    found = scores(MEMBRANES, cells(0.35), cells(0.75))
    assert found["v_rand"] < found["max_v_rand"] == found["max_v_info"] == 1
