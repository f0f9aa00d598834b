"""CVC-ColonDB: 380 colonoscopy frames with a polyp each, from 15 videos.

Bernal et al., "Towards automatic polyp detection with a polyp appearance model", Pattern Recognition 45(9), 2012. The
first release has 300 frames; the 380 of the polyp benchmarks are those of PraNet's TestDataset.
"""

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources
from polybench.data.sample import Source


class ColonDBDataModule(SegmentationDataModule):
    """CVC-ColonDB as in PraNet's TestDataset: `CVC-ColonDB/images/` and `CVC-ColonDB/masks/`, frames 1 to 380.

    Split: `all_test`, for nets that were trained elsewhere. There are no folds: the videos of the frames are not
    published, so folds would leak.
    """

    short_name = "colondb"
    folder = "CVC-ColonDB"
    default_split = "all_test"
    card = Card(
        title="CVC-ColonDB",
        citation="Bernal et al., Towards automatic polyp detection with a polyp appearance model, PR 45(9), 2012",
        terms="research use; accept the terms of the Computer Vision Center; cite the paper",
        source="TestDataset of https://github.com/DengPingFan/PraNet (the first release of 300 frames: "
        "pages.cvc.uab.es/CVC-Colon/index.php/databases/)",
        images=380,
        sizes=frozenset({(500, 574)}),
        mask_rule="grey image, foreground > 127",
        groups="unknown: 15 videos, whose frames are not published; each frame counts as its own group",
        defects=(
            "34 of the 380 are copies of others, and the 60 of CVC-300 are among them (by a public comparison)",
            "the first release, 300 frames with masks p<n>.bmp, is another copy with other numbers: see colondb300",
        ),
        steps=(
            "Open drive.google.com/file/d/1Y2z7FD5p5y31vkZwQQomXFRB0HutHyao in a browser and save TestDataset.zip.",
            "Put its CVC-ColonDB folder below <data>, so that <data>/CVC-ColonDB/images/1.png exists.",
        ),
    )

    def sources(self) -> list[Source]:
        """Pair `images/` with `masks/`."""
        return paired_sources(self, "images", "masks", official=(".png", ".png"))
