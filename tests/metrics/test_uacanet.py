"""UACANet's measures of maps that are not stretched, against PySODMetrics."""

import numpy as np
import py_sod_metrics as sod
import pytest
from scipy import ndimage

from polybench.experiments.scores import all_scores
from polybench.metrics import PROTOCOLS
from polybench.metrics.protocols import BY_NAME, PRANET, UACANET
from polybench.scoring.folder import StoredMap, stored_rows


def pair(seed: int, peak: float) -> tuple[np.ndarray, np.ndarray]:
    """A pale map, whose highest value is `peak`, and a mask that agrees with it in part."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(2, 40, 52)), (0, 3, 3))
    probability = peak * (noise[0] - noise[0].min()) / np.ptp(noise[0])
    return probability.astype(np.float32), noise.sum(axis=0) > 0.05


def reference(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    structure, weighted, error = sod.Smeasure(), sod.WeightedFmeasure(beta=1), sod.MAE()
    for probability, mask in pairs:
        for measure in (structure, weighted, error):
            measure.step(probability.astype(np.float64), mask, normalize=False)
    return {
        "s_measure": structure.get_results()["sm"],
        "weighted_f": weighted.get_results()["wfm"],
        "mae": error.get_results()["mae"],
    }


@pytest.mark.parametrize("peak", [0.6, 1.0])
def test_measures_of_the_map_as_it_is_are_those_of_pysodmetrics(peak: float) -> None:
    pairs = [pair(seed, peak) for seed in range(3)]
    rows = stored_rows((StoredMap(f"i{k}", "g", *one, None) for k, one in enumerate(pairs)), [UACANET])
    assert UACANET.scores(rows) == pytest.approx(reference(pairs), abs=2e-6)


def test_a_pale_map_is_worse_than_stretched() -> None:
    rows = stored_rows([StoredMap("a", "a", *pair(0, 0.3), None)], [PRANET, UACANET])
    as_it_is, stretched = UACANET.scores(rows), PRANET.scores(rows)
    assert as_it_is["weighted_f"] < stretched["weighted_f"] - 0.05
    assert as_it_is["mae"] != pytest.approx(stretched["mae"], abs=0.01)


def test_it_is_in_no_test_of_a_dataset() -> None:
    assert BY_NAME == (UACANET,)
    rows = stored_rows([StoredMap("a", "a", *pair(0, 0.3), None)])
    assert UACANET.key not in all_scores(rows, PROTOCOLS)
    assert "structure_as_is" not in rows.columns
