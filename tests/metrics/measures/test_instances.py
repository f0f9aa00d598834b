import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchmetrics.functional.detection import panoptic_quality as torchmetrics_pq

from polybench.metrics.measures.instances import InstanceCounts, aggregated_jaccard, instance_counts, panoptic_quality
from polybench.metrics.measures.labels import components

EMPTY = np.zeros((2, 3), dtype=int)
LABELS = arrays(np.int64, (5, 6), elements=st.sampled_from([0, 1, 2, 3, 8]))

TRUTH = np.array(
    [
        [1, 1, 1, 0, 2, 2],
        [1, 1, 1, 0, 2, 2],
        [0, 0, 0, 0, 0, 0],
        [3, 3, 0, 0, 0, 0],
    ]
)
PREDICTION = np.array(
    [
        [5, 5, 5, 5, 5, 7],
        [5, 5, 5, 0, 0, 7],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 9, 9],
    ]
)
# 1 and 5: 6 shared, union 8;  2 and 7: 2 shared, union 4 (IoU 1/2, no pair of PQ);  2 and 5: 1 shared, union 11
# 3 is missed (2 pixels), 9 is invented (2 pixels)


def slow_aji(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Algorithm 1 of Kumar et al., mask by mask."""
    intersection, union, used = 0, 0, set()
    predictions = [int(name) for name in np.unique(prediction[prediction > 0])]
    for name in np.unique(truth[truth > 0]):
        nucleus = truth == name

        def quality(other: int, nucleus: np.ndarray = nucleus) -> tuple[float, int]:
            mask = prediction == other
            return (nucleus & mask).sum() / (nucleus | mask).sum(), int((nucleus & mask).sum())

        best = max(predictions, key=quality, default=None)
        if best is None or not quality(best)[1]:
            union += nucleus.sum()
            continue
        used.add(best)
        intersection += (nucleus & (prediction == best)).sum()
        union += (nucleus | (prediction == best)).sum()
    union += sum((prediction == name).sum() for name in predictions if name not in used)
    return intersection / union if union else 1.0


def test_counts_by_hand() -> None:
    counts = instance_counts(PREDICTION, TRUTH)
    assert counts == InstanceCounts(tp=1, fp=2, fn=2, iou=6 / 8, intersection=8, union=8 + 4 + 2 + 2)


def test_aji_by_hand() -> None:
    assert aggregated_jaccard(instance_counts(PREDICTION, TRUTH)) == 8 / 16


def test_panoptic_quality_by_hand() -> None:
    assert panoptic_quality(instance_counts(PREDICTION, TRUTH)) == (0.75 / 3, 1 / 3, 0.75)


def test_one_prediction_may_serve_two_nuclei_in_aji() -> None:
    truth, merged = np.array([[1, 1, 2, 2]]), np.array([[4, 4, 4, 4]])
    counts = instance_counts(merged, truth)
    assert (counts.intersection, counts.union) == (4, 8)


def test_touching_nuclei_of_a_binary_map_are_one_instance() -> None:
    truth = np.array([[1, 1, 2, 2]])
    assert instance_counts(components(truth > 0, 8), truth)[:3] == (0, 1, 2)


def test_nothing_to_find_and_nothing_found_is_one() -> None:
    counts = instance_counts(EMPTY, EMPTY)
    assert aggregated_jaccard(counts) == 1
    assert panoptic_quality(counts) == (1, 1, 1)


@pytest.mark.parametrize(("prediction", "truth"), [(EMPTY, EMPTY + 1), (EMPTY + 1, EMPTY)])
def test_one_empty_map_is_nought(prediction: np.ndarray, truth: np.ndarray) -> None:
    counts = instance_counts(prediction, truth)
    assert aggregated_jaccard(counts) == 0
    assert panoptic_quality(counts) == (0, 0, 0)


def test_summed_counts_are_those_of_one_large_image() -> None:
    shifted = np.where(TRUTH > 0, TRUTH + 20, 0)
    first, second = instance_counts(PREDICTION, TRUTH), instance_counts(shifted, shifted)
    summed = InstanceCounts(*(a + b for a, b in zip(first, second, strict=True)))
    assert summed == instance_counts(np.hstack([PREDICTION, shifted]), np.hstack([TRUTH, shifted]))


@given(prediction=LABELS, truth=LABELS)
def test_aji_mask_by_mask(prediction: np.ndarray, truth: np.ndarray) -> None:
    assert aggregated_jaccard(instance_counts(prediction, truth)) == pytest.approx(slow_aji(prediction, truth))


@given(prediction=LABELS, truth=LABELS)
def test_panoptic_quality_is_that_of_torchmetrics(prediction: np.ndarray, truth: np.ndarray) -> None:
    assume((prediction > 0).any() or (truth > 0).any())
    maps = [
        torch.from_numpy(np.stack([labels > 0, labels], axis=-1).astype(np.int64))[None]
        for labels in (prediction, truth)
    ]
    expected = torchmetrics_pq(*maps, things={1}, stuffs={0}, return_sq_and_rq=True, return_per_class=True)
    pq, sq, dq = expected.reshape(-1, 3)[0].tolist()
    assert panoptic_quality(instance_counts(prediction, truth)) == pytest.approx((pq, dq, sq), abs=1e-6)


@given(labels=LABELS)
def test_perfect_prediction_is_one_whatever_its_numbers(labels: np.ndarray) -> None:
    renamed = np.where(labels > 0, 20 - labels, 0)
    counts = instance_counts(renamed, labels)
    assert aggregated_jaccard(counts) == 1
    assert panoptic_quality(counts) == (1, 1, 1)
