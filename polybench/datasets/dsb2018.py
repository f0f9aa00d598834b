"""Data Science Bowl 2018 (BBBC038v1), stage 1 training part: 670 microscopy images with 29,461 nuclei, one mask each.

Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl", Nature Methods 16, 2019.
Here it is semantic segmentation: the mask of an image is the union of its nuclei, so touching nuclei are one region;
the protocol `instances` uses the individual nuclei.
"""

from pathlib import Path

from polybench.core.errors import DataError
from polybench.data.card import Archive, Card
from polybench.data.listing import NoFilesError
from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import images_by_stem
from polybench.data.sample import Source
from polybench.metrics.protocols import INSTANCES


class DSB2018DataModule(SegmentationDataModule):
    """DSB-2018 in its official layout: `stage1_train/<id>/images/<id>.png` and `stage1_train/<id>/masks/*.png`.

    Splits: `reconstructed_efen_8_1_1` (536/67/67) and `reconstructed_fanet_335_134_201`.
    """

    short_name = "dsb2018"
    folder = "DSB2018"
    default_split = "reconstructed_efen_8_1_1"
    shows_instances = True
    extra_protocols = (INSTANCES,)
    card = Card(
        title="DSB-2018 stage 1 (BBBC038v1)",
        citation="Caicedo et al., Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl, "
        "Nature Methods 16, 2019",
        terms="CC0 1.0 (public domain)",
        source="https://bbbc.broadinstitute.org/BBBC038",
        images=670,
        sizes=frozenset(
            {(256, 256), (256, 320), (260, 347), (360, 360), (512, 640), (520, 696), (603, 1272), (1024, 1024)}
            | {(1040, 1388)}
        ),
        mask_rule="one grey PNG for each nucleus, foreground > 127; their union is the mask",
        groups="unknown: the files name no experiment, and many images are neighbouring tiles of one field of view "
        "(participants of the challenge joined them to mosaics by their edges), so random "
        "lists put parts of one specimen into train and test",
        defects=(
            "coarse, missing and merged outlines, many corrected by participants, never in the release",
            "fluorescence, bright field and stained tissue in very unequal numbers",
        ),
        archives=(
            Archive(
                url="https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip",
                name="stage1_train.zip",
                sha256="dcb6edc2690f137406638b2309581a71522c4dff19157d118453b448dcddcb68",
                folder="stage1_train",
            ),
        ),
    )

    def sources(self) -> list[Source]:
        """List the image and all masks of each folder of `stage1_train/`."""
        folder = self.directory / "stage1_train"
        if not folder.is_dir():
            raise DataError(f"There is no folder '{folder}': unpack stage1_train.zip into it.")
        found = []
        for case in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
            name = case.name
            images, masks = (self._files(case / part, name) for part in ("images", "masks"))
            if name not in images or not masks:
                self.report(f"'{case}' lacks images/{name}.png or masks/: unpack it again or remove the folder.", name)
                continue
            group = self.split.groups.get(name, name)
            found.append(Source(name, group, images[name], tuple(masks.values())))
        return found

    def _files(self, folder: Path, name: str) -> dict[str, Path]:
        """Map the images of a folder by stem; empty if there is no such folder."""
        try:
            return images_by_stem(folder, official=".png", report=lambda problem, _: self.report(problem, name))
        except NoFilesError:
            return {}
