"""ETIS-LaribPolypDB: 196 colonoscopy frames of 34 sequences with 44 polyps.

Silva et al., "Toward embedded detection of polyps in WCE images for early diagnosis of colorectal cancer",
International Journal of Computer Assisted Radiology and Surgery 9(2), 2014.
"""

from pathlib import Path

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources
from polybench.data.sample import Source


class ETISDataModule(SegmentationDataModule):
    """ETIS-LaribPolypDB in its official layout: `ETIS-LaribPolypDB/1.tif` and `Ground Truth/p1.tif`.

    PraNet's copy, `images/1.png` and `masks/1.png`, is read as well. Split: `all_test`, for nets that were trained
    elsewhere. There are no folds: the sequences of the frames are not published, so folds would leak.
    """

    short_name = "etis"
    folder = "ETIS-LaribPolypDB"
    default_split = "all_test"
    card = Card(
        title="ETIS-LaribPolypDB",
        citation="Silva et al., Toward embedded detection of polyps in WCE images, IJCARS 9(2), 2014",
        terms="none seen; images: Lariboisière Hospital-APHP, masks: ETIS laboratory, ENSEA; cite the paper",
        source="https://polyp.grand-challenge.org/ETISLarib/",
        images=196,
        sizes=frozenset({(966, 1225)}),
        mask_rule="grey image, foreground > 127",
        groups="unknown: 34 sequences, whose frames are not published; each frame counts as its own group",
        defects=("polyps are small: at an input of 352x352 many are a few pixels wide",),
        steps=(
            "Register at grand-challenge.org, open polyp.grand-challenge.org/ETISLarib and follow its download link.",
            "Unpack it so that <data>/ETIS-LaribPolypDB/ETIS-LaribPolypDB/1.tif and "
            "<data>/ETIS-LaribPolypDB/Ground Truth/p1.tif exist.",
        ),
    )

    def sources(self) -> list[Source]:
        """Pair the frames with `Ground Truth/p<frame>`, or `images/` with `masks/`."""
        official = (self.directory / "Ground Truth").is_dir()
        images, masks = (self.folder, "Ground Truth") if official else ("images", "masks")
        types = (".tif", ".tif") if official else (".png", ".png")
        return paired_sources(self, images, masks, mask_key=image_of, official=types)


def image_of(mask: Path) -> str:
    """Return the stem of a mask's image."""
    return mask.stem.removeprefix("p")
