"""Points of images: reading maps at them, drawing and choosing them, their loss."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from sklearn.metrics import log_loss
from torch import Tensor
from torch.nn import functional as F

from polybench.methods.rendering.points import Counts, choose, draw, inside, most_uncertain, point_loss, sample


def centres(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y], dim=2).reshape(1, -1, 2) + 0.5


def test_maps_are_read_bilinearly_and_constant_beyond_the_border() -> None:
    maps = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 2, 5, 7))).float()
    points = torch.rand(1, 100, 2) * torch.tensor([14, 10])
    found = sample(maps, points, stride=2)
    x, y = (points[0] / 2 - 0.5).T.numpy()
    for channel in range(2):
        expected = map_coordinates(maps[0, channel].numpy(), [y, x], order=1, mode="nearest")
        np.testing.assert_allclose(found[0, channel].numpy(), expected, atol=1e-5)


def test_reading_a_coarse_map_at_all_pixels_upsamples_it() -> None:
    coarse = torch.randn(1, 1, 4, 6)
    expected = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    found = sample(coarse, centres(8, 12), stride=2)
    torch.testing.assert_close(found.view_as(expected), expected)


def test_maps_of_reduced_precision_are_read_at_exact_places() -> None:
    ramp = torch.arange(128.0).expand(1, 1, 128, 128).bfloat16()
    points = torch.tensor([[[100.25, 3.0], [127.75, 9.0]]])
    with torch.autocast("cpu", torch.bfloat16):
        found = sample(ramp, points)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.tensor([[[99.75, 127.0]]]))


def test_points_depend_on_their_key_alone() -> None:
    keys: list[tuple[int | str, ...]] = [(0, 0, "a"), (0, 0, "b"), (0, 1, "a"), (1, 0, "a")]
    torch.manual_seed(0)
    first = draw(keys, 50, (8, 16))
    torch.manual_seed(1)
    assert torch.equal(draw(keys[::-1], 50, (8, 16)).flip(0), first)
    assert len({tuple(one.flatten().tolist()) for one in first}) == 4
    assert first.shape == (4, 50, 2)


def test_points_are_uniform_over_the_image() -> None:
    [points] = draw([(0, 0, "a")], 20_000, (10, 30))
    counts, _, _ = np.histogram2d(*points.numpy().T, bins=(3, 2), range=[[0, 30], [0, 10]])
    assert np.abs(counts / 20_000 - 1 / 6).max() < 0.01


def test_the_most_uncertain_of_the_drawn_points_are_taken_and_random_ones_kept() -> None:
    ramp = (torch.arange(16.0) - 7.5).expand(1, 1, 16, 16)  # 0 in the middle of the image
    points = draw([(0, 0, "a")], 120 + 10, (16, 16))
    chosen = choose(points, ramp, torch.ones(1, 1, 16, 16), Counts(120, 30, 10), stride=1)
    assert chosen.shape == (1, 40, 2)
    assert torch.equal(chosen[0, 30:], points[0, 120:])
    distance = (points[0, :120, 0] - 8).abs()
    expected = points[0, :120][distance.argsort()[:30]]
    assert set(map(tuple, chosen[0, :30].tolist())) == set(map(tuple, expected.tolist()))


def test_points_outside_the_field_of_view_are_taken_last() -> None:
    valid = torch.zeros(1, 1, 8, 8)
    valid[..., :4] = 1
    points = draw([(0, 0, "a")], 100, (8, 8))
    number = int((points[0, :, 0] < 4).sum())
    coarse = (torch.arange(8.0) - 6).expand(1, 1, 8, 8)  # uncertain on the right
    chosen = choose(points, coarse, valid, Counts(100, number, 0), stride=1)
    assert bool((chosen[0, :, 0] < 4).all())


def test_field_of_view_is_that_of_the_pixel_around_a_point() -> None:
    valid = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
    points = torch.tensor([[[0.9, 0.9], [1.1, 0.9], [0.1, 1.9], [1.0, 1.0], [2.0, 2.0]]])
    assert inside(valid, points).tolist() == [[[1, 0, 0, 1, 1]]]


def test_most_uncertain_pixels_are_those_nearest_to_zero() -> None:
    logits = torch.tensor([[[[5.0, -0.1, 3.0], [0.2, -4.0, 2.0]]]])
    found, points = most_uncertain(logits, 2)
    order = found[0].argsort()
    assert found[0][order].tolist() == [1, 3]
    assert points[0][order].tolist() == [[1.5, 0.5], [0.5, 1.5]]


def test_loss_is_a_mean_over_the_counted_points_of_an_image_then_over_images() -> None:
    random = np.random.default_rng(0)
    logits, target = random.normal(size=(2, 1, 9)), random.integers(0, 2, (2, 1, 9))
    counted = np.ones((2, 1, 9))
    counted[1, 0, 3:] = 0  # an image's weight doesn't depend on its field of view
    probability = 1 / (1 + np.exp(-logits))
    expected = [
        log_loss(target[n, 0][counted[n, 0] > 0], probability[n, 0][counted[n, 0] > 0], labels=[0, 1]) for n in (0, 1)
    ]
    found = point_loss(*(torch.from_numpy(values).float() for values in (logits, target, counted)))
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-6)


def test_loss_without_a_counted_point_is_zero_and_has_a_gradient() -> None:
    logits = torch.zeros(2, 1, 4, requires_grad=True)
    counted = torch.ones(2, 1, 4)
    counted[1] = 0
    loss = point_loss(logits, torch.zeros(2, 1, 4), counted)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(2) / 2)
    assert logits.grad is not None
    assert logits.grad[1].abs().max() == 0
