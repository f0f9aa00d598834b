"""Batches of one image, on which a batch norm of a single value can't be trained."""

from polybench.core.errors import ConfigError
from polybench.models.unused import dry_run
from polybench.tasks.base import Task
from polybench.tasks.meta import on_meta
from polybench.tasks.segmentation import SegmentationTask

TORCH_SAYS = "Expected more than 1 value per channel"


def refuse_one_image(task: Task, size: tuple[int, int], normalised_over: int) -> None:
    """Refuse batches of one image for a net that averages a batch norm over one value then.

    That is so where the net normalises the mean of a map (DoubleU-Net, DeepLabv3+), and where images are so
    small that the deepest map has one place.

    Args:
        task: The task.
        size: Height and width of the network's input.
        normalised_over: Images that a batch norm averages over.

    Raises:
        ConfigError: If its net is one, and gets one image.
    """
    if normalised_over > 1:
        return
    others = task.other_inputs(size) if isinstance(task, SegmentationTask) else ()
    name = type(task.net).__name__

    def run() -> None:
        try:
            dry_run(task.net, size, [one[:1] for one in others], training=True, images=1)
        except ValueError as error:
            if TORCH_SAYS not in str(error):
                raise
            raise ConfigError(
                f"{name} can't be trained on batches of one image of {size[0]}x{size[1]}, in which one of its batch "
                "norms has a single value: give a larger --data.batch_size, or, with several processes on CUDA "
                "devices, --trainer.sync_batchnorm true."
            ) from error

    on_meta(run, size)
