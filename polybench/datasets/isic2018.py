"""ISIC-2018 task 1: 2594 dermoscopic images, each with the outline of one skin lesion.

Codella et al., "Skin lesion analysis toward melanoma detection 2018: a challenge hosted by the International Skin
Imaging Collaboration", arXiv:1902.03368. It is the training part of the challenge; its validation (100) and test
part (1000) are not read.
"""

import re
from pathlib import Path

from polybench.data.card import Archive, Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources
from polybench.data.sample import Source

HOST = "https://isic-archive.s3.amazonaws.com/challenges/2018"
EXTRA = "_superpixels$|_attribute_"
"""Files of other tasks in copies of the challenges."""


class ISIC2018DataModule(SegmentationDataModule):
    """ISIC-2018 in its official layout: `ISIC2018_Task1-2_Training_Input/` and `ISIC2018_Task1_Training_GroundTruth/`.

    Splits: `reconstructed_efen_8_1_1` (2075/259/260) and `reconstructed_fanet_1815_259_520`.
    """

    short_name = "isic2018"
    folder = "ISIC2018"
    default_split = "reconstructed_efen_8_1_1"
    card = Card(
        title="ISIC-2018 task 1",
        citation="Codella et al., Skin lesion analysis toward melanoma detection 2018, arXiv:1902.03368",
        terms="CC BY-NC 4.0",
        source="https://challenge.isic-archive.com/data/#2018",
        images=2594,
        smallest=(540, 576),
        mask_rule="grey PNG <id>_segmentation.png, foreground > 127",
        groups="unknown: task 1 names neither patients nor lesions",
        defects=(
            "1145 of the 1279 images of ISIC-2016, test part included, are among the 2594",
            "outlines were drawn by several methods: some follow the border closely, some are coarse polygons",
        ),
        archives=(
            Archive(
                url=f"{HOST}/ISIC2018_Task1-2_Training_Input.zip",
                name="ISIC2018_Task1-2_Training_Input.zip",
                bytes=11_165_358_566,
                sha256="80f98572347a2d7a376227fa9eb2e4f7459d317cb619865b8b9910c81446675f",
            ),
            Archive(
                url=f"{HOST}/ISIC2018_Task1_Training_GroundTruth.zip",
                name="ISIC2018_Task1_Training_GroundTruth.zip",
                bytes=27_402_895,
                sha256="99f8b2bb3c4d6af483362010715f7e7d5d122d9f6c02cac0e0d15bef77c7604c",
            ),
        ),
    )

    def sources(self) -> list[Source]:
        """Pair each image with `<id>_segmentation`."""
        return paired_sources(
            self,
            "ISIC2018_Task1-2_Training_Input",
            "ISIC2018_Task1_Training_GroundTruth",
            mask_key=image_of,
            official=(".jpg", ".png"),
            extra=EXTRA,
        )


def image_of(mask: Path) -> str:
    """Return the stem of a mask's image."""
    return re.sub("_segmentation$", "", mask.stem, flags=re.IGNORECASE)
