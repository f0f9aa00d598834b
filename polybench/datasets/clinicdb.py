"""CVC-ClinicDB: 612 colonoscopy frames with one or more polyps, from 29 sequences of 25 videos.

Bernal et al., "WM-DOVA maps for accurate polyp highlighting in colonoscopy", Computerized Medical Imaging and Graphics
43, 2015. Research and education only, no commercial use; cite the paper. Frames are 384x288; masks are grey images,
foreground > 127. Known defect: none in the official files; copies re-encoded as JPEG have grey mask edges.
"""

from polybench.data.cache import ImageCache
from polybench.data.images import pair_by_stem
from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Source

OFFICIAL_COUNT = 612
OFFICIAL_SIZE = (288, 384)


class ClinicDBDataModule(SegmentationDataModule):
    """CVC-ClinicDB in its official layout: `CVC-ClinicDB/Original/` and `CVC-ClinicDB/Ground Truth/`, paired by stem.

    Splits: `reconstructed_efen_8_1_1` (frames at random, as seeds 001 and 004 did: frames of one polyp stand in train
    and test), `sequence_disjoint`, and `pranet_550_62`.
    """

    short_name = "clinicdb"
    folder = "CVC-ClinicDB"
    default_split = "reconstructed_efen_8_1_1"
    source_note = "get CVC-ClinicDB (612 frames, for research) from its authors, polyp.grand-challenge.org/CVCClinicDB"

    def sources(self) -> list[Source]:
        """Pair `Original/` with `Ground Truth/`; the group is the video sequence."""
        pairs = pair_by_stem(self.directory / "Original", self.directory / "Ground Truth")
        groups = self.split.groups
        return [Source(stem, groups.get(stem, stem), image, mask) for stem, (image, mask) in pairs.items()]

    def differences_from_official(self, cache: ImageCache) -> list[str]:
        """Compare the count and the native sizes with the official 612 frames of 384x288."""
        notes = []
        if len(cache.position) != OFFICIAL_COUNT:
            notes.append(f"{len(cache.position)} of {OFFICIAL_COUNT} frames")
        others = sorted({size for size in cache.native_sizes if size != OFFICIAL_SIZE})
        if others:
            found = ", ".join(f"{width}x{height}" for height, width in others[:3])
            notes.append(f"frames of {found} instead of {OFFICIAL_SIZE[1]}x{OFFICIAL_SIZE[0]}")
        return notes
