import numpy as np
import pytest

from polybench.synth.noise import smooth_noise


@pytest.mark.parametrize("scale", [2.0, 5.0])
def test_correlation_is_that_of_white_noise_under_a_gaussian(scale: float) -> None:
    field = smooth_noise(np.random.default_rng(0), (256, 192), scale)
    for axis in (0, 1):
        for lag in (1, 3, 6):
            measured = (field * np.roll(field, lag, axis)).mean()
            assert measured == pytest.approx(np.exp(-(lag**2) / (4 * scale**2)), abs=0.08)


@pytest.mark.parametrize("scale", [0.5, 8.0, 500.0])
def test_mean_is_zero_and_deviation_one(scale: float) -> None:
    field = smooth_noise(np.random.default_rng(1), (33, 47), scale)
    assert field.shape == (33, 47)
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(1)
