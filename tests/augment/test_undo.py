"""Masks are moved back exactly from flips and quarter turns, and from nothing else."""

import pytest
import torch
from torch import Tensor

from polybench.augment import Policy, named_policy
from polybench.augment.colour import Gamma
from polybench.augment.dropout import CoarseDropout
from polybench.augment.geometry import Affine, HorizontalFlip, Rotate90, Transpose, VerticalFlip
from polybench.augment.operations import Step

CPU = torch.device("cpu")
SQUARE = (
    Step(HorizontalFlip(), 0.5),
    Step(Gamma(0.8, 1.2)),
    Step(Transpose(), 0.5),
    Step(Rotate90(), 0.5),
    Step(CoarseDropout(holes=2, share=0.2)),
    Step(VerticalFlip(), 0.5),
)
FLIPS = (Step(HorizontalFlip(), 0.5), Step(VerticalFlip(), 0.5))


def masks(n: int, height: int, width: int) -> Tensor:
    return torch.rand(n, 1, height, width, generator=torch.Generator().manual_seed(0)) > 0.5


@pytest.mark.parametrize(("chain", "size"), [(SQUARE, (9, 9)), (FLIPS, (6, 11))], ids=["square", "flips"])
def test_masks_come_back_to_the_bit(chain: tuple[Step, ...], size: tuple[int, int]) -> None:
    policy = Policy("exact", [chain, chain[:1]])
    transform = policy.transform([(0, k) for k in range(40)], size, CPU)
    given = masks(40, *size)
    moved = transform.mask(given.float()) > 0
    assert sum(not torch.equal(a, b) for a, b in zip(moved, given, strict=True)) > 20
    assert torch.equal(transform.unmask(moved), given)


def test_what_was_interpolated_does_not_come_back() -> None:
    transform = Policy("turns", [(Step(Affine(degrees=30)),)]).transform([(0, 0)], (8, 8), CPU)
    with pytest.raises(ValueError, match="only flips and quarter turns"):
        transform.unmask(masks(1, 8, 8))


@pytest.mark.parametrize(
    ("policy", "size", "expected"),
    [
        (Policy("square", [SQUARE]), (8, 8), True),
        (Policy("square", [SQUARE]), (8, 9), False),
        (Policy("flips", [FLIPS, ()]), (8, 9), True),
        (Policy("one of two", [FLIPS, (Step(Affine(degrees=30)),)]), (8, 8), False),
        (named_policy("none"), (8, 9), True),
        (named_policy("fanet"), (8, 8), False),
        (named_policy("standard"), (8, 8), False),
    ],
    ids=lambda value: value.name if isinstance(value, Policy) else str(value),
)
def test_policy_knows_whether_its_masks_come_back(policy: Policy, size: tuple[int, int], expected: bool) -> None:
    assert policy.can_be_undone(size) is expected
