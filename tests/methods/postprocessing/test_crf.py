"""The CRF's mean field beside dense kernels over all pairs of pixels, and the lattice beside its geometry."""

import numpy as np
import numpy.typing as npt
import pytest

from polybench.methods.postprocessing.crf import CRF
from polybench.methods.postprocessing.lattice import Lattice, simplices_of

Floats = npt.NDArray[np.float64]


def dense(image: npt.NDArray[np.uint8], probability: Floats, crf: CRF) -> Floats:
    """The same inference with the whole matrix of each kernel."""
    rows, columns = np.indices(probability.shape)
    places = np.stack([rows.ravel(), columns.ravel()], axis=1).astype(float)
    colours = image.reshape(-1, 3).astype(float)
    near = np.exp(-squares(places) / (2 * crf.near**2))
    alike = np.exp(-squares(places) / (2 * crf.far**2) - squares(colours) / (2 * crf.colour**2))
    energies = -np.log(np.stack([1 - probability.ravel(), probability.ravel()]))
    marginals = np.stack([1 - probability.ravel(), probability.ravel()])
    for _ in range(crf.updates):
        total = energies.copy()
        for weight, kernel in ((crf.near_weight, near), (crf.colour_weight, alike)):
            half = 1 / np.sqrt(kernel.sum(axis=1))
            total -= weight * marginals @ (half[:, None] * kernel * half)
        marginals = np.exp(-total) / np.exp(-total).sum(axis=0)
    found: Floats = marginals[1].reshape(probability.shape)
    return found


def squares(points: Floats) -> Floats:
    found: Floats = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    return found


def scene(seed: int, side: int = 24) -> tuple[npt.NDArray[np.uint8], Floats]:
    """A reddish square on a bluish ground, and a noisy prediction that is shifted by two pixels."""
    generator = np.random.default_rng(seed)
    truth = np.zeros((side, side), bool)
    truth[6:17, 5:15] = True
    image = np.where(truth[..., None], (170, 90, 80), (110, 90, 130)) + generator.normal(0, 6, (side, side, 3))
    found = 0.2 + 0.6 * np.roll(truth, 2, axis=1) + generator.normal(0, 0.15, (side, side))
    return image.clip(0, 255).astype(np.uint8), found.clip(0.02, 0.98)


@pytest.mark.parametrize("seed", range(3))
def test_marginals_are_those_of_dense_kernels(seed: int) -> None:
    image, probability = scene(seed)
    expected = dense(image, probability, CRF())
    found = CRF().infer(image, probability)
    assert np.abs(found - expected).max() < 0.02
    np.testing.assert_array_equal(found >= 0.5, expected >= 0.5)
    assert ((probability >= 0.5) != (expected >= 0.5)).sum() > 40  # the square is where its colour is


def test_kernel_of_positions_is_exact() -> None:
    crf = CRF(colour_weight=0)
    image, probability = scene(0)
    np.testing.assert_allclose(crf.infer(image, probability), dense(image, probability, crf), atol=1e-8)


@pytest.mark.parametrize(("dims", "error"), [(1, 1e-3), (2, 4e-3)])
def test_lattice_filters_nearly_as_a_gaussian(dims: int, error: float) -> None:
    generator = np.random.default_rng(0)
    points, values = generator.normal(0, 2, (1500, dims)), generator.random(1500)
    kernel = np.exp(-squares(points) / 2)
    lattice = Lattice(points)
    found = lattice.filtered(values) / lattice.filtered(np.ones(1500))
    assert np.abs(found - kernel @ values / kernel.sum(axis=1)).mean() < error


def test_points_are_the_weighted_mean_of_their_vertices() -> None:
    points = np.random.default_rng(0).normal(0, 3, (200, 5))
    vertices, weights = simplices_of(points)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    apart = (vertices[:, :, None] - vertices[:, None]) % 6
    assert bool((apart == apart[..., :1]).all())  # the coordinates of a vertex are alike modulo d + 1
    means = (weights[..., None] * vertices).sum(axis=1)
    shift = np.random.default_rng(1).normal(0, 3, 5)
    moved = simplices_of(points + shift)
    moved_means = (moved.weights[..., None] * moved.vertices).sum(axis=1)
    np.testing.assert_allclose(moved_means - means, np.tile((moved_means - means)[:1], (200, 1)), atol=1e-9)


def test_an_image_of_one_colour_and_a_certain_map_stay_finite() -> None:
    found = CRF().infer(np.zeros((3, 5, 3), np.uint8), np.ones((3, 5)))
    assert np.isfinite(found).all()
    assert found.min() > 0.999
