"""The polyp set-up of BSAN: Kvasir-SEG, CVC-ColonDB, CVC-EndoSceneStill and ETIS together, 7:1:2 with ETIS unseen.

The paper trains and selects on random images of the first three, and tests on the rest of them and on ETIS. Its
ColonDB is the first release of 300 frames, which are EndoSceneStill's CVC-300; here each of them counts once.
"""

from collections.abc import Mapping
from typing import ClassVar

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pooled import PooledDataModule
from polybench.datasets.colondb300 import ColonDB300DataModule
from polybench.datasets.endoscenestill import EndoSceneStillDataModule
from polybench.datasets.etis import ETISDataModule
from polybench.datasets.kvasir import KvasirSEGDataModule
from polybench.metrics import PER_IMAGE
from polybench.metrics.protocols import PRANET


class PolypPoolDataModule(PooledDataModule):
    """Pool of four polyp datasets, each in its own layout: 2108 frames.

    The frames of `CVC-300` have the ids `colondb/1` to `colondb/300`, those of `CVC-612` are called
    `endoscenestill/CVC-612/1` and so on. A test reports Kvasir-SEG, ColonDB, EndoSceneStill (with ColonDB's frames) and
    ETIS apart, as the paper does.

    Splits: `sequence_disjoint` (no known sequence in two subsets, the sizes as near to 7:1:2 as sequences go) and
    `reconstructed_bsan_7_1_2` (random frames of each dataset, as the paper describes: frames of one polyp are in train
    and test).
    """

    short_name = "polyp_pool"
    folder = "."
    default_split = "sequence_disjoint"
    members: ClassVar[Mapping[str, type[SegmentationDataModule]]] = {
        "kvasir": KvasirSEGDataModule,
        "colondb": ColonDB300DataModule,
        "endoscenestill": EndoSceneStillDataModule,
        "etis": ETISDataModule,
    }
    test_sets: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Kvasir-SEG": ("kvasir/",),
        "CVC-ColonDB": ("colondb/",),
        "CVC-EndoSceneStill": ("endoscenestill/", "colondb/"),
        "ETIS-LaribPolypDB": ("etis/",),
    }
    test_sets_protocols = (PER_IMAGE, PRANET)
    test_sets_note = "The frames of CVC-ColonDB are among those of CVC-EndoSceneStill and count in both lines."
    card = Card(
        title="Pool of Kvasir-SEG, CVC-ColonDB, CVC-EndoSceneStill and ETIS",
        citation="the papers of its four members, as `polybench data list` shows them",
        terms="none of its own: research and education only; those of each member apply",
        source="its members, whose sources `polybench data list` shows",
        images=2108,
        smallest=(288, 332),
        mask_rule="that of each member",
        groups="those of its members: sequences of CVC-612, runs of frames of CVC-300, unknown for Kvasir-SEG and ETIS",
        defects=("CVC-ColonDB's 300 frames are EndoSceneStill's CVC-300; each counts once",),
        steps=(
            "polybench data download kvasir_seg",
            "polybench data download endoscenestill (it contains CVC-ColonDB's 300 frames)",
            "polybench data download etis",
        ),
    )

    def frame_of(self, name: str) -> str:
        """Call the frames of EndoSceneStill's CVC-300 as those of ColonDB, which they are."""
        return name.replace("endoscenestill/CVC-300/", "colondb/", 1)
