"""A folder of the user's own images and masks, with results under a name of the user's choice."""

import re
from collections.abc import Sequence
from pathlib import Path

from polybench.augment import Policy
from polybench.core.errors import ConfigError, DataError
from polybench.data.card import Card
from polybench.data.crops import Crop
from polybench.data.dataset_copy import OnError
from polybench.data.fitting import Fit
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import SPLITS
from polybench.data.pairing import images_by_stem, pair_by_stem
from polybench.data.sample import Source


class FolderDataModule(SegmentationDataModule):
    """Images in `images/`, masks in `masks/` and, if there are any, fields of view in `valid/`, matched by stem.

    Args:
        root: The folder with `images/` and `masks/`.
        split: Path of a CSV with id (the stem), subset and group, as written by `polybench data split`; required.
        name: Name of the dataset in records and pages: lower-case letters, digits, `_` and `-`; None for the folder's
            name.
        size: Height and width of the network's input, pixels.
        batch_size: Training batch size, which the processes share.
        eval_batch_size: Evaluation batch size.
        num_workers: Loader processes.
        allow_missing: Accept a folder that lacks images of the split; it is stated in the record.
        cache_dir: Folder of decoded images; None for `POLYBENCH_CACHE` or `~/.cache/polybench`.
        augment: Augmentation of training batches: a named policy, or a `Policy` by class path.
        expanded: Use all fixed variants of the policy for each training image.
        on_device: Keep the bytes of the whole set on the device.
        on_error: For an image that is broken or unpaired, "raise" an error or "skip" it.
        bits: Number of significant bits of images of more than 8, such as 12 of 16; required where no image uses the
            16th bit.
        fit: How images become the network's input: `stretch` each image to `size`, or `letterbox` it, which keeps its
            shape and pads the rest.
        pad_value: Grey level of the padding, 0 to 255.
        crop: Train on crops at native or stated scale, and evaluate whole frames by tiles; None for whole frames.
        seed: Seed of the training order.

    Raises:
        ConfigError: If there is no split, or the name is invalid.
    """

    short_name = "folder"
    folder = "folder"
    default_split = ""
    dataset_arguments = frozenset({"root", "split", "name", "bits"})
    card = Card(title="a folder of your own")

    def __init__(
        self,
        root: str = "data",
        split: str | None = None,
        name: str | None = None,
        size: Sequence[int] = (256, 256),
        batch_size: int = 8,
        eval_batch_size: int = 8,
        num_workers: int = 0,
        allow_missing: bool = False,
        cache_dir: str | None = None,
        augment: str | Policy = "none",
        expanded: bool = False,
        on_device: bool = False,
        on_error: OnError = "raise",
        bits: int | None = None,
        fit: Fit = "stretch",
        pad_value: int = 0,
        crop: Crop | None = None,
        seed: int = 0,
    ) -> None:
        if split is None or not split.endswith(".csv"):
            raise ConfigError(
                f"FolderDataModule needs the path of a split, a CSV: `polybench data split {root}` writes one; "
                "pass it as --data.split."
            )
        super().__init__(
            root=root,
            split=split,
            size=size,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            num_workers=num_workers,
            allow_missing=allow_missing,
            cache_dir=cache_dir,
            augment=augment,
            expanded=expanded,
            on_device=on_device,
            on_error=on_error,
            bits=bits,
            fit=fit,
            pad_value=pad_value,
            crop=crop,
            seed=seed,
        )
        self.short_name = usable_name(slug(self.root) if name is None else name)

    @property
    def directory(self) -> Path:
        """The folder itself.

        Raises:
            DataError: If it doesn't exist.
        """
        if not self.root.is_dir():
            raise DataError(f"There is no folder '{self.root}': set --data.root to the folder with images/ and masks/.")
        return self.root

    def sources(self) -> list[Source]:
        """Pair `images/` with `masks/`, and with `valid/` if it exists; the group is that of the split."""
        pairs = pair_by_stem(self.directory / "images", self.directory / "masks", report=self.report)
        folder = self.directory / "valid"
        views = images_by_stem(folder, report=self.report) if folder.is_dir() else dict.fromkeys(pairs)
        found = []
        for stem, (image, mask) in pairs.items():
            if stem not in views:
                self.report(
                    f"'{image}' has no field of view of the same stem in '{folder}': add it or remove valid/.", stem
                )
                continue
            found.append(Source(stem, self.split.groups.get(stem, stem), image, (mask,), valid=views[stem]))
        return found


def slug(folder: Path) -> str:
    """The name of a folder as one of a dataset: lower-case letters, digits, `_` and `-`."""
    return re.sub(r"[^a-z0-9_-]+", "_", folder.resolve().name.lower()).strip("_-")


def usable_name(name: str) -> str:
    """A name for the records of a dataset of the user's own.

    Raises:
        ConfigError: If it has other characters, or is that of one of polybench's datasets.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise ConfigError(f"name must be lower-case letters, digits, '_' and '-', not '{name}': set --data.name.")
    if (SPLITS / name).is_dir():
        raise ConfigError(
            f"'{name}' is the name of one of polybench's own datasets: choose another with --data.name, or rename the "
            "folder."
        )
    return name
