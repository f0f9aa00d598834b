import numpy as np
import pytest
import torch

from polybench.augment.dropout import CoarseDropout
from tests.augment.batches import drawn, rows


def holes_of(operation: CoarseDropout, parameters: torch.Tensor, height: int, width: int) -> np.ndarray:
    dropped = operation.apply(torch.full((len(parameters), 3, height, width), 0.75), parameters)
    assert set(dropped.flatten().tolist()) in ({0.0, 0.75}, {0.0})
    assert (dropped == dropped[:, :1]).all()  # all channels
    return (dropped[:, 0] == 0).numpy()


def test_holes_lie_where_they_were_drawn() -> None:
    # 16 x 32, side 4: 13 places down, 29 across; the middle hole is 6 down (0.5 x 13) and 14 across (0.5 x 29)
    parameters = rows((0.0, 0.0, 0.5, 0.5, 0.999, 0.999))
    expected = np.zeros((16, 32), dtype=bool)
    expected[:4, :4] = expected[6:10, 14:18] = expected[12:, 28:] = True
    np.testing.assert_array_equal(holes_of(CoarseDropout(3, 0.25), parameters, 16, 32)[0], expected)


def test_holes_that_do_not_meet_have_the_whole_area() -> None:
    operation = CoarseDropout(8, 1 / 8)
    apart = rows(tuple(number for hole in range(8) for number in ((8 * hole + 0.5) / 57, 0.3)))  # one under the other
    assert holes_of(operation, apart, 64, 64).sum() == 8 * 8 * 8


def test_drawn_holes_cover_the_union_of_their_squares() -> None:
    operation = CoarseDropout(8, 1 / 8)
    parameters = drawn(operation, 6)
    found = holes_of(operation, parameters, 40, 56)
    for sample, row in zip(found, parameters.tolist(), strict=True):
        squares = [(int(y * 36), int(x * 52)) for y, x in zip(row[::2], row[1::2], strict=True)]
        union = {(y + i, x + j) for y, x in squares for i in range(5) for j in range(5)}
        assert {(int(y), int(x)) for y, x in np.argwhere(sample)} == union


@pytest.mark.parametrize(("share", "side"), [(0.25, 4), (0.29, 5), (0.01, 1), (1.0, 16)])
def test_a_hole_is_a_whole_square_of_the_shorter_side(share: float, side: int) -> None:
    operation = CoarseDropout(1, share)
    found = holes_of(operation, drawn(operation, 50), 16, 24)
    assert set(found.sum(axis=(1, 2)).tolist()) == {side * side}
    assert set(found.any(axis=1).sum(axis=1).tolist()) == {side}


def test_every_place_is_as_likely() -> None:
    operation = CoarseDropout(1, 0.25)
    found = holes_of(operation, drawn(operation, 1000), 16, 16)
    tops = np.bincount(found.any(axis=2).argmax(axis=1), minlength=13)
    assert len(tops) == 13
    assert (np.abs(tops - 1000 / 13) < 4 * np.sqrt(1000 / 13)).all()
