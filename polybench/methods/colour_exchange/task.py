"""Segmentation whose training images exchange their colours, so that a net can't rely on them.

Paper: Wei et al., "Shallow Attention Network for Polyp Segmentation" (SANet), MICCAI 2021, after Reinhard et al.,
"Color Transfer between Images", 2001: in CIE Lab, each channel of an image is brought to the mean and deviation of
another image's. The released code draws the other image from all training images; here it is the next one in the batch,
which shuffling draws anew in each epoch, so that nothing is decoded twice.
"""

from typing import ClassVar

import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from torch import Tensor

from polybench.data.sample import Batch
from polybench.tasks.segmentation import SegmentationTask

_LEAST_DEVIATION = 1e-3
"""Of Lab, whose channels have a range of about 100: an image of a single colour stays one."""


class ColourExchangeTask(SegmentationTask):
    """A `SegmentationTask` in whose training each image has the colours of the next image of the batch.

    The last image gets those of the first; a batch of one image stays as it is. Evaluation changes nothing.
    """

    version: ClassVar[int] = 1

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Exchange the colours of a batch, then compute and log its loss, `train/loss`."""
        exchanged: Batch = {**batch, "image": exchange_colours(batch["image"], batch["valid"])}
        return super().training_step(exchanged, batch_idx)


def exchange_colours(images: Tensor, valid: Tensor) -> Tensor:
    """Give each image the means and deviations, in CIE Lab, of the next one; the last gets those of the first.

    Args:
        images: RGB in [0, 1], (N, 3, H, W).
        valid: Field of view in {0, 1}, (N, 1, H, W); means and deviations are those of its pixels, and others stay as
            they are.

    Returns:
        RGB in [0, 1], (N, 3, H, W); what exceeds it is clipped.
    """
    if len(images) == 1:
        return images
    lab = rgb_to_lab(images.float())
    axes = (-2, -1)
    pixels = valid.sum(axes, keepdim=True).clamp(min=1)
    mean = (lab * valid).sum(axes, keepdim=True) / pixels
    deviation = (((lab - mean).square() * valid).sum(axes, keepdim=True) / pixels).sqrt()
    scaled = (lab - mean) / deviation.clamp(min=_LEAST_DEVIATION)
    moved = scaled * deviation.roll(-1, 0) + mean.roll(-1, 0)
    return torch.where(valid > 0, lab_to_rgb(moved).clamp(0, 1).to(images.dtype), images)
