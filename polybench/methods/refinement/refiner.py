"""Region refinement: a classifier of patches decides which regions of a predicted mask stay.

Paper: the first of the five, "CNN-based region refinement", as its released code (Keras-FCN) has it: the 8-connected
regions of the mask, the tight box of each cut from the image at native size; a region whose patch shows no object is
removed. That code loops over the regions once for every true polyp, so that none is removed from an image without one;
here the truth is not used. A classifier that was trained on boxes with a margin is given regions with the same margin.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.data.images import UInt8Array
from polybench.data.patches import Boxes, cut, scaled
from polybench.data.sample import image_to_float
from polybench.methods.refinement.regions import BoolArray, ClassifiedMask, find_regions, without
from polybench.methods.refinement.thresholds import Thresholds
from polybench.methods.refinement.timing import Stopwatch


class Seconds(NamedTuple):
    """How long an image took: its masks and their regions, and to cut and classify the patches."""

    regions: float
    classification: float


class Refined(NamedTuple):
    """A mask before and after its refinement.

    Attributes:
        before: The mask at the mask threshold, boolean, (h, w).
        after: The same without what was removed.
        boxes: The tight box of each region, (n, 4), without the margin of its patch.
        probabilities: The probability of each that it shows an object, float64, (n,).
        rejected: Which regions the classifier removed, (n,); one that lies inside of these is removed too.
        seconds: The time that it took.
    """

    before: BoolArray
    after: BoolArray
    boxes: Boxes
    probabilities: npt.NDArray[np.float64]
    rejected: BoolArray
    seconds: Seconds


class RegionRefiner:
    """Refines masks by a classifier of patches.

    Args:
        classify: Gives the probability (n,) of an object of patches (n, 3, size, size), float32 in [0, 1].
        size: Side of a patch, pixels.
        device: Where the patches go.
        batch_size: The most patches at once.
        margin: Share of its side that is added to a region's box on each side before the patch is cut, as to an
            object's box in the classifier's training.
    """

    def __init__(
        self,
        classify: Callable[[Tensor], Tensor],
        size: int,
        device: torch.device,
        batch_size: int = 24,
        margin: float = 0.0,
    ) -> None:
        self.classify = classify
        self.size = size
        self.device = device
        self.batch_size = batch_size
        self.margin = margin

    def refine(self, image: UInt8Array, probability: Tensor, thresholds: Thresholds) -> Refined:
        """Refine the prediction of an image.

        Args:
            image: The image as its file has it, (h, w, 3).
            probability: Foreground probability at that size, as `to_native_size` gives it, (h, w).
            thresholds: What is foreground, and what of it is kept.

        Raises:
            ConfigError: If the classifier returns values that are no probabilities.
        """
        (found,), seconds = self.classified(image, probability, [thresholds.mask])
        watch = Stopwatch(self.device)
        with watch.running():
            rejected = found.rejected(thresholds.region)
            after = without(found.mask, found.regions, rejected)
        seconds = seconds._replace(regions=seconds.regions + watch.seconds)
        return Refined(found.mask, after, found.regions.boxes, found.probabilities, rejected, seconds)

    def classified(
        self, image: UInt8Array, probability: Tensor, mask_thresholds: Sequence[float]
    ) -> tuple[list[ClassifiedMask], Seconds]:
        """Classify the regions of the masks at some thresholds; a box that several have is classified once.

        Args:
            image: The image as its file has it, (h, w, 3).
            probability: Foreground probability at that size, (h, w).
            mask_thresholds: Least probabilities of the foreground.

        Returns:
            The mask at each threshold, and how long all of them took.

        Raises:
            ConfigError: If the classifier returns values that are no probabilities.
        """
        if tuple(probability.shape) != image.shape[:2]:
            raise ValueError(f"A map of {tuple(probability.shape)} is not that of an image of {image.shape[:2]}.")
        finding, classifying = Stopwatch(self.device), Stopwatch(self.device)
        with finding.running():
            masks = [(probability >= threshold).cpu().numpy() for threshold in mask_thresholds]
            regions = [find_regions(mask) for mask in masks]
        with classifying.running():
            boxes = np.concatenate([one.boxes for one in regions])
            distinct, place = np.unique(boxes, axis=0, return_inverse=True)
            probabilities = self._probabilities(image, distinct)[place.reshape(-1)]
        ends = np.cumsum([len(one.boxes) for one in regions])[:-1]
        found = [ClassifiedMask(*one) for one in zip(masks, regions, np.split(probabilities, ends), strict=True)]
        return found, Seconds(finding.seconds, classifying.seconds)

    def _probabilities(self, image: UInt8Array, boxes: Boxes) -> npt.NDArray[np.float64]:
        """Cut boxes and their margins out of an image and classify them, float64, (n,)."""
        boxes = scaled(boxes, 1 + 2 * self.margin)
        batches = [np.zeros(0)]
        for first in range(0, len(boxes), self.batch_size):
            patches = np.stack([cut(image, box, self.size) for box in boxes[first : first + self.batch_size]])
            with torch.inference_mode():
                found = self.classify(image_to_float(torch.from_numpy(patches).to(self.device)))
            batches.append(found.double().cpu().numpy())
        probabilities = np.concatenate(batches)
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise ConfigError(
                "The patch classifier returns values that are no probabilities, as after a diverged training: give "
                "--refine another checkpoint."
            )
        return probabilities
