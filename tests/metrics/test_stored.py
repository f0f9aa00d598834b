"""What the per-image table stores for later numbers, against scikit-learn, torchmetrics, scipy and scikit-image."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.measure import label, regionprops
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from torchmetrics.classification import BinaryCalibrationError

from polybench.metrics import PER_IMAGE, STORED
from polybench.metrics.measures.boundary import outline
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import PATCHES
from polybench.metrics.sufficient import Rows
from polybench.scoring.folder import StoredMap, stored_rows

BINS = range(10)
SIZE = (23, 31)


def stored(probability: np.ndarray, mask: np.ndarray, valid: np.ndarray | None = None) -> pd.Series:
    """The row of the per-image table."""
    item = StoredMap("a", "a", probability.astype(np.float32), mask, valid)
    return image_table(stored_rows([item], [PER_IMAGE], STORED), [PER_IMAGE]).iloc[0]


def bins_of(row: pd.Series, name: str) -> np.ndarray:
    return np.array([row[f"calibration@1/{name}_{k}"] for k in BINS])


@pytest.fixture
def net() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A smooth probability map, a mask that agrees with it in part, and a field of view."""
    random = np.random.default_rng(3)
    noise = ndimage.gaussian_filter(random.normal(size=(2, *SIZE)), (0, 2, 2)) * 8
    probability = (1 / (1 + np.exp(-2 * noise[0]))).astype(np.float32)
    return probability, noise.sum(axis=0) > 0.3, random.random(SIZE) > 0.2


def nsd(prediction: np.ndarray, truth: np.ndarray, tolerance: float) -> float:
    """Normalised surface distance of two masks that are not empty, by distance maps of their outlines."""
    one, other = outline(prediction), outline(truth)
    near_one = (ndimage.distance_transform_edt(~other)[one] <= tolerance).sum()
    near_other = (ndimage.distance_transform_edt(~one)[other] <= tolerance).sum()
    return float((near_one + near_other) / (one.sum() + other.sum()))


def test_bins_by_hand() -> None:
    probability = np.array([[0.0, 0.05, 0.1, 0.5, 0.95, 1.0]])
    row = stored(probability, np.array([[False, True, False, True, True, True]]))
    assert bins_of(row, "pixels").tolist() == [2, 1, 0, 0, 0, 1, 0, 0, 0, 2]
    assert bins_of(row, "positives").tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert bins_of(row, "probability") == pytest.approx([0.05, 0.1, 0, 0, 0, 0.5, 0, 0, 0, 1.95], abs=2e-6)
    assert row["calibration@1/brier"] == pytest.approx((0.95**2 + 0.1**2 + 0.5**2 + 0.05**2) / 6, abs=2e-6)


def test_reliability_is_that_of_scikit_learn_inside_the_field_of_view(
    net: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    probability, mask, valid = net
    row = stored(probability, mask, valid)
    observed, predicted = calibration_curve(mask[valid], probability[valid], n_bins=10)
    filled = (pixels := bins_of(row, "pixels")) > 0
    assert (bins_of(row, "positives") / pixels)[filled] == pytest.approx(observed)
    assert (bins_of(row, "probability") / pixels)[filled] == pytest.approx(predicted, abs=1e-6)
    assert row["calibration@1/brier"] == pytest.approx(brier_score_loss(mask[valid], probability[valid]), abs=1e-6)


def test_expected_calibration_error_is_that_of_torchmetrics(net: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    probability, mask, _ = net
    row = stored(probability, mask)
    error = np.abs(bins_of(row, "probability") - bins_of(row, "positives")).sum() / mask.size
    reference = BinaryCalibrationError(n_bins=10, norm="l1")
    assert error == pytest.approx(
        float(reference(torch.from_numpy(probability), torch.from_numpy(mask).int())), abs=1e-6
    )


@pytest.mark.parametrize("tolerance", [1, 2, 5])
def test_surface_distance_follows_from_the_overlaps(
    tolerance: int, net: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    probability, mask, valid = net
    row = stored(probability, mask, valid)
    near = row[f"surface@1/predicted_near_{tolerance}"] + row[f"surface@1/true_near_{tolerance}"]
    pixels = row["surface@1/predicted_pixels"] + row["surface@1/true_pixels"]
    prediction = (probability >= 0.5) & valid
    assert near / pixels == pytest.approx(nsd(prediction, mask & valid, tolerance))


def test_overlaps_of_shifted_squares_by_hand() -> None:
    # Two squares of 4 x 4 pixels, 12 of them outline, the second 2 columns further: 4 columns of each outline lie 0, 0,
    # 1 and 2 from the other one, so that within 1 pixel there are all but the outermost column of 4
    truth, prediction = np.zeros((8, 12), bool), np.zeros((8, 12), bool)
    truth[2:6, 2:6] = prediction[2:6, 4:8] = True
    row = stored(prediction, truth)
    assert [row[f"surface@1/{name}_pixels"] for name in ("predicted", "true")] == [12, 12]
    assert [row[f"surface@1/predicted_near_{tolerance}"] for tolerance in (1, 2, 5)] == [8, 12, 12]
    assert [row[f"surface@1/true_near_{tolerance}"] for tolerance in (1, 2, 5)] == [8, 12, 12]


@pytest.mark.parametrize("empty", ["prediction", "truth", "both"])
def test_nothing_is_near_an_empty_mask(empty: str) -> None:
    square = np.zeros((6, 6), bool)
    square[1:4, 1:4] = True
    prediction = square & (empty == "truth")
    truth = square & (empty == "prediction")
    row = stored(prediction, truth)
    assert {row[f"surface@1/{which}_near_5"] for which in ("predicted", "true")} == {0}
    assert row["surface@1/predicted_pixels"] + row["surface@1/true_pixels"] == (0 if empty == "both" else 8)


@settings(deadline=None, max_examples=30)
@given(arrays(np.bool_, (7, 9)), arrays(np.bool_, (7, 9)), arrays(np.bool_, (7, 9)))
def test_sizes_are_those_of_scikit_image(prediction: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> None:
    row = stored(prediction, truth, valid)
    areas = [int(region.area) for region in regionprops(label(truth & valid, connectivity=2))]
    expected = [int((prediction & valid).sum()), sum(areas), len(areas), max(areas, default=0)]
    names = ("predicted_pixels", "true_pixels", "true_objects", "largest_object")
    assert [row[f"size@1/{name}"] for name in names] == expected


def test_an_image_without_a_field_of_view_has_zeros() -> None:
    row = stored(np.full((4, 4), 0.7), np.ones((4, 4), bool), np.zeros((4, 4), bool))
    assert not row[[name for name in row.index if name.split("@")[0] in STORED]].any()


def test_the_table_of_patches_has_their_scores() -> None:
    columns = {"score": np.array([0.25, 0.75]), "positive": np.array([False, True])}
    table = image_table(Rows(["a", "b"], ["a", "b"], columns), [PATCHES])
    assert table["calibration@1/probability"].tolist() == [0.25, 0.75]
    assert table["calibration@1/positive"].tolist() == [0, 1]


def test_rows_that_nothing_was_stored_for_have_no_such_columns() -> None:
    item = StoredMap("a", "a", np.zeros((4, 4), np.float32), np.zeros((4, 4), bool), None)
    assert not [name for name in image_table(stored_rows([item])) if name.split("@")[0] in STORED]
