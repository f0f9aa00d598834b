"""Check that the images of a dataset can be evaluated in the memory of this machine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from polybench.data.memory import Sized, refuse_too_large
from polybench.data.splits import Subset
from polybench.metrics import PER_IMAGE, PROTOCOLS
from polybench.metrics.memory import bytes_per_pixel

if TYPE_CHECKING:
    from polybench.data.module import SegmentationDataModule

EVALUATED: Mapping[str, tuple[Subset, ...]] = {"fit": ("val", "test"), "validate": ("val",), "test": ("test",)}
"""Stage of a trainer -> the subsets that it, or the stage after it, evaluates."""

MASKS = 2
"""Bytes per pixel of the mask and the field of view of each further image of a batch."""

AT_SCALE = 33
"""Bytes per pixel of a frame at the scale of crops, or of a tile of it: image, mask and field of view as bytes and as
floats, logits and probabilities."""


def refuse_large_images(data: "SegmentationDataModule", stage: str) -> None:
    """Refuse images whose evaluation doesn't fit into memory; before training, test images too.

    A batch has `eval_batch_size` images; with crops it has one frame, of which as many tiles are predicted together.

    Args:
        data: The data module, with its cache open.
        stage: Stage of the trainer.

    Raises:
        DataError: If the evaluation of an image doesn't fit; the image is named.
    """
    together, crop = data.eval_batch_size, data.crop
    beside = MASKS * (together - 1) if crop is None else AT_SCALE * crop.scale**2
    tiles = 0 if crop is None else AT_SCALE * crop.size**2 * together
    advice = "lower --data.eval_batch_size, " if together > 1 else ""
    for subset in EVALUATED.get(stage, ()):
        trained = stage == "fit" and subset == "val"
        protocols = (PER_IMAGE, data.ranked_by) if trained else (*PROTOCOLS, *data.extra_protocols)
        needed = bytes_per_pixel(protocol.name for protocol in protocols) + beside
        places = {name: data.cache.position.get(name) for name in data.split.ids(subset)}
        sizes = {name: data.cache.native_sizes[place] for name, place in places.items() if place is not None}
        images = (Sized(name, *size) for name, size in sizes.items())
        refuse_too_large(images, needed, "evaluating it", advice, tiles)
