"""The mean of a net's probabilities over an image and its flips.

Jha et al. (2021) average ResUNet++'s predictions of the image and of its horizontal and its vertical flip; here the
image that is flipped both ways is a fourth, so that the mean of a flipped image is the flipped mean. Flips are those of
the net's input; a frame that is predicted by tiles is flipped as a whole.
"""

from typing import Any, cast

import torch
from torch import Tensor

from polybench.data.sample import Batch
from polybench.tasks import SegmentationTask

FLIPS = ((-1,), (-2,), (-1, -2))
"""Flipped axes: left and right, top and bottom, both."""


def mean_over_flips(task: SegmentationTask, batch: Batch, plain: Tensor) -> Tensor:
    """Average the predictions of a batch and of its flips.

    Args:
        task: Predicts.
        batch: An evaluation batch.
        plain: Foreground probabilities of its images as they are, (N, 1, H, W).

    Returns:
        Probabilities, float32, (N, 1, H, W).
    """
    found = [plain.float()]
    for axes in FLIPS:
        logits = task.evaluated(_flipped(batch, axes)).logits
        found.append(torch.sigmoid(logits.float()).flip(axes))
    return torch.stack(found).mean(dim=0)


def _flipped(batch: Batch, axes: tuple[int, ...]) -> Batch:
    """What a net is shown of a batch, flipped; no truth, so that tasks keep no rows of it."""
    flipped: dict[str, Any] = {key: batch[key].flip(axes) for key in ("image", "valid") if key in batch}
    if "tiles" in batch:
        flipped["tiles"] = batch["tiles"]
    return cast(Batch, flipped)
