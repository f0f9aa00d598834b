import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from torchmetrics.classification import BinaryCalibrationError, MulticlassCalibrationError

from polybench.results.derived.calibration import ERRORS, calibration
from polybench.results.derived.seeds import Seeds
from tests.results.derived.tables import Array, patches, smooth, table

MAPS = [smooth(seed) for seed in range(6)]
GROUPS = ["v0", "v0", "v0", "v1", "v1", "v2"]


def together(maps: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    return np.concatenate([p.ravel() for p, _ in maps]), np.concatenate([m.ravel() for _, m in maps])


def reference(probability: Array, mask: Array) -> dict[str, float]:
    """The errors of these pixels by torchmetrics and scikit-learn."""
    found, truth = torch.from_numpy(probability.ravel()).double(), torch.from_numpy(mask.ravel()).int()
    of_classes = MulticlassCalibrationError(2, n_bins=10, norm="l1")
    return {
        "ece": float(BinaryCalibrationError(n_bins=10, norm="l1")(found, truth)),
        "confidence_ece": float(of_classes(torch.stack([1 - found, found], dim=1), truth)),
        "brier": float(brier_score_loss(truth.numpy(), found.numpy())),
    }


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    return Seeds([table(MAPS, GROUPS)])


def test_errors_of_all_pixels_are_those_of_torchmetrics_and_scikit_learn(seeds: Seeds) -> None:
    found = calibration(seeds)
    assert found is not None
    expected = reference(*together(MAPS))
    assert {name: found.pixels[name].value for name in ERRORS} == pytest.approx(expected, abs=2e-6)


def test_mean_over_images_and_over_groups(seeds: Seeds) -> None:
    found = calibration(seeds)
    assert found is not None
    assert found.images is not None
    groups = [[pair for pair, group in zip(MAPS, GROUPS, strict=True) if group == name] for name in ("v0", "v1", "v2")]
    of_images, of_groups = [reference(*pair) for pair in MAPS], [reference(*together(group)) for group in groups]
    for name in ERRORS:
        assert found.images[name].value == pytest.approx(np.mean([one[name] for one in of_images]), abs=2e-6)
        assert found.groups[name].value == pytest.approx(np.mean([one[name] for one in of_groups]), abs=2e-6)


def test_reliability_table_is_the_curve_of_scikit_learn(seeds: Seeds) -> None:
    found = calibration(seeds)
    assert found is not None
    probability, mask = together(MAPS)
    share, mean = calibration_curve(mask, probability, n_bins=10)
    filled = [one for one in found.reliability if one.pixels]
    assert [one.share for one in filled] == pytest.approx(share)
    assert [one.probability for one in filled] == pytest.approx(mean, abs=2e-6)
    assert sum(one.pixels for one in found.reliability) == mask.size


def test_intervals_draw_whole_groups(seeds: Seeds) -> None:
    # of two groups all draws are: one twice, both, the other twice; the ends are those of the first and the last
    found = calibration(seeds.only(np.array([name != "v2" for name in GROUPS])))
    assert found is not None
    ends = sorted(reference(*together(part))["brier"] for part in (MAPS[:3], MAPS[3:5]))
    assert [found.pixels["brier"].low, found.pixels["brier"].high] == pytest.approx(ends, abs=2e-6)
    assert [found.groups["brier"].low, found.groups["brier"].high] == pytest.approx(ends, abs=2e-6)
    assert (found.pixels["brier"].n, found.pixels["brier"].groups) == (5, 2)


def test_several_seeds_are_averaged_with_their_spread() -> None:
    tables = [table([(p, m)]) for p, m in (MAPS[0], (np.full_like(MAPS[0][0], 0.25), MAPS[0][1]))]
    each = [calibration(Seeds([one])) for one in tables]
    both = calibration(Seeds(tables))
    values = [one.pixels["ece"].value for one in each if one]
    assert both is not None
    assert both.pixels["ece"].value == pytest.approx(np.mean(values))
    assert both.pixels["ece"].spread == pytest.approx(np.std(values, ddof=1))
    assert both.pixels["ece"].low is None  # a single group


def test_patches() -> None:
    probability, positive = [0.1234, 0.23, 0.85, 0.51, 0.93, 0.41], [False, True, True, False, True, False]
    found = calibration(Seeds([patches(probability, positive, ["a", "a", "b", "b", "c", "c"])]))
    assert found is not None
    assert found.images is None
    assert found.unit == "patches"
    expected = reference(np.array(probability), np.array(positive))
    assert {name: one.value for name, one in found.pixels.items()} == pytest.approx(expected, abs=1e-6)


def test_tables_without_the_sums_have_no_calibration() -> None:
    rows = table(MAPS[:1])
    assert calibration(Seeds([rows[[name for name in rows if not name.startswith("calibration")]]])) is None
