"""DRIVE: 40 fundus photographs with hand-drawn blood vessels and the field of view, 20 for training and 20 for test.

Staal et al., "Ridge-based vessel segmentation in color images of the retina", IEEE Transactions on Medical Imaging
23(4), 2004. The first observer is the truth; `2nd_manual` of the test part is not read.
"""

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import images_by_stem, pair_by_stem
from polybench.data.sample import Source
from polybench.metrics.protocols import FOV


class DRIVEDataModule(SegmentationDataModule):
    """DRIVE in its official layout: `{training,test}/{images,1st_manual,mask}/`; ids are `21` to `40` and `01` to `20`.

    Splits: `official_20_20`, with a validation part of the 20 training images, and `fold_1_of_5` to `fold_5_of_5`.
    """

    short_name = "drive"
    folder = "DRIVE"
    ranked_by = FOV
    default_split = "official_20_20"
    card = Card(
        title="DRIVE",
        citation="Staal et al., Ridge-based vessel segmentation in color images of the retina, IEEE TMI 23(4), 2004",
        terms="research and education only, no redistribution, no commercial use; cite the paper",
        source="https://drive.grand-challenge.org",
        images=40,
        sizes=frozenset({(584, 565)}),
        mask_rule="grey GIF <number>_manual1.gif, vessel > 127; mask/ is the field of view",
        groups="an image each; that no patient was photographed twice is not stated",
        defects=(
            "7 of the 40 show signs of mild early diabetic retinopathy",
            "the test.zip that the challenge gives out now has no 1st_manual; older copies have it",
        ),
        steps=(
            "Register at grand-challenge.org and join drive.grand-challenge.org; its download page then shows "
            "training.zip and test.zip.",
            "Unpack both into <data>/DRIVE, so that <data>/DRIVE/training/images/21_training.tif and "
            "<data>/DRIVE/test/images/01_test.tif exist.",
            "Put the first observer's drawings of the test images, 01_manual1.gif to 20_manual1.gif, into "
            "<data>/DRIVE/test/1st_manual; the challenge leaves them out, older copies have them.",
        ),
    )

    def sources(self) -> list[Source]:
        """Join image, first observer and field of view by number, in both parts."""
        return [source for part in ("training", "test") for source in self._part(part)]

    def _part(self, part: str) -> list[Source]:
        folder = self.directory / part

        def report(problem: str, stem: str | None) -> None:
            self.report(problem, stem and stem.removesuffix(f"_{part}"))

        if not (folder / "1st_manual").is_dir():
            self.report(
                f"'{folder}' has no folder 1st_manual (the challenge leaves it out of test.zip): add the first "
                "observer's drawings."
            )
            return []
        pairs = pair_by_stem(
            folder / "images",
            folder / "1st_manual",
            mask_key=lambda path: path.stem.replace("_manual1", f"_{part}"),
            official=(".tif", ".gif"),
            report=report,
        )
        views = images_by_stem(folder / "mask", official=".gif", report=self.report)
        found = []
        for stem, (image, vessels) in pairs.items():
            name = stem.removesuffix(f"_{part}")
            if f"{stem}_mask" not in views:
                self.report(f"'{image}' has no field of view '{folder / 'mask' / stem}_mask.gif': add it.", name)
                continue
            group = self.split.groups.get(name, name)
            found.append(Source(name, group, image, (vessels,), valid=views[f"{stem}_mask"]))
        return found
