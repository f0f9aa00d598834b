"""CVC-ClinicDB: 612 colonoscopy frames with one or more polyps, from 29 sequences of 25 videos.

Bernal et al., "WM-DOVA maps for accurate polyp highlighting in colonoscopy", Computerized Medical Imaging and Graphics
43, 2015.
"""

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources
from polybench.data.sample import Source


class ClinicDBDataModule(SegmentationDataModule):
    """CVC-ClinicDB in its official layout: `CVC-ClinicDB/Original/` and `CVC-ClinicDB/Ground Truth/`, paired by stem.

    Splits: `reconstructed_489_61_62` (random frames in the numbers of EFEN) and `reconstructed_efen_8_1_1` (490/61/61
        as in FANet), in both of which frames of one polyp are in train and test, `sequence_disjoint`, `pranet_550_62`,
        `fold_1_of_5` to `fold_5_of_5` by whole sequences, and the pair `leak_with_sisters` and `leak_without_sisters`,
        which test the same frames and differ in whether other frames of their sequences are trained on.
    """

    short_name = "clinicdb"
    folder = "CVC-ClinicDB"
    default_split = "reconstructed_efen_8_1_1"
    card = Card(
        title="CVC-ClinicDB",
        citation="Bernal et al., WM-DOVA maps for accurate polyp highlighting in colonoscopy, CMIG 43, 2015",
        terms="research and education only, no commercial use; cite the paper",
        source="from its authors, polyp.grand-challenge.org/CVCClinicDB",
        images=612,
        sizes=frozenset({(288, 384)}),
        mask_rule="grey image, foreground > 127",
        groups="29 video sequences (from 25 videos: sequence-disjoint is not patient-disjoint)",
        defects=(
            "the table that comes with the frames has 29 sequences of 25 videos, papers speak of 31 of 23 patients",
            "the same frames are CVC-612 of CVC-EndoSceneStill: never train on one and test on the other",
        ),
        steps=(
            "Register at grand-challenge.org, open polyp.grand-challenge.org/CVCClinicDB and follow its download link.",
            "Unpack it so that <data>/CVC-ClinicDB/Original/1.tif and <data>/CVC-ClinicDB/Ground Truth/1.tif exist.",
        ),
    )

    def sources(self) -> list[Source]:
        """Pair `Original/` with `Ground Truth/`; the group is the video sequence."""
        return paired_sources(self, "Original", "Ground Truth", official=(".tif", ".tif"))
