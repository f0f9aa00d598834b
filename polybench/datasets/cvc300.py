"""CVC-300 of the polyp benchmarks: the 60 test frames of CVC-EndoSceneStill's CVC-300, also called CVC-T.

Vázquez et al., "A benchmark for endoluminal scene segmentation of colonoscopy images", Journal of Healthcare
Engineering, 2017; the 60 after Fan et al., "PraNet", MICCAI 2020. Papers that say CVC-300 may mean all 300.
"""

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources
from polybench.data.sample import Source


class CVC300DataModule(SegmentationDataModule):
    """CVC-300 in the layout of PraNet's TestDataset: `CVC-300/images/` and `CVC-300/masks/`, frames 149 to 208.

    Split: `all_test`, for nets that were trained elsewhere.
    """

    short_name = "cvc300"
    folder = "CVC-300"
    default_split = "all_test"
    card = Card(
        title="CVC-300 (the test part)",
        citation="Vázquez et al., A benchmark for endoluminal scene segmentation of colonoscopy images, JHE 2017",
        terms="research use; accept the terms of the Computer Vision Center; cite the paper",
        source="TestDataset of https://github.com/DengPingFan/PraNet, or frames 149 to 208 of CVC-EndoSceneStill",
        images=60,
        sizes=frozenset({(500, 574)}),
        mask_rule="grey image, foreground > 127",
        groups="unknown: a few sequences, whose frames are not published; the 60 count as one group",
        defects=("two of the 60 are copies of others, and all are among CVC-ColonDB's 380 (by a public comparison)",),
        steps=(
            "Open drive.google.com/file/d/1Y2z7FD5p5y31vkZwQQomXFRB0HutHyao in a browser and save TestDataset.zip.",
            "Put its CVC-300 folder below <data>, so that <data>/CVC-300/images/149.png exists.",
        ),
    )

    def sources(self) -> list[Source]:
        """Pair `images/` with `masks/`."""
        return paired_sources(self, "images", "masks", official=(".png", ".png"))
