"""The iterations of one image outside a dataset, at its native size.

Paper: FANet (Tomar et al., IEEE TNNLS 2022), figures 1 and 3.
"""

from typing import TYPE_CHECKING

import torch

from polybench.data.images import UInt8Array
from polybench.methods.feedback.otsu import otsu_masks
from polybench.tasks.base import FloatArray
from polybench.tasks.images import at_native_size, refuse_no_image
from polybench.tasks.tiled_evaluation import as_tiled_batch

if TYPE_CHECKING:
    from polybench.methods.feedback.task import FeedbackSegmentationTask


def iterations_of(task: "FeedbackSegmentationTask", image: UInt8Array) -> list[FloatArray]:
    """Predict probabilities (h, w) of an image (h, w, 3) after each iteration; the first is its Otsu mask.

    Args:
        task: A task that is ready to predict.
        image: RGB, uint8.
    """
    refuse_no_image(image)
    if task.input_crop is None:
        images, tiles = task.one_input(image), None
    else:
        batch = as_tiled_batch(image, task.input_crop, task.tiles_together, task.device)
        images, tiles = batch["image"], batch["tiles"]
    with torch.inference_mode():
        first = otsu_masks(images)
        [trajectory] = task.trajectories(images, first, task.iterations, tiles)
        logits = [trajectory.at(number) for number in range(1, task.iterations + 1)]
    probabilities = [first[0].float(), *(torch.sigmoid(one.float()) for one in logits)]
    return [at_native_size(one, image, task.input_fitting).cpu().numpy() for one in probabilities]
