"""CVC-ColonDB, first release: 300 colonoscopy frames with a polyp each, read from CVC-EndoSceneStill's CVC-300.

Bernal et al., "Towards automatic polyp detection with a polyp appearance model", Pattern Recognition 45(9), 2012. The
380 frames of the polyp benchmarks are another copy with other numbers: see `ColonDBDataModule`.
"""

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairs import paired_sources
from polybench.data.sample import Source
from polybench.datasets.endoscenestill import OFFICIAL, EndoSceneStillDataModule


class ColonDB300DataModule(SegmentationDataModule):
    """The 300 frames of CVC-ColonDB in CVC-EndoSceneStill's layout: `CVC-300/bbdd/` and `CVC-300/gtpolyp/`.

    An id is the frame's number there. Split: `all_test`, for nets that were trained elsewhere.
    """

    short_name = "colondb300"
    folder = EndoSceneStillDataModule.folder
    default_split = "all_test"
    card = Card(
        title="CVC-ColonDB (the first 300 frames)",
        citation="Bernal et al., Towards automatic polyp detection with a polyp appearance model, PR 45(9), 2012",
        terms=EndoSceneStillDataModule.card.terms,
        source=f"the folder CVC-300 of CVC-EndoSceneStill, {EndoSceneStillDataModule.card.source}",
        images=300,
        sizes=frozenset({(500, 574)}),
        mask_rule="gtpolyp: grey image, foreground > 127",
        groups="unknown: 15 videos, whose frames are not published; each of EndoSceneStill's 7 runs is one group",
        defects=("all 300 are among CVC-EndoSceneStill's frames: never train on one and test on the other",),
        steps=EndoSceneStillDataModule.card.steps,
    )

    def sources(self) -> list[Source]:
        """Pair `bbdd/` with `gtpolyp/` in CVC-300."""
        return paired_sources(self, "CVC-300/bbdd", "CVC-300/gtpolyp", official=OFFICIAL["CVC-300"])
