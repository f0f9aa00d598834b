"""CHASE_DB1: 28 fundus photographs, both eyes of 14 children, with hand-drawn blood vessels.

Fraz et al., "An ensemble classification-based approach applied to retinal blood vessel segmentation", IEEE Transactions
on Biomedical Engineering 59(9), 2012. The first observer is the truth. The release has no field of view, which is
computed.
"""

import numpy as np
from scipy import ndimage

from polybench.data.card import Card
from polybench.data.images import UInt8Array
from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import images_by_stem, stem
from polybench.data.sample import Decoded, Source
from polybench.metrics.protocols import FOV

NO_IMAGE, NO_MASK = r"^(?!Image_\d+[LR]$)", "(?<!_1stHO)$"
DARKEST = 20
"""Largest value of the brightest channel outside the eye."""


class CHASEDataModule(SegmentationDataModule):
    """CHASE_DB1 in its official layout: one folder with `Image_01L.jpg`, `Image_01L_1stHO.png` and so on.

    Splits: `reconstructed_20_8` (children 1 to 10 and 11 to 14) and `fold_1_of_5` to `fold_5_of_5`; both eyes of a
    child stay together.
    """

    short_name = "chase"
    folder = "CHASEDB1"
    ranked_by = FOV
    default_split = "reconstructed_20_8"
    card = Card(
        title="CHASE_DB1",
        citation="Fraz et al., An ensemble classification-based approach applied to retinal blood vessel segmentation, "
        "IEEE TBME 59(9), 2012",
        terms="CC BY 4.0; cite the paper",
        source="https://researchinnovation.kingston.ac.uk/en/datasets/chasedb1-retinal-vessel-reference-dataset-4/",
        images=28,
        sizes=frozenset({(960, 999)}),
        mask_rule="1-bit PNG <id>_1stHO.png (first observer)",
        groups="the child: left and right eye belong together",
        defects=("no field of view in the release; ours: brightest channel > 20, largest region, holes filled",),
        steps=(
            "Open researchinnovation.kingston.ac.uk/en/datasets/chasedb1-retinal-vessel-reference-dataset-4/ in a "
            "browser (a robot check stands before the file) and save CHASEDB1.zip.",
            "Unpack it into <data>/CHASEDB1, so that <data>/CHASEDB1/Image_01L.jpg exists (84 files, no folders).",
        ),
    )

    unread_official = ("*_2ndHO.png",)

    def sources(self) -> list[Source]:
        """Pair each `Image_*` with its `_1stHO`."""
        images = images_by_stem(self.directory, official=".jpg", extra=NO_IMAGE, report=self.report)
        masks = images_by_stem(
            self.directory,
            key=lambda path: stem(path).removesuffix("_1stHO"),
            official=".png",
            extra=NO_MASK,
            report=self.report,
        )
        for name in sorted(set(images) - set(masks)):
            self.report(
                f"'{images[name]}' has no mask '{name}_1stHO.png' beside it: add the mask or remove the image.", name
            )
        for name in sorted(set(masks) - set(images)):
            self.report(f"'{masks[name]}' has no image '{name}.jpg' beside it: add the image or remove the mask.", name)
        groups = self.split.groups
        return [
            Source(name, groups.get(name, name), path, (masks[name],)) for name, path in images.items() if name in masks
        ]

    def decode(self, source: Source) -> Decoded:
        """Decode image and vessels, and compute the field of view."""
        decoded = super().decode(source)
        return decoded._replace(valid=field_of_view(decoded.image))


def field_of_view(image: UInt8Array) -> UInt8Array:
    """Find the disc of a fundus photograph, (H, W) in {0, 1}: the largest bright region, opened, with filled holes.

    On DRIVE's 40 photographs it agrees with the official masks to an IoU of 0.983 or more (mean 0.997).

    Args:
        image: The photograph, (H, W, 3).

    Returns:
        The field of view; ones where nothing is bright.
    """
    bright = ndimage.binary_opening(image.max(axis=-1) > DARKEST, iterations=2)
    regions, count = ndimage.label(bright)
    if count == 0:
        return np.ones(image.shape[:2], np.uint8)
    largest = 1 + int(np.bincount(regions.ravel())[1:].argmax())
    return np.asarray(ndimage.binary_fill_holes(regions == largest), np.uint8)
