import numpy as np
import py_sod_metrics as sod
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from polybench.metrics.measures.histograms import (
    Sweep,
    dice_curve,
    e_curve,
    f_curve,
    histograms,
    iou_curve,
    precision_curve,
    recall_curve,
    roc_auc,
    sweep,
)

BYTES = arrays(np.uint8, (6, 7))
MASKS = arrays(np.bool_, (6, 7))


def counted(levels: np.ndarray, mask: np.ndarray) -> Sweep:
    return sweep(*histograms(torch.from_numpy(levels / 255), torch.from_numpy(mask)))


@settings(deadline=None, max_examples=50)
@given(levels=BYTES, mask=MASKS)
def test_sweep_by_looking_at_every_threshold(levels: np.ndarray, mask: np.ndarray) -> None:
    found = counted(levels, mask)
    assert (int(found.positives), int(found.pixels)) == (mask.sum(), 42)
    for place, k in enumerate(range(255, -1, -1)):
        above = levels >= k
        tp, predicted = int((above & mask).sum()), int(above.sum())
        assert (int(found.tp[place]), int(found.predicted[place])) == (tp, predicted)
        expected = (2 * tp / (mask.sum() + predicted), tp / (above | mask).sum()) if tp else (0, 0)
        assert (float(dice_curve(found)[place]), float(iou_curve(found)[place])) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:This class will be removed")
@settings(deadline=None, max_examples=50)
@given(levels=BYTES, mask=MASKS)
def test_curves_are_those_of_pysodmetrics(levels: np.ndarray, mask: np.ndarray) -> None:
    assume(mask.any())
    alignment, f_measure = sod.Emeasure(), sod.Fmeasure(beta=0.3)
    for measure in (alignment, f_measure):
        measure.step(levels / 255, mask, normalize=False)
    found = counted(levels, mask)
    np.testing.assert_allclose(e_curve(found), alignment.get_results()["em"]["curve"], atol=1e-6)
    results = f_measure.get_results()
    np.testing.assert_allclose(f_curve(found, 0.3), results["fm"]["curve"], atol=1e-6)
    np.testing.assert_allclose(precision_curve(found), results["pr"]["p"], atol=1e-6)
    np.testing.assert_allclose(recall_curve(found), results["pr"]["r"], atol=1e-6)


@settings(deadline=None)
@given(levels=BYTES, mask=MASKS)
def test_area_is_that_of_scikit_learn(levels: np.ndarray, mask: np.ndarray) -> None:
    assume(mask.any() and not mask.all())
    found = roc_auc(*histograms(torch.from_numpy(levels / 255), torch.from_numpy(mask)))
    assert float(found) == pytest.approx(roc_auc_score(mask.ravel(), levels.ravel()))


def test_pixels_outside_the_field_of_view_are_in_no_bin() -> None:
    mask, valid = torch.tensor([[True, False, True]]), torch.tensor([[True, True, False]])
    foreground, background = histograms(torch.tensor([[1.0, 0.5, 0.2]]), mask, valid)
    assert foreground.nonzero().tolist() == [[255]]
    assert background.nonzero().tolist() == [[127]]
