"""Candidates of a segmentation dataset's images, classified as lesion or none, and parts of their training set.

Paper: Tajbakhsh et al., IEEE TMI 2016: three scales of a candidate's box, shifts by a tenth of it in four directions
and none, and the eight orientations of a square. There all 120 variants of a candidate are written to disk; here each
epoch draws one of every candidate, and a test averages all of them.
"""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from lightning.pytorch.utilities import rank_zero_info

from polybench.augment import Policy
from polybench.core.errors import ConfigError, DataError
from polybench.data.cache import ImageCache
from polybench.data.images import UInt8Array
from polybench.data.module import SegmentationDataModule
from polybench.data.patches import Boxes, Jitter, cut
from polybench.data.splits import SUBSETS, Subset
from polybench.methods.finetuning.candidates import VERSION, CandidateList, Found
from polybench.methods.finetuning.item_module import ItemDataModule
from polybench.methods.finetuning.items import Item
from polybench.methods.finetuning.make_list import list_of, refuse_no_candidates, refuse_no_dataset
from polybench.methods.finetuning.parts import Part
from polybench.methods.finetuning.shares import Unit
from polybench.metrics.protocols import CANDIDATES
from polybench.results.facts import DatasetFacts

ORIENTATIONS = 8


class CandidateDataModule(ItemDataModule):
    """Data module of the candidates of a segmentation dataset; a candidate has the subset and group of its image.

    Labels: 1 where the centre of the box lies in the truth, otherwise 0. Ids: `<image>/<number>`, and `<image>/none`
    for an image without candidates, which a test counts. Variant `15 o + p` is place p of 15 in orientation o of 8; the
    first place is the box itself, then follow its shifts, then the larger scales alike.

    Args:
        source: The segmentation dataset, with its folder and split; images are read at native size, and its size,
            batches and augmentation are not used.
        candidates: A detector's checkpoint, whose candidates are found once and kept in the cache; a list of candidates
            that was made so (JSON); or `boxes`, for the boxes of objects and random boxes of background.
        threshold: Probability from which a detector's map belongs to a component.
        least: Least share of an image that the box of a detector's candidate covers; 0 for all of more than 6 pixels.
        size: Side of the net's input, pixels.
        share: Share of the training set that is used, above 0 and at most 1.
        share_of: What the share counts: `group`, `candidate` or `sample`, a variant of a candidate.
        validation: Share of the training images, by whole groups, that is kept apart for validation; null for the
            validation subset of the split.
        balance: Train on as many candidates of either class, by down-sampling the larger one.
        jitter: Scales, shifts and orientations of the variants; null for the boxes as they are.
        validation_variants: Variants of a candidate that a validation averages, the first ones.
        test_variants: Variants of a candidate that a test averages, the first ones; null for all. 15 are the places
            without their orientations.
        augment: Augmentation of training patches, on the device: a named policy, or a `Policy` by class path.
        batch_size: Training batch size, which the processes share.
        eval_batch_size: Evaluation batch size.
        num_workers: Loader processes, which crop and resize.
        seed: Seed of order, classes and variants in training, and of the share; the command line fills it from
            `--seed_everything`.
    """

    inner_data: ClassVar[str] = "source"
    """The argument that takes the dataset which a recipe is combined with."""

    ranked_by = CANDIDATES

    @classmethod
    def identity_arguments(cls, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Resolve arguments for the identity of a run: augmentation and jitter with their versions, and the search."""
        jitter = arguments.get("jitter")
        path = f"{Jitter.__module__}.{Jitter.__qualname__}"
        bare = isinstance(jitter, Mapping) and "class_path" not in jitter
        variants = {"jitter": {"class_path": path, "init_args": jitter}} if bare else {}
        return super().identity_arguments(arguments) | variants | {"search": VERSION}

    @classmethod
    def look_for_files(cls, arguments: Mapping[str, Any]) -> None:
        """Refuse a list or a checkpoint that isn't there, and a dataset whose folder isn't."""
        refuse_no_candidates(str(arguments["candidates"]))
        refuse_no_dataset(arguments["source"])

    def __init__(
        self,
        source: SegmentationDataModule,
        candidates: str,
        threshold: float = 0.1,
        least: float = 0.0,
        size: int = 227,
        share: float = 1.0,
        share_of: Unit = "group",
        validation: float | None = None,
        balance: bool = True,
        jitter: Jitter | None = None,
        validation_variants: int = 1,
        test_variants: int | None = None,
        augment: str | Policy = "none",
        batch_size: int = 256,
        eval_batch_size: int = 256,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(size, balance, augment, batch_size, eval_batch_size, num_workers, seed)
        if not 0 < threshold < 1:
            raise ConfigError(f"threshold must be a probability above 0 and below 1, not {threshold}.")
        if not 0 <= least < 1:
            raise ConfigError(f"least must be a share of the image from 0 to below 1, not {least}.")
        if source.crop is not None:
            raise ConfigError("Candidates are cut from whole native images: leave out data.source.crop.")
        self.source = source
        self.short_name = source.short_name
        self.candidates = candidates
        self.threshold = threshold
        self.least = least
        self.part = Part(share, share_of, validation, seed)
        self.jitter = jitter
        self.variants = variants_of(jitter)
        self.test_variants = self.variants if test_variants is None else test_variants
        self.tested_variants = {
            "val": _checked(validation_variants, self.variants, "validation_variants"),
            "test": _checked(self.test_variants, self.variants, "test_variants"),
        }
        self.listed: CandidateList | None = None
        self._cache: ImageCache | None = None

    def prepare_data(self) -> None:
        """Build the cache of native images and find the candidates, in one process.

        Errors in the copy are raised in `setup`, by every process.
        """
        self.source.generate_images()
        with contextlib.suppress(DataError, ConfigError):
            self._open()

    def setup(self, stage: str) -> None:
        """List the candidates of the subsets of the stage, and log their numbers.

        Raises:
            UserError: If a file is missing or broken, the list is of other images, the detector was trained on images
                of the study, there are too few groups for a validation subset, or a class is empty.
        """
        if self.listed is None:
            self._open()
        if self._items:
            return
        self.divide({subset: self._of(self.source.ids(subset)) for subset in SUBSETS})
        for subset in (one for one in SUBSETS if stage == "fit" or stage.startswith(one)):  # `validate` has `val`
            rank_zero_info(f"Subset '{subset}': {self.found(subset).sentence}.")

    def _of(self, images: Sequence[str]) -> list[Item]:
        """The candidates of images, and a row for each image without one."""
        assert self.listed is not None
        groups, found = self.source.split.groups, self.listed.of(images)
        items = []
        for image, candidates in found.items():
            group, lesions = groups[image], self.listed.lesions[image]
            for number, one in enumerate(candidates):
                label = int(one.lesion >= 0)
                items.append(Item(f"{image}/{number}", group, label, image, one.box, one.lesion, lesions))
            if not candidates:
                items.append(Item(f"{image}/none", group, 0, image, lesions=lesions, candidate=False))
        return items

    def found(self, subset: Subset) -> Found:
        """How well the candidates of a subset cover its lesions, after `setup`; of the share that is trained on."""
        assert self.listed is not None
        return self.listed.found_in(list(dict.fromkeys(item.image for item in self._items[subset])))

    def read(self, item: Item, variant: int) -> UInt8Array:
        """Cut a variant of a candidate, (S, S, 3); the whole of an image without one."""
        assert self._cache is not None
        image = self._cache.image(self._cache.position[item.image])
        box = np.array((0, 0, *image.shape[:2]) if item.box is None else item.box, np.int64)
        places: Boxes = box[None] if self.jitter is None else self.jitter.boxes(box)
        orientation, place = divmod(variant, len(places))
        return cut(image, places[place], self.size[0], orientation)

    def _open(self) -> None:
        """Open the cache, and read or make the list."""
        self._cache = self.source.open_cache(None)
        self.listed = list_of(self.source, self._cache, self.candidates, self.threshold, self.least)

    def facts(self) -> DatasetFacts:
        """Describe the data for a record; counts are those of images."""
        tested = [(item.id, item.label, item.box) for item in self._items.get("test", [])]
        text = f"{self.size[0]} {self.test_variants} {self.jitter} {tested}"
        return replace(
            self.source.facts(),
            size=self.size,
            ranked_by=self.ranked_by.name,
            pad_value=None,
            patches_sha256=hashlib.sha256(text.encode()).hexdigest(),
        )


def variants_of(jitter: Jitter | None) -> int:
    """How many variants of a box there are.

    Example:
        >>> variants_of(Jitter()), variants_of(Jitter(flips=False)), variants_of(None)
        (120, 15, 1)
    """
    if jitter is None:
        return 1
    return len(jitter.scales) * (5 if jitter.shift else 1) * (ORIENTATIONS if jitter.flips else 1)


def _checked(number: int, most: int, option: str) -> int:
    """A number of variants.

    Raises:
        ConfigError: If it is below 1, or there are fewer.
    """
    if not 1 <= number <= most:
        raise ConfigError(f"{option} must be from 1 to the {most} variants that jitter gives, not {number}.")
    return number
