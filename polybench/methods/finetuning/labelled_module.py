"""Any folder of labelled images in K classes, whole or by sub-crops, and parts of its training set.

Paper: Tajbakhsh et al., IEEE TMI 2016, whose third application classifies frames by the mean over random sub-crops.
"""

from pathlib import Path

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_info

from polybench.augment import Policy
from polybench.core.errors import ConfigError
from polybench.core.randomness import generator
from polybench.data.images import UInt8Array
from polybench.data.patches import cut
from polybench.data.sample import Source
from polybench.datasets.folder import slug, usable_name
from polybench.methods.finetuning.item_module import VALIDATION, ItemDataModule
from polybench.methods.finetuning.items import Item
from polybench.methods.finetuning.labels import Labelled, read_labelled, read_labels
from polybench.methods.finetuning.parts import Part
from polybench.methods.finetuning.shares import Unit
from polybench.metrics.protocols import CANDIDATES, CLASSES
from polybench.results.facts import OWN, DatasetFacts

KEPT_BYTES = 512 * 2**20
"""Decoded images that are kept in memory."""

ORIENTATIONS = 8


class LabelledImagesDataModule(ItemDataModule):
    """Data module of a folder of labelled images: one sub-folder a class, or `labels.csv`.

    The layout is that of `polybench.methods.finetuning.labels.read_labels`. Grey images and arrays (.npy) of one or two
    channels are repeated to three. A table with image, lesion and lesions has candidates, which
    `CandidateClassificationTask` evaluates; images in classes are those of `ImageClassificationTask`.

    Args:
        root: The folder.
        name: Name of the dataset in records and pages: lower-case letters, digits, `_` and `-`; null for the folder's.
        classes: Names of the classes, the background first; null for their natural order.
        size: Side of the net's input, pixels; whole images are padded to squares and resized.
        crops: Sub-crops of an image with that side at native scale, at random places that depend on the image alone;
            an epoch draws one of each image and a test averages all. Null for whole images.
        flips: Use each of the 8 orientations of a square; a test averages them.
        share: Share of the training set that is used, above 0 and at most 1.
        share_of: What the share counts: `group`, `candidate` (an item) or `sample`, a crop or orientation of an item.
        validation: Share of the training set, by whole groups, that is kept apart for validation; null for the folder's
            own validation subset, and 0.2 where it has none.
        balance: Train on as many items of each class, by down-sampling the larger ones.
        augment: Augmentation of training images, on the device: a named policy, or a `Policy` by class path.
        batch_size: Training batch size, which the processes share.
        eval_batch_size: Evaluation batch size.
        num_workers: Loader processes.
        seed: Seed of order, classes and crops in training, and of the share; the command line fills it from
            `--seed_everything`.
    """

    def __init__(
        self,
        root: str,
        name: str | None = None,
        classes: list[str] | None = None,
        size: int = 227,
        crops: int | None = None,
        flips: bool = False,
        share: float = 1.0,
        share_of: Unit = "group",
        validation: float | None = None,
        balance: bool = True,
        augment: str | Policy = "none",
        batch_size: int = 256,
        eval_batch_size: int = 256,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(size, balance, augment, batch_size, eval_batch_size, num_workers, seed)
        if crops is not None and crops < 1:
            raise ConfigError(f"crops must be at least 1, not {crops}.")
        self.root = Path(root).expanduser()
        self.short_name = usable_name(slug(self.root) if name is None else name)
        self.labelled: Labelled = read_labels(self.root, classes)
        self.ranked_by = CANDIDATES if self.labelled.candidates else CLASSES
        self.crops = crops
        self.flips = flips
        own = bool(self.labelled.items["val"])
        self.part = Part(share, share_of, VALIDATION if validation is None and not own else validation, seed)
        self.variants = (crops or 1) * (ORIENTATIONS if flips else 1)
        self.tested_variants = {"test": self.variants}
        self._kept: dict[str, UInt8Array] = {}
        self._bytes = 0

    def setup(self, stage: str) -> None:
        """Divide the training set, and log the number of items of each class.

        Raises:
            UserError: If there are too few groups for a validation subset, or a class is empty.
        """
        if self._items:
            return
        self.divide(self.labelled.items)
        for subset, mine in self._items.items():
            counts = np.bincount([item.label for item in mine], minlength=len(self.labelled.classes)).tolist()
            told = ", ".join(f"{count} {name}" for name, count in zip(self.labelled.classes, counts, strict=True))
            rank_zero_info(f"Subset '{subset}': {len(mine)} images: {told}.")

    def read(self, item: Item, variant: int) -> UInt8Array:
        """Read a variant of an image, (S, S, 3)."""
        image = self._image(item.id)
        height, width = image.shape[:2]
        side = self.size[0]
        box = (0, 0, height, width)
        if self.crops is not None:
            place = generator("crop", item.id, variant % self.crops)
            share = torch.rand(2, generator=place, dtype=torch.float64).tolist()
            top, left = (
                int(one * (max(0, whole - side) + 1)) for one, whole in zip(share, (height, width), strict=True)
            )
            box = (top, left, min(height, top + side), min(width, left + side))
        return cut(image, np.array(box, np.int64), side, variant // (self.crops or 1))

    def _image(self, item_id: str) -> UInt8Array:
        """A decoded image, kept while there is room."""
        if item_id in self._kept:
            return self._kept[item_id]
        image = read_labelled(self.labelled.files[item_id])
        if self._bytes + image.nbytes <= KEPT_BYTES:
            self._kept[item_id] = image
            self._bytes += image.nbytes
        return image

    def facts(self) -> DatasetFacts:
        """Describe the data for a record."""
        labelled = self.labelled
        tested = [(item.id, item.label) for item in labelled.items["test"]]
        return self.facts_of_files(
            [
                (subset, Source(item.id, item.group, labelled.files[item.id], ()))
                for subset, items in labelled.items.items()
                for item in items
            ],
            split="labels",
            sha256=labelled.sha256,
            note=f"Classes: {', '.join(labelled.classes)}.",
            copy_note=OWN,
            tested=f"{self.size[0]} {self.crops} {self.flips} {tested}",
            grouped=labelled.grouped,
        )
