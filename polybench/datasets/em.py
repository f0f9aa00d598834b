"""ISBI-2012 EM: 30 neighbouring slices of the ventral nerve cord of one fruit-fly larva, with neuronal membranes drawn.

Arganda-Carreras et al., "Crowdsourcing the creation of image segmentation algorithms for connectomics", Frontiers in
Neuroanatomy 9, 2015. The foreground is the cell interior (255, white), as implied by the specificities of the FANet
paper; membranes are the background. The 30 test slices have no public labels and are not read.
"""

import re
from collections.abc import Collection
from pathlib import Path

from polybench.core.errors import DataError
from polybench.data.card import Archive, Card
from polybench.data.decoding import pages
from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import images_by_stem, pair_by_stem
from polybench.data.sample import Source
from polybench.metrics.protocols import MEMBRANES

SLICES = 30


class EMDataModule(SegmentationDataModule):
    """ISBI-2012 EM as released (`train-volume.tif`, `train-labels.tif`) or as folders of slices of the same names.

    Ids are `slice_00` to `slice_29`. Splits: `reconstructed_24_3_3` and `fold_1_of_5` to `fold_5_of_5`, in contiguous
    blocks.
    """

    short_name = "em"
    folder = "ISBI2012"
    default_split = "reconstructed_24_3_3"
    extra_protocols = (MEMBRANES,)
    unread_official = ("test-volume.tif",)
    card = Card(
        title="ISBI-2012 EM",
        citation="Arganda-Carreras et al., Crowdsourcing the creation of image segmentation algorithms for "
        "connectomics, Frontiers in Neuroanatomy 9, 2015",
        terms="none stated with the files; cite the paper and Cardona et al., PLoS Biology 8(10), 2010",
        source="https://imagej.net/events/isbi-2012-segmentation-challenge",
        images=SLICES,
        sizes=frozenset({(512, 512)}),
        mask_rule="8-bit stack, cell interior > 127, membrane 0",
        groups="blocks of 3 neighbouring slices, our choice; all slices come from one volume of one animal, so no "
        "division of them shows how a net does on another animal",
        defects=("neighbouring slices are 50 nm apart and show the same cells (4x4 nm in the plane)",),
        archives=(
            Archive(
                url="https://downloads.imagej.net/ISBI-2012-challenge.zip",
                name="ISBI-2012-challenge.zip",
            ),
        ),
    )

    def sources(self) -> list[Source]:
        """List the slices of the stacks, or of the folders `train-volume/` and `train-labels/`."""
        volume, labels = self.directory / "train-volume.tif", self.directory / "train-labels.tif"
        if volume.is_file():
            if not labels.is_file():
                raise DataError(f"There is no file '{labels}' beside '{volume.name}': unpack both stacks there.")
            if pages(volume) != pages(labels):
                raise DataError(
                    f"'{volume}' has {pages(volume)} slices but '{labels}' has {pages(labels)}: replace the wrong one."
                )
            return [self._source(page, volume, labels, page=page) for page in range(pages(volume))]
        folder = volume.with_suffix("")
        if not folder.is_dir():
            raise DataError(f"There is neither '{volume}' nor the folder '{folder}': unpack the stacks there.")
        return self._folders(folder, labels.with_suffix(""))

    def _folders(self, volume: Path, labels: Path) -> list[Source]:
        paths = images_by_stem(volume, report=self.report)
        stems = {_number(path.stem): stem for stem, path in paths.items()}
        first = _first(stems, volume)
        for stem, path in paths.items():
            other = stems[_number(stem)]
            if other != stem:
                raise DataError(f"'{path}' and '{paths[other].name}' are both slice {_number(stem)}: keep one of them.")

        def report(problem: str, stem: str | None) -> None:
            self.report(problem, stem and _id(_number(stem) - first))

        pairs = pair_by_stem(
            volume, labels, mask_key=lambda path: stems.get(_number(path.stem), path.stem), report=report
        )
        return [self._source(_number(stem) - first, image, mask) for stem, (image, mask) in pairs.items()]

    def _source(self, position: int, image: Path, mask: Path, page: int | None = None) -> Source:
        name = _id(position)
        return Source(name, self.split.groups.get(name, name), image, (mask,), page=page)


def _id(position: int) -> str:
    return f"slice_{position:02d}"


def _number(stem: str) -> int:
    digits = re.findall(r"\d+", stem)
    if not digits:
        raise DataError(
            f"'{stem}' has no number in its name: name slices by their position in the stack, such as 00.png."
        )
    return int(digits[-1])


def _first(numbers: Collection[int], folder: Path) -> int:
    """Return whether slices are numbered from 0 or from 1."""
    if 0 in numbers or SLICES in numbers:
        return 0 if 0 in numbers else 1
    raise DataError(f"'{folder}' has neither slice 0 nor slice {SLICES}, so the first number is unknown: add it.")
