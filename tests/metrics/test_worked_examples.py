"""The worked examples that were computed by hand for the protocols, and what each protocol does with empty masks."""

import numpy as np
import pytest

from polybench.metrics.folder import StoredMap, stored_rows
from polybench.metrics.panel import panel

Panel = dict[str, dict[str, float]]


def score(probability: np.ndarray, mask: np.ndarray, valid: np.ndarray | None = None) -> Panel:
    return panel(stored_rows([StoredMap("a", "a", probability.astype(np.float32), mask.astype(bool), valid)]))


def square(side: int, left: int, size: int = 100) -> np.ndarray:
    mask = np.zeros((size, size))
    mask[20 : 20 + side, left : left + side] = 1
    return mask


def soft_disc() -> tuple[np.ndarray, np.ndarray]:
    """A disc of radius 20, and a map with a logistic edge at radius 22 of width 3; some pixels are at 0.5 exactly."""
    y, x = np.mgrid[:100, :100] - 50
    radius = np.hypot(y, x)
    return 1 / (1 + np.exp((radius - 22) / 3)), radius < 20


def test_two_class_iou_of_a_shifted_square_is_above_its_dice() -> None:
    found = score(square(30, 25), square(30, 20))
    assert found["keras_fcn"]["iou_0.5"] == pytest.approx(0.7143, abs=5e-5)
    assert found["keras_fcn"]["miou_0.5"] == pytest.approx(0.8409, abs=5e-5)
    assert found["keras_fcn"]["accuracy_0.5"] == pytest.approx(0.97)
    assert found["pooled"]["miou"] == pytest.approx(0.8409, abs=5e-5)


def test_thresholds_of_a_soft_disc() -> None:
    found = score(*soft_disc())
    assert found["fanet"]["dice"] == pytest.approx(0.903, abs=5e-4)  # above 0.5; per_image takes 0.5 itself too
    assert found["keras_fcn"]["dice_0.2"] == pytest.approx(0.735, abs=1e-3)
    assert found["pranet"]["mean_dice"] == pytest.approx(0.792, abs=1e-3)
    assert found["pranet"]["max_dice"] == pytest.approx(1.0)
    assert found["fanet"]["iou"] == pytest.approx(0.823, abs=5e-4)
    assert found["keras_fcn"]["iou_0.2"] == pytest.approx(0.580, abs=1e-3)
    assert found["pranet"]["mean_iou"] == pytest.approx(0.682, abs=1e-3)


def test_binarised_soft_disc_sweeps_to_nearly_its_dice() -> None:
    probability, mask = soft_disc()
    found = score(probability > 0.5, mask)
    everything = 2 * mask.sum() / (mask.size + mask.sum())
    assert found["per_image"]["dice"] == pytest.approx(0.9028, abs=5e-5)
    assert found["pranet"]["mean_dice"] == pytest.approx((255 * 0.9028 + everything) / 256, abs=5e-5)


def test_soft_dice_of_a_soft_disc() -> None:
    assert score(*soft_disc())["efen"]["dice"] == pytest.approx(0.783, abs=1e-3)


def test_stretching_comes_before_the_error() -> None:
    probability, mask = soft_disc()
    found = score(probability * 0.6, mask)
    assert found["per_image"]["dice"] == pytest.approx(0.857, abs=1e-3)
    assert found["pranet"]["mae"] == pytest.approx(0.062, abs=1e-3)


@pytest.mark.parametrize(("pixels", "one"), [(0, 1.0), (3, 0.0)])
def test_empty_mask(pixels: int, one: float) -> None:
    prediction = np.zeros((100, 100))
    prediction.flat[:pixels] = 1
    found = score(prediction, np.zeros((100, 100)))
    for name, metric in (
        ("per_image", "dice"),
        ("fanet", "dice"),
        ("fanet", "iou"),
        ("keras_fcn", "iou_0.5"),
        ("keras_fcn", "dice_0.5"),
        ("pooled", "dice"),
        ("efen", "dice"),
        ("fov", "dice"),
    ):
        assert found[name][metric] == pytest.approx(one, abs=1e-14), (name, metric)
    assert found["pranet"]["max_dice"] == found["pranet"]["weighted_f"] == 0
    assert found["pranet"]["s_measure"] == pytest.approx(1 - pixels / 1e4)
    assert found["pranet"]["max_e"] == pytest.approx((1e4 - pixels) / (1e4 - 1))
    assert "auc" not in found["fov"]


def test_smoothing_of_fanet_is_seen_on_an_empty_mask() -> None:
    prediction = np.zeros((10, 10))
    prediction.flat[:3] = 1
    found = score(prediction, np.zeros((10, 10)))["fanet"]
    assert found["dice"] == pytest.approx(1e-15 / 3, rel=1e-6)
    assert found["recall"] == 1.0


def test_field_of_view_moves_specificity_and_accuracy_but_not_dice() -> None:
    mask, prediction = square(20, 40), square(20, 45)
    y, x = np.mgrid[:100, :100] - 49.5
    valid = np.hypot(y, x) < 47
    found = score(prediction, mask, valid)
    outside = int((~valid).sum())
    assert found["fov"]["dice"] == found["pooled"]["dice"] == pytest.approx(0.75)
    assert found["pooled"]["specificity"] == pytest.approx(9500 / 9600)
    assert found["fov"]["specificity"] == pytest.approx((9500 - outside) / (9600 - outside))
    assert found["fov"]["accuracy"] == pytest.approx((9800 - outside) / (1e4 - outside))
