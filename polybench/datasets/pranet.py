"""PraNet's benchmark: train on 900 images of Kvasir-SEG and 550 of CVC-ClinicDB, test on one of five sets.

Fan et al., "PraNet: parallel reverse attention network for polyp segmentation", MICCAI 2020. Its code trains without
validation; ours is 145 of the 1450.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import pair_by_stem
from polybench.data.sample import Source


class PraNetDataModule(SegmentationDataModule):
    """PraNet's released folders: `TrainDataset/image/`, `mask/`, and `TestDataset/<set>/images/`, `masks/`.

    An id is set and image, such as `clinicdb/25`; groups are those of the sets. The split chooses the test set:
    `kvasir`, `clinicdb` (seen in training; its frames LEAK), `cvc300`, `colondb`, `etis` (unseen). Train and validation
    are the same in all five, so one net can be tested on each.
    """

    short_name = "pranet"
    folder = "PraNet"
    default_split = "kvasir"
    test_folders: ClassVar[Mapping[str, str]] = {
        "kvasir": "Kvasir",
        "clinicdb": "CVC-ClinicDB",
        "cvc300": "CVC-300",
        "colondb": "CVC-ColonDB",
        "etis": "ETIS-LaribPolypDB",
    }
    card = Card(
        title="PraNet's TrainDataset and TestDataset",
        citation="Fan et al., PraNet: parallel reverse attention network for polyp segmentation, MICCAI 2020",
        terms="none of its own: a collection of five sets, each under its authors' terms (research and education only)",
        source="https://github.com/DengPingFan/PraNet",
        images=2248,
        smallest=(288, 332),
        mask_rule="grey image, foreground > 127",
        groups="those of the sets: CVC-ClinicDB's sequences, CVC-300's frames as one group, unknown for the others",
        defects=(
            "the 62 test frames of CVC-ClinicDB are of sequences that are trained on",
            "CVC-300's 60 frames are among CVC-ColonDB's 380; 34 of these are copies of others (public comparison)",
        ),
        steps=(
            "Open drive.google.com/file/d/1YiGHLw4iTvKdvbT6MgwO9zcCv8zJ_Bnb in a browser and save TrainDataset.zip.",
            "Open drive.google.com/file/d/1Y2z7FD5p5y31vkZwQQomXFRB0HutHyao in a browser and save TestDataset.zip.",
            "Unpack both below <data>/PraNet, so that <data>/PraNet/TrainDataset/image/1.png and "
            "<data>/PraNet/TestDataset/Kvasir/images/ exist.",
        ),
    )

    def sources(self) -> list[Source]:
        """List the training images and those of the split's test sets."""
        train = self.directory / "TrainDataset"
        found = self._paired(_either(train, "image", "images"), _either(train, "mask", "masks"))
        for name, folder in self.test_folders.items():
            if any(image_id.startswith(f"{name}/") for image_id in self.split.ids("test")):
                test = self.directory / "TestDataset" / folder
                if test.is_dir():
                    found += self._paired(test / "images", test / "masks", name)
                else:
                    self.report(f"There is no folder '{test}': add that test set, or choose the split of another one.")
        return found

    def _paired(self, images: Path, masks: Path, name: str | None = None) -> list[Source]:
        def id_of(stem: str) -> str:
            return f"{name or ('clinicdb' if stem.isdecimal() else 'kvasir')}/{stem}"

        def report(problem: str, stem: str | None) -> None:
            self.report(problem, stem and id_of(stem))

        found = []
        for stem, (image, mask) in pair_by_stem(images, masks, official=(".png", ".png"), report=report).items():
            image_id = id_of(stem)
            found.append(Source(image_id, self.split.groups.get(image_id, image_id), image, (mask,)))
        return found

    def official_card(self) -> Card:
        """Return the card of the training images and the split's test set."""
        return replace(self.card, images=len(self.split.subsets))


def _either(folder: Path, name: str, other: str) -> Path:
    """Return the folder of the released archive, or the name that PraNet's code expects."""
    return folder / (other if (folder / other).is_dir() else name)
