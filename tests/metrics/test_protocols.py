from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, f1_score, fbeta_score, jaccard_score, precision_score, recall_score

from polybench.metrics import EXTRA_PROTOCOLS, PER_IMAGE, PROTOCOLS
from polybench.metrics.protocols import PATCHES, per_image_values


def one(tp: int, fp: int, fn: int, tn: int) -> dict[str, float]:
    return {name: float(v[0]) for name, v in per_image_values(np.array([[tp, fp, fn, tn]])).items()}


def test_shifted_square_of_the_protocols_page() -> None:
    values = one(750, 150, 150, 8950)
    assert values["iou"] == pytest.approx(750 / 1050)
    assert values["dice"] == pytest.approx(0.8333, abs=5e-5)
    assert values["accuracy"] == pytest.approx(0.97)


def test_mean_over_images_of_the_protocols_page() -> None:
    counts = np.array([[750, 150, 150, 8950], [0, 0, 100, 9900], [3600, 0, 0, 6400]])
    values = per_image_values(counts)
    assert values["iou"].mean() == pytest.approx(0.571, abs=5e-4)
    assert values["dice"].mean() == pytest.approx(0.611, abs=5e-4)


def test_empty_prediction_of_an_empty_mask_scores_one() -> None:
    assert set(one(0, 0, 0, 100).values()) == {1.0}


def test_prediction_on_an_empty_mask_scores_zero() -> None:
    values = one(0, 3, 0, 97)
    assert {values[name] for name in ("dice", "iou", "precision", "recall", "f2")} == {0.0}
    assert values["specificity"] == pytest.approx(0.97)


def test_missed_object_scores_zero() -> None:
    values = one(0, 0, 5, 95)
    assert {values[name] for name in ("dice", "iou", "precision", "recall", "f2")} == {0.0}
    assert values["specificity"] == 1.0


def test_specificity_without_background_is_one() -> None:
    assert one(90, 0, 10, 0)["specificity"] == 1.0


masks = arrays(np.bool_, 30)


@given(masks.filter(np.any), masks)
def test_equals_scikit_learn(truth: np.ndarray, prediction: np.ndarray) -> None:
    tp, fp = (truth & prediction).sum(), (~truth & prediction).sum()
    fn, tn = (truth & ~prediction).sum(), (~truth & ~prediction).sum()
    values = one(tp, fp, fn, tn)
    assert values["dice"] == pytest.approx(f1_score(truth, prediction, zero_division=0))
    assert values["iou"] == pytest.approx(jaccard_score(truth, prediction, zero_division=0))
    assert values["precision"] == pytest.approx(precision_score(truth, prediction, zero_division=0))
    assert values["recall"] == pytest.approx(recall_score(truth, prediction))
    assert values["f2"] == pytest.approx(fbeta_score(truth, prediction, beta=2, zero_division=0))
    assert values["accuracy"] == pytest.approx(accuracy_score(truth, prediction))
    if not truth.all():
        assert values["specificity"] == pytest.approx(recall_score(~truth, ~prediction))


counts = st.integers(0, 10**9)


@given(counts, counts, counts, st.integers(1, 10**9))
def test_dice_follows_from_iou_and_all_values_are_fractions(tp: int, fp: int, fn: int, tn: int) -> None:
    values = one(tp, fp, fn, tn)
    assert values["dice"] == pytest.approx(2 * values["iou"] / (1 + values["iou"]))
    assert all(0 <= value <= 1 for value in values.values())


@given(counts, counts, counts, st.integers(1, 10**9))
def test_swapping_mask_and_prediction_swaps_precision_and_recall(tp: int, fp: int, fn: int, tn: int) -> None:
    forwards, backwards = one(tp, fp, fn, tn), one(tp, fn, fp, tn)
    assert forwards["dice"] == backwards["dice"]
    assert forwards["precision"] == backwards["recall"]


def test_every_metric_says_which_way_is_better() -> None:
    assert set(PER_IMAGE.directions) == set(per_image_values(np.ones((1, 4), dtype=np.int64)))


def test_headlines_of_the_protocols() -> None:
    # Dice of whole masks; PraNet's tables begin with mean Dice; FCN16s-Atrous was released with threshold 0.2; the area
    # for patches; PQ for nuclei; ISBI 2012 ranks by V_rand
    headlines = {protocol.name: protocol.headline for protocol in (*PROTOCOLS, *EXTRA_PROTOCOLS, PATCHES)}
    assert headlines == headlines | {
        **dict.fromkeys(("per_image", "fov", "fanet", "pooled", "efen"), "dice"),
        **dict.fromkeys(("pranet", "sweep"), "mean_dice"),
        "keras_fcn": "iou_0.2",
        "boundary": "hd95",
        "objects": "f1",
        "patches": "auc",
        "uacanet": "s_measure",
        "instances": "pq",
        "membranes": "v_rand",
    }


def test_rows_of_a_protocol_are_named() -> None:
    named = {protocol.name: protocol.what for protocol in (*PROTOCOLS, *EXTRA_PROTOCOLS, PATCHES)}
    assert {name: what for name, what in named.items() if what != "images"} == {
        "patches": "patches",
        "membranes": "slices",
    }


@pytest.mark.parametrize("changes", [{"headline": "dise"}, {"shown": ("iou", "dise")}, {"compared": (("dise",),)}])
def test_a_metric_without_a_direction_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="per_image has no direction for dise"):
        replace(PER_IMAGE, **changes)  # type: ignore[arg-type]
