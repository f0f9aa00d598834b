"""A copy of a dataset on disk: where its files are, how they are decoded, and how it differs from the official copy."""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from polybench.core.errors import DataError
from polybench.data.card import SYNTHETIC_MARKER, Card
from polybench.data.official import content_notes
from polybench.data.own_dataset import is_ours
from polybench.data.sample import Decoded, Source
from polybench.data.source_files import decode_source
from polybench.results.facts import GENERATED, OWN

OnError = Literal["raise", "skip"]


class DatasetCopy(ABC):
    """The files of a dataset, as curation and training read them.

    Attributes:
        root: The folder that contains the dataset's own folder, or that folder itself.
        bits: Number of significant bits of images of more than 8; None where no image needs it.
        on_error: Raise an error for a broken file, or skip the image.
        problems: One sentence for each problem that was reported.
    """

    root: Path
    bits: int | None
    on_error: OnError
    problems: list[str]
    _skipped_ids: set[str]

    short_name: str
    """Name of the dataset in leaderboards, splits and recipes."""

    folder: ClassVar[str]
    """Folder of the official distribution."""

    card: ClassVar[Card] = Card(title="a dataset of your own")
    """Source, terms, citation, counts, sizes, mask rule and known defects."""

    shows_instances: ClassVar[bool] = False
    """Whether each object has its own mask file, so that the dataset has instances."""

    doubles: Sequence[Source] = ()
    """Further sources of frames of a pool, which are read from another member."""

    unread_official: ClassVar[tuple[str, ...]] = ()
    """Patterns of the names of files in the official copy that are not read."""

    @classmethod
    def usual_root(cls) -> str:
        """Return the default folder of datasets: `POLYBENCH_DATA`, else `data`."""
        return os.environ.get("POLYBENCH_DATA", "data")

    @classmethod
    def official_folders(cls) -> tuple[str, ...]:
        """Folders of the official distributions that the dataset consists of; one, except in a pool."""
        return (cls.folder,)

    @abstractmethod
    def sources(self) -> list[Source]:
        """List every image of the copy.

        Raises:
            DataError: If the layout differs from the dataset's; the missing part is named.
        """

    def decode(self, source: Source) -> Decoded:
        """Read one image (H, W, 3), the union of its masks (H, W) in {0, 1}, its field of view and its objects.

        A pixel that several objects share belongs to the last one.

        Raises:
            DataError: If a file can't be decoded, or mask and image differ in size.
        """
        return decode_source(source, self.bits, with_labels=self.shows_instances)

    def official_card(self) -> Card:
        """Return the card of the part of the official copy that the split uses."""
        return self.card

    def is_generated(self) -> bool:
        """Whether the images of the copy are generated."""
        return (self.directory / SYNTHETIC_MARKER).exists()

    def differences_from_official(self, native_sizes: list[tuple[int, int]], manifest_sha256: str) -> list[str]:
        """List the differences from the official copy, or that they are unknown; empty for the official copy.

        Args:
            native_sizes: Height and width of each image of the copy.
            manifest_sha256: Hash of its content.
        """
        card = self.official_card()
        notes = ([GENERATED] if self.is_generated() else []) + card.differences(native_sizes)
        if not notes and card.images is None:
            return [OWN]
        return notes or content_notes(card, self.directory, manifest_sha256)

    def report(self, problem: str, image_id: str | None = None) -> None:
        """Store a problem, or raise it unless broken images are skipped.

        Args:
            problem: One sentence that names the file.
            image_id: The image that is skipped because of it; None where no image is lost.

        Raises:
            DataError: Unless `on_error` is "skip".
        """
        if self.on_error == "raise":
            raise DataError(problem)
        self.problems.append(problem)
        if image_id is not None:
            self._skipped_ids.add(image_id)

    @property
    def directories(self) -> list[Path]:
        """The folders of these distributions that are there."""
        return [self.directory]

    @property
    def directory(self) -> Path:
        """The dataset's own folder.

        Raises:
            DataError: If it doesn't exist; the message says how to get the dataset.
        """
        nested = self.root / self.folder
        if nested.is_dir():
            return nested
        if self.root.resolve().name == self.folder and self.root.is_dir():
            return self.root
        command = f"; `polybench data download {self.short_name}` downloads it or lists the steps"
        download = command if is_ours(type(self)) else ""
        raise DataError(
            f"There is no folder '{nested}': get {self.card.title} ({self.card.source}) and put it there, or set the "
            f"environment variable POLYBENCH_DATA (or --data.root) to the folder that contains it{download}."
        )
