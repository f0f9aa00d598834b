"""The skin set-up of BSAN: trained on ISIC-2016 and ISIC-2018, tested on PH2 and what is left of ISIC-2016.

The paper prints no result for it. 1145 of the 1279 images of ISIC-2016 are among the 2594 of ISIC-2018; each counts
once and is read from ISIC-2018.
"""

from collections.abc import Mapping
from typing import ClassVar

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pooled import PooledDataModule
from polybench.datasets.isic2016 import ISIC2016DataModule
from polybench.datasets.isic2018 import ISIC2018DataModule
from polybench.datasets.ph2 import PH2DataModule
from polybench.metrics import PER_IMAGE
from polybench.metrics.protocols import PRANET


class SkinPoolDataModule(PooledDataModule):
    """Pool of three skin datasets, each in its own layout: 2928 images.

    An image of both ISIC sets has the id `isic2018/ISIC_0000000`, with ISIC-2018's mask, and one of ISIC-2016 alone
    `isic2016/ISIC_0000003`.

    Split: `reconstructed_bsan_ph2`, the training images of both ISIC sets (2594, and 94 of ISIC-2016's 900 that are not
    among them) for training and validation; PH2's 200 and the 40 test images of ISIC-2016 that are in no training part
    for test.
    """

    short_name = "skin_pool"
    folder = "."
    default_split = "reconstructed_bsan_ph2"
    members: ClassVar[Mapping[str, type[SegmentationDataModule]]] = {
        "isic2018": ISIC2018DataModule,
        "isic2016": ISIC2016DataModule,
        "ph2": PH2DataModule,
    }
    test_sets: ClassVar[Mapping[str, tuple[str, ...]]] = {"PH2": ("ph2/",), "ISIC-2016 (rest)": ("isic2016/",)}
    test_sets_protocols = (PER_IMAGE, PRANET)
    card = Card(
        title="Pool of ISIC-2016, ISIC-2018 and PH2",
        citation="the papers of its three members, as `polybench data list` shows them",
        terms="none of its own: research and education only (PH2); those of each member apply",
        source="its members, whose sources `polybench data list` shows",
        images=2928,
        mask_rule="that of each member; an image of both ISIC sets has ISIC-2018's mask",
        groups="unknown: no member names patients or lesions",
        defects=("1145 images of ISIC-2016 are in ISIC-2018; each counts once",),
        steps=(
            "polybench data download isic2016",
            "polybench data download isic2018",
            "polybench data download ph2",
        ),
    )

    def frame_of(self, name: str) -> str:
        """Call an image of both ISIC sets as that of ISIC-2018."""
        other = name.replace("isic2016/", "isic2018/", 1)
        return other if other in self.split.subsets else name
