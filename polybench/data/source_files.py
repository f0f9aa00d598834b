"""Decoding of the files of one source: an image, its masks and its field of view."""

from pathlib import Path

import numpy as np

from polybench.core.errors import DataError
from polybench.data.images import UInt8Array, read_image, read_mask
from polybench.data.sample import Decoded, Source


def decode_source(source: Source, bits: int | None, *, with_labels: bool) -> Decoded:
    """Decode an image (H, W, 3), the union of its masks (H, W) in {0, 1}, and its field of view.

    A pixel that several objects share belongs to the last one.

    Args:
        source: The files.
        bits: Number of significant bits of images of more than 8; None where no image needs it.
        with_labels: Also return a label map (H, W) with one label per mask file.

    Raises:
        DataError: If a file can't be decoded, or mask and image differ in size.
    """
    image = read_image(source.image, source.page, bits)
    labels = np.zeros(image.shape[:2], np.uint16)
    for number, path in enumerate(source.masks, start=1):
        labels[_mask_of(image, path, source) > 0] = number
    mask = (labels > 0).astype(np.uint8)
    valid = _mask_of(image, source.valid, source) if source.valid is not None else None
    return Decoded(image, mask, valid, *((len(source.masks), labels) if with_labels else ()))


def _mask_of(image: UInt8Array, path: Path, source: Source) -> UInt8Array:
    """Read a mask or field of view, and check that it has the size of its image."""
    mask = read_mask(path, source.page)
    if mask.shape != image.shape[:2]:
        raise DataError(
            f"'{source.image}' is {image.shape[1]}x{image.shape[0]} pixels but its mask '{path}' is "
            f"{mask.shape[1]}x{mask.shape[0]}: replace the wrong one."
        )
    return mask
