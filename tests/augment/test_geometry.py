import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from polybench.augment.geometry import (
    Affine,
    AffineOperation,
    CentreCrop,
    HorizontalFlip,
    Matrix,
    RandomCrop,
    Rotate,
    Rotate90,
    Transpose,
    VerticalFlip,
    compose,
)
from polybench.augment.operations import Operation, Step
from polybench.augment.stages import Frame
from polybench.augment.transform import Draw, Transform
from polybench.core.randomness import generator

CPU = torch.device("cpu")


def change(image: Tensor, *steps: tuple[Operation, tuple[float, ...]]) -> Tensor:
    """Put one image (C, H, W) through a chain with known parameters."""
    chain = [Step(operation) for operation, _ in steps]
    draw = Draw(0, {position: parameters for position, (_, parameters) in enumerate(steps)})
    size = (image.shape[-2], image.shape[-1])
    return Transform([chain], [draw], Frame(size, CPU, "zeros")).image(image[None])[0]


def reads_from(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + b * y + c, d * x + e * y + f


@pytest.fixture
def noise() -> Tensor:
    return torch.rand(3, 16, 16, generator=generator("noise"))


def test_flips_are_those_of_torch(noise: Tensor) -> None:
    assert torch.equal(change(noise, (HorizontalFlip(), ())), noise.flip(2))
    assert torch.equal(change(noise, (VerticalFlip(), ())), noise.flip(1))


def test_a_frame_that_is_not_square_flips_exactly_too() -> None:
    image = torch.rand(3, 10, 16, generator=generator("noise"))
    assert torch.equal(change(image, (HorizontalFlip(), ()), (VerticalFlip(), ())), image.flip(1, 2))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_those_of_torch(noise: Tensor, turns: int) -> None:
    assert torch.equal(change(noise, (Rotate90(), (turns,))), torch.rot90(noise, turns, (1, 2)))


def test_transpose_is_that_of_torch(noise: Tensor) -> None:
    assert torch.equal(change(noise, (Transpose(), ())), noise.transpose(1, 2))


def test_a_transposed_oblong_is_stretched_back_to_its_frame() -> None:
    columns = torch.linspace(0, 1, 32).expand(1, 16, 32)  # brightness grows to the right
    rows = torch.nn.functional.interpolate(columns.transpose(1, 2)[None], size=(16, 32), mode="bilinear")[0]
    changed = change(columns, (Transpose(), ()))
    assert torch.allclose(changed[:, :, 1:-1], rows[:, :, 1:-1])  # the outermost columns fade into the border


def test_a_chain_of_flips_and_turns_equals_one_after_the_other(noise: Tensor) -> None:
    chained = change(noise, (Rotate90(), (1,)), (HorizontalFlip(), ()), (Transpose(), ()), (Rotate90(), (3,)))
    assert torch.equal(chained, torch.rot90(torch.rot90(noise, 1, (1, 2)).flip(2).transpose(1, 2), 3, (1, 2)))


def smooth_image(side: int = 48) -> Tensor:
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    bump = torch.exp(-30 * ((x - 0.2) ** 2 + 2 * (y + 0.1) ** 2))
    return bump[None].float()


def test_rotation_is_that_of_scipy() -> None:
    image = smooth_image()
    expected = ndimage.rotate(image[0].numpy(), 25, reshape=False, order=1)
    np.testing.assert_allclose(change(image, (Rotate(40), (25.0,)))[0].numpy(), expected, atol=1e-4)


def test_affine_is_that_of_scipy() -> None:
    image = smooth_image()
    angle, zoom, shift = math.radians(20), 1.2, np.array([0.1, -0.05]) * 48  # right 5 %, up is negative: (row, column)
    inverse = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]) / zoom
    centre = np.full(2, 23.5)
    offset = centre - inverse @ (centre + shift)
    expected = ndimage.affine_transform(image[0].numpy(), inverse, offset, order=1)
    changed = change(image, (Affine(30, (0.8, 1.25), 0.1), (20.0, 1.2, -0.05, 0.1)))
    np.testing.assert_allclose(changed[0].numpy(), expected, atol=1e-4)


def test_composition_by_hand() -> None:
    # Reads at (3, 1) of a frame of (20, 40): shifted right by 0.1 * 40 = 4 and down by 0.2 * 20 = 4, so from (-1, -3);
    # zoomed by 2, so from (-0.5, -1.5); turned anticlockwise by 90 degrees, so from (1.5, -0.5); flipped: (-1.5, -0.5).
    moved = Affine(90, (1, 2), 0.2).matrix((90.0, 2.0, 0.1, 0.2), (20, 40))
    assert reads_from(moved, 3, 1) == pytest.approx((1.5, -0.5))
    assert reads_from(compose(moved, HorizontalFlip().matrix((), (20, 40))), 3, 1) == pytest.approx((-1.5, -0.5))


@pytest.mark.parametrize(
    "operation", [CentreCrop(0.5), RandomCrop(0.5), Rotate(30), Affine(10, (0.5, 2), 0.2), Transpose()]
)
def test_points_agree_with_the_matrix(operation: AffineOperation) -> None:
    drawn = operation.draw(generator("points"))
    points = torch.tensor([3.0, -5.0]).expand(1, 2, 2, 2)
    mapped = operation.points(points, torch.tensor([drawn], dtype=torch.float64), (20, 40))
    assert mapped[0, 1, 1].tolist() == pytest.approx(reads_from(operation.matrix(drawn, (20, 40)), 3, -5), abs=1e-5)


def test_a_centre_crop_shows_the_middle_enlarged() -> None:
    image = torch.arange(8.0).expand(1, 8, 8)
    # Half of 8 columns, 2 to 5, over 8 pixels: pixel 0 reads at 1.75, each next half a column on.
    assert change(image, (CentreCrop(0.5), ()))[0, 0].tolist() == pytest.approx([1.75 + 0.5 * i for i in range(8)])


def test_a_random_crop_stays_inside_the_frame() -> None:
    source = generator("crops")
    crops = [RandomCrop(0.75).matrix(RandomCrop(0.75).draw(source), (8, 16)) for _ in range(200)]
    corners = [reads_from(crop, x, y) for crop in crops for x in (-8, 8) for y in (-4, 4)]
    assert max(abs(x) for x, _ in corners) <= 8
    assert max(abs(y) for _, y in corners) <= 4
    assert max(abs(x) for x, _ in corners) > 7.9  # and reaches its edges


def test_draws_keep_to_their_limits_and_fill_them() -> None:
    source = generator("limits")
    drawn = np.array([Affine(30, (0.8, 1.25), 0.1).draw(source) for _ in range(500)])
    assert (drawn.min(axis=0) >= [-30, 0.8, -0.1, -0.1]).all()
    assert (drawn.max(axis=0) <= [30, 1.25, 0.1, 0.1]).all()
    assert (np.ptp(drawn, axis=0) > 0.98 * np.array([60, 0.45, 0.2, 0.2])).all()


def test_every_quarter_turn_is_drawn_and_none_is_idle() -> None:
    source = generator("turns")
    assert {Rotate90().draw(source) for _ in range(50)} == {(1.0,), (2.0,), (3.0,)}
