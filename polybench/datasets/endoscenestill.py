"""CVC-EndoSceneStill: 912 colonoscopy frames, CVC-300 (from CVC-ColonDB) and CVC-612 (CVC-ClinicDB) together.

Vázquez et al., "A benchmark for endoluminal scene segmentation of colonoscopy images", Journal of Healthcare
Engineering, 2017. Of its classes (polyp, lumen, specular highlight, border) only the polyp is read.
"""

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import pair_by_stem
from polybench.data.sample import Source

OFFICIAL = {"CVC-300": (".bmp", ".bmp"), "CVC-612": (".bmp", ".tif")}
"""Folder -> types of its images and masks."""


class EndoSceneStillDataModule(SegmentationDataModule):
    """CVC-EndoSceneStill in its official layout: `CVC-300/` and `CVC-612/`, in each `bbdd/` and `gtpolyp/`.

    An id is folder and frame, such as `CVC-612/25`. Split: `official_547_183_182`, the authors' division by patient.
    """

    short_name = "endoscenestill"
    folder = "CVC-EndoSceneStill"
    default_split = "official_547_183_182"
    card = Card(
        title="CVC-EndoSceneStill",
        citation="Vázquez et al., A benchmark for endoluminal scene segmentation of colonoscopy images, JHE 2017",
        terms="research use; accept the terms of the Computer Vision Center; cite the paper",
        source="https://pages.cvc.uab.es/CVC-Colon/index.php/databases/cvc-endoscenestill/",
        images=912,
        sizes=frozenset({(288, 384), (500, 574)}),
        mask_rule="gtpolyp: grey image, foreground > 127 (BMP in CVC-300, TIFF in CVC-612)",
        groups="CVC-612: CVC-ClinicDB's 29 sequences; CVC-300: unknown, each of the 7 runs of frames counts as one",
        defects=("its frames are those of CVC-ClinicDB and CVC-ColonDB: never train on one and test on the other",),
        steps=(
            "Register at pages.cvc.uab.es/CVC-Colon/index.php/databases/cvc-endoscenestill/ and accept its terms.",
            "Unpack the archive so that <data>/CVC-EndoSceneStill/CVC-300/bbdd/1.bmp and "
            "<data>/CVC-EndoSceneStill/CVC-612/gtpolyp/1.tif exist.",
        ),
    )

    def sources(self) -> list[Source]:
        """Pair `bbdd/` with `gtpolyp/` in both folders."""
        return [source for name in ("CVC-300", "CVC-612") for source in self._part(name)]

    def _part(self, name: str) -> list[Source]:
        def report(problem: str, stem: str | None) -> None:
            self.report(problem, stem and f"{name}/{stem}")

        folder, found = self.directory / name, []
        for stem, (image, mask) in pair_by_stem(
            folder / "bbdd", folder / "gtpolyp", official=OFFICIAL[name], report=report
        ).items():
            frame = f"{name}/{stem}"
            found.append(Source(frame, self.split.groups.get(frame, frame), image, (mask,)))
        return found
