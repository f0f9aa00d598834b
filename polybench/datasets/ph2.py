"""PH2: 200 dermoscopic images (80 common nevi, 80 atypical nevi, 40 melanomas), each with the outline of one lesion.

Mendonça et al., "PH2 - a dermoscopic image database for research and benchmarking", EMBC 2013.
"""

import contextlib
from pathlib import Path

from polybench.core.errors import DataError
from polybench.data.card import Card
from polybench.data.listing import NoFilesError, natural_key
from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import images_by_stem
from polybench.data.sample import Source


class PH2DataModule(SegmentationDataModule):
    """PH2 in its official layout: `PH2 Dataset images/IMD002/IMD002_Dermoscopic_Image/` and `IMD002_lesion/`.

    Splits: `fold_1_of_5` to `fold_5_of_5`, by polybench, since the database has no official one, and `all_test`, for
    nets that were trained elsewhere.
    """

    short_name = "ph2"
    folder = "PH2Dataset"
    default_split = "fold_1_of_5"
    card = Card(
        title="PH2",
        citation="Mendonça et al., PH2 - a dermoscopic image database for research and benchmarking, EMBC 2013",
        terms="research and education only, no redistribution, no commercial use; cite the paper",
        source="https://www.fc.up.pt/addi/ph2%20database.html",
        images=200,
        smallest=(553, 761),
        mask_rule="BMP <id>_lesion.bmp, foreground > 127",
        groups="unknown: the database names no patients",
        defects=("the black corners of the dermoscope are in many images",),
        steps=(
            "Fill the form at www.fc.up.pt/addi/ph2%20database.html; the link to PH2Dataset.rar comes after it.",
            "Unpack the rar (unrar or 7-Zip) so that "
            "<data>/PH2Dataset/PH2 Dataset images/IMD002/IMD002_Dermoscopic_Image/IMD002.bmp exists.",
        ),
    )

    def sources(self) -> list[Source]:
        """List image and lesion mask of each `IMD` folder."""
        folder = self.directory / "PH2 Dataset images"
        if not folder.is_dir():
            raise DataError(f"There is no folder '{folder}': unpack PH2Dataset.rar so that it is there.")
        cases = sorted((path for path in folder.glob("IMD*") if path.is_dir()), key=lambda path: natural_key(path.name))
        return [source for case in cases if (source := self._source(case)) is not None]

    def _source(self, case: Path) -> Source | None:
        """Return the image of a folder with its mask; None, after reporting it, if one is missing."""
        name = case.name
        files: list[Path] = []

        def report(problem: str, stem: str | None) -> None:
            self.report(problem, name)

        for stem, part in ((name, "Dermoscopic_Image"), (f"{name}_lesion", "lesion")):
            folder = case / f"{name}_{part}"
            found: dict[str, Path] = {}
            with contextlib.suppress(NoFilesError):
                found = images_by_stem(folder, official=".bmp", report=report)
            if stem not in found:
                self.report(f"'{case}' lacks {folder.name}/{stem}.bmp: unpack it again or remove the folder.", name)
                return None
            files.append(found[stem])
        return Source(name, self.split.groups.get(name, name), files[0], (files[1],))
