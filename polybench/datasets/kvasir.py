"""Kvasir-SEG: 1000 gastroscopy and colonoscopy images with one or more polyps, sizes from 332x487 to 1920x1072.

Jha et al., "Kvasir-SEG: a segmented polyp dataset", MultiMedia Modeling 2020. Its `kavsir_bboxes.json` is not read:
boxes follow from the masks.
"""

from polybench.data.card import Archive, Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources
from polybench.data.sample import Source


class KvasirSEGDataModule(SegmentationDataModule):
    """Kvasir-SEG in its official layout: `Kvasir-SEG/images/` and `Kvasir-SEG/masks/`, paired by stem.

    Splits: `official_880_120` (released; FANet and others select on the 120 that they report on, here they
    are for test only), `pranet_900_100` (released) and `reconstructed_800_100_100` (the sizes of the Keras-FCN paper).
    """

    short_name = "kvasir_seg"
    folder = "Kvasir-SEG"
    default_split = "official_880_120"
    card = Card(
        title="Kvasir-SEG",
        citation="Jha et al., Kvasir-SEG: a segmented polyp dataset, MMM 2020",
        terms="research and education only; commercial use needs the authors' written permission; cite the paper",
        source="https://datasets.simula.no/kvasir-seg/",
        images=1000,
        smallest=(352, 332),
        mask_rule="3-channel JPEG, grey level > 127 (compression leaves greys along the edges)",
        groups="unknown: which images share a patient or a video is not published",
        defects=(
            "143 masks have one stray foreground pixel, in the upper left corner",
            "masks are JPEG: their edges are uncertain by a pixel",
            "many images show a green inset with the endoscope's position, and black corners",
        ),
        archives=(
            Archive(
                url="https://datasets.simula.no/downloads/kvasir-seg.zip",
                name="kvasir-seg.zip",
                bytes=46_227_172,
                sha256="03b30e21d584e04facf49397a2576738fd626815771afbbf788f74a7153478f7",
                strip=1,
            ),
        ),
    )

    def sources(self) -> list[Source]:
        """Pair `images/` with `masks/`."""
        return paired_sources(self, "images", "masks", official=(".jpg", ".jpg"))
