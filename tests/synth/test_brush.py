import numpy as np
import pytest

from polybench.synth.brush import along, periodic_noise, sample, smooth_step, stamp


def disc(distance: np.ndarray, radius: np.ndarray) -> np.ndarray:
    return (distance < radius).astype(float)


def test_noise_has_no_seam_and_only_the_asked_frequencies() -> None:
    texture = periodic_noise(np.random.default_rng(0), 3, 9, 1.0, tile=64)
    power = np.abs(np.fft.fft2(texture))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64, 1 / 64), np.fft.fftfreq(64, 1 / 64)))
    assert power[(frequency < 3) | (frequency > 9)].max() < 1e-9 * power.max()
    assert texture.std() == pytest.approx(1)


def test_sample_reads_samples_and_the_middle_between_them_and_wraps() -> None:
    texture = np.arange(16.0).reshape(4, 4)
    u, v = np.array([0.25, 0.375, 1.25, -0.75]), np.array([0.5, 0.5, 0.5, -0.5])
    assert sample(texture, u, v).tolist() == [9, 9.5, 9, 9]


def test_smooth_step_is_flat_at_both_ends() -> None:
    assert smooth_step(np.array([-1.0, 0.0, 1.0, 2.0, 3.0]), 0.0, 2.0).tolist() == [0, 0, 0.5, 1, 1]


def test_stamp_draws_discs_of_the_right_place_and_area() -> None:
    canvas = stamp((80, 90), np.array([[30.0, 40.0]]), np.array([20.0]), disc)
    rows, columns = np.nonzero(canvas)
    assert canvas.sum() == pytest.approx(np.pi * 20**2, rel=0.01)
    assert (rows.mean(), columns.mean()) == pytest.approx((30, 40))


def test_stamp_keeps_the_greatest_value_and_cuts_at_the_border() -> None:
    points = np.array([[0.0, 0.0], [0.0, 1.0], [-50.0, 3.0]])
    canvas = stamp((3, 3), points, np.full(3, 0.9), disc, weights=np.array([2.0, 1.0, 5.0]))
    assert canvas.tolist() == [[2, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_stamp_reaches_beyond_the_radius_when_asked() -> None:
    canvas = stamp((1, 5), np.array([[0.0, 2.0]]), np.array([0.2]), lambda d, r: (r + 1 - d).clip(0), reach=1.0)
    assert canvas[0] == pytest.approx([0, 0.2, 1.2, 0.2, 0])


def test_along_follows_a_polyline_evenly() -> None:
    points = along(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]]), 0.5)
    assert points.tolist() == [[step / 2, 0] for step in range(7)] + [[3, 0.5], [3, 1]]
