"""ISIC-2016 part 1: 900 dermoscopic images for training and 379 for test, each with the outline of one skin lesion.

Gutman et al., "Skin lesion analysis toward melanoma detection: a challenge at ISBI 2016, hosted by the International
Skin Imaging Collaboration", arXiv:1605.01397.
"""

from polybench.data.card import Archive, Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources
from polybench.data.sample import Source
from polybench.datasets.isic2018 import EXTRA, image_of

HOST = "https://isic-archive.s3.amazonaws.com/challenges/2016"
PARTS = ("Training", "Test")
FOLDERS = tuple(f"ISBI2016_ISIC_Part1_{part}_{kind}" for part in PARTS for kind in ("Data", "GroundTruth"))


class ISIC2016DataModule(SegmentationDataModule):
    """ISIC-2016 in its official layout: `ISBI2016_ISIC_Part1_{Training,Test}_{Data,GroundTruth}/`.

    Split: `official_900_379`, with a validation part of the 900.
    """

    short_name = "isic2016"
    folder = "ISIC2016"
    default_split = "official_900_379"
    card = Card(
        title="ISIC-2016 part 1",
        citation="Gutman et al., Skin lesion analysis toward melanoma detection: a challenge at ISBI 2016, "
        "arXiv:1605.01397",
        terms="CC0 1.0 (public domain)",
        source="https://challenge.isic-archive.com/data/#2016",
        images=1279,
        mask_rule="grey PNG <id>_Segmentation.png, foreground > 127",
        groups="unknown: the challenge names neither patients nor lesions",
        defects=("1145 of its images, 339 of them of the test part, are in the training part of ISIC-2018",),
        archives=tuple(Archive(url=f"{HOST}/{name}.zip", name=f"{name}.zip") for name in FOLDERS),
    )

    def sources(self) -> list[Source]:
        """Pair each image with `<id>_Segmentation`, in both parts."""
        prefixes = [f"ISBI2016_ISIC_Part1_{part}" for part in PARTS]
        return [
            source
            for prefix in prefixes
            for source in paired_sources(
                self,
                f"{prefix}_Data",
                f"{prefix}_GroundTruth",
                mask_key=image_of,
                official=(".jpg", ".png"),
                extra=EXTRA,
            )
        ]
