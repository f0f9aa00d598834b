"""The curve over passes, by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor

from polybench.methods.feedback.codec import encode_batch
from polybench.methods.feedback.curve import IterationRows
from polybench.methods.feedback.pruning import Trajectory
from polybench.metrics import PER_IMAGE
from polybench.metrics.protocols import FANET


def row_of(*on: int) -> Tensor:
    """A mask (1, 1, 8) with these pixels on."""
    mask = torch.zeros(1, 1, 8)
    mask[..., list(on)] = 1
    return mask


def batch(*masks: Tensor) -> dict[str, Any]:
    return {
        "id": [str(k) for k in range(len(masks))],
        "group": ["g"] * len(masks),
        "to_native": torch.eye(3)[:2].repeat(len(masks), 1, 1),
        "native_mask": list(masks),
        "native_valid": [torch.ones_like(mask) for mask in masks],
    }


def trajectory(start: Tensor, *passes: Tensor) -> Trajectory:
    codes = encode_batch(torch.stack([start, *passes]) > 0)
    made = Trajectory(codes[0])
    for mask, code in zip(passes, codes[1:], strict=True):
        made.add((mask - 0.5) * 20, code)
    return made


def test_each_pass_is_scored_and_those_not_computed_follow() -> None:
    rows = IterationRows((PER_IMAGE, FANET), 4)
    swings = trajectory(row_of(), row_of(0, 1), row_of(0), row_of(0, 1))  # masks 2, 1, 2 and so 1 pixels large
    stays = trajectory(row_of(5), row_of(4, 5), row_of(4, 5))
    rows.update(batch(row_of(0, 1), row_of(4)), [swings, stays])
    curve = rows.compute()
    second = 2 * 1 / (2 + 1)  # one pixel of two, wherever it stands
    expected = [(first + second) / 2 for first in (1, second, 1, second)]
    assert curve.scores[PER_IMAGE.key]["dice"] == pytest.approx(expected)
    assert curve.scores[FANET.key]["dice"] == pytest.approx(expected)
    assert curve.scores[PER_IMAGE.key]["precision"] == pytest.approx([0.75] * 4)


def test_says_how_images_end() -> None:
    rows = IterationRows((PER_IMAGE,), 3)
    stays = trajectory(row_of(1), row_of(1))
    swings = trajectory(row_of(1), row_of(2), row_of(1))
    moves = trajectory(row_of(), row_of(1), row_of(2), row_of(3))
    rows.update(batch(row_of(1), row_of(1), row_of(1)), [stays, swings, moves])
    curve = rows.compute()
    assert (curve.images, curve.fixed_points, curve.cycles) == (3, 1, 1)
    assert curve.mean_iterations == pytest.approx((1 + 2 + 3) / 3)
