import math

import pytest
import torch
from torch import Tensor

from polybench.augment.operations import GeometricOperation
from polybench.augment.warps import ElasticDeformation, GridDistortion, OpticalDistortion
from polybench.core.randomness import generator


def places(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    return torch.stack([x, y], dim=-1)[None]


def mapped(operation: GeometricOperation, points: Tensor, size: tuple[int, int], *drawn: float) -> Tensor:
    return operation.points(points, torch.tensor([drawn], dtype=torch.float64), size)[0]


def test_elastic_displacements_have_the_stated_deviation() -> None:
    elastic = ElasticDeformation(deviation=0.02, smoothness=0.03)
    grid = places(64, 64)
    moves = torch.stack([mapped(elastic, grid, (64, 64), seed, *[0.0] * 6) - grid[0] for seed in range(40)])
    assert moves.std().item() == pytest.approx(0.02 * 64, rel=0.05)
    assert moves.mean().item() == pytest.approx(0, abs=0.1)


def test_elastic_displacements_are_as_smooth_as_noise_filtered_by_the_gaussian() -> None:
    # Filtered by a Gaussian of width s, white noise keeps a correlation of exp(-d^2 / 4 s^2) at distance d.
    elastic, s, d = ElasticDeformation(deviation=0.02, smoothness=1 / 16), 64 / 16, 4
    grid = places(64, 64)
    moves = torch.stack([mapped(elastic, grid, (64, 64), seed, *[0.0] * 6) - grid[0] for seed in range(60)])
    correlation = (moves[:, :, :-d] * moves[:, :, d:]).mean() / moves.square().mean()
    assert correlation.item() == pytest.approx(math.exp(-(d**2) / (4 * s**2)), abs=0.03)


def test_elastic_anchors_move_as_drawn() -> None:
    still = ElasticDeformation(deviation=0.0, smoothness=0.1, affine=0.05)
    anchors = torch.tensor([[[[10.0, 10.0], [10.0, -10.0], [-10.0, -10.0]]]])  # a third of a side of 30
    moves = (0.01, 0.02, -0.03, 0.04, 0.05, -0.01)
    moved = mapped(still, anchors, (30, 30), 7, *moves)[0] - anchors[0, 0]
    assert moved.flatten().tolist() == pytest.approx([30 * move for move in moves], abs=1e-4)


def test_an_elastic_field_is_the_same_wherever_it_is_asked() -> None:
    elastic, grid = ElasticDeformation(deviation=0.05, smoothness=0.1), places(24, 32)
    everywhere = mapped(elastic, grid, (24, 32), 3, *[0.0] * 6)
    somewhere = mapped(elastic, grid[:, 4:9, 20:22], (24, 32), 3, *[0.0] * 6)
    assert torch.allclose(somewhere, everywhere[4:9, 20:22], atol=1e-4)


def test_grid_distortion_by_hand() -> None:
    # Two columns drawn 1.5 and 0.5 wide: the left half of the output reads from the left three quarters of the input.
    points = torch.tensor([[[[-8.0, 0.0], [-4.0, 0.0], [0.0, 0.0], [4.0, 0.0], [8.0, 0.0]]]])
    x = mapped(GridDistortion(steps=2), points, (8, 16), 1.5, 0.5, 1.0, 1.0)[0, :, 0]
    assert x.tolist() == pytest.approx([-8, -2, 4, 6, 8])


def test_grid_distortion_keeps_the_frame_and_its_order() -> None:
    grid = GridDistortion(steps=5, limit=0.3)
    drawn = grid.draw(generator("grid"))
    ends = torch.tensor([[[[-16.0, -8.0], [16.0, 8.0]]]])
    assert torch.allclose(mapped(grid, ends, (16, 32), *drawn), ends[0], atol=1e-4)
    moved = mapped(grid, places(16, 32), (16, 32), *drawn)
    assert (moved[:, 1:, 0] > moved[:, :-1, 0]).all()
    assert (moved[1:, :, 1] > moved[:-1, :, 1]).all()


def test_optical_distortion_by_hand() -> None:
    # At (8, 0) of a side of 32, r^2 = 1/16; with k = 2 the point moves out by 1 + 2/16 + 2/256 = 1.1328125.
    points = torch.tensor([[[[8.0, 0.0], [0.0, 0.0]]]])
    assert mapped(OpticalDistortion(2), points, (32, 32), 2.0, 0.0, 0.0)[0].tolist() == [[9.0625, 0.0], [0.0, 0.0]]


def test_the_axis_of_a_lens_stays_where_it_is() -> None:
    axis = torch.tensor([[[[3.2, -1.6]]]])
    assert torch.allclose(mapped(OpticalDistortion(2, 0.2), axis, (32, 32), 1.7, 0.1, -0.05), axis[0])
