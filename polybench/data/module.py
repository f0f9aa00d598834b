"""The DataModule that every segmentation dataset shares: sources, split, cache and loaders."""

import contextlib
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch.utils.data import DataLoader

from polybench.augment import Policy
from polybench.core.errors import ConfigError, DataError
from polybench.core.wording import counted
from polybench.data.build import build_cache
from polybench.data.cache import ImageCache, default_cache_folder
from polybench.data.card import SYNTHETIC_MARKER, Card
from polybench.data.device_batches import DeviceBatches
from polybench.data.images import UInt8Array, read_image, read_mask
from polybench.data.listing import LeftOut, Reason, left_out_words
from polybench.data.loader import CachedSamples
from polybench.data.manifest import same_id
from polybench.data.memory import Sized, refuse_too_large
from polybench.data.official import content_notes
from polybench.data.one_class import refuse_one_class
from polybench.data.own_dataset import check_class, decode_rule, is_ours, open_split
from polybench.data.sample import Decoded, Sample, Source, collate
from polybench.data.splits import SUBSETS, Split, Subset
from polybench.data.unread import left_out_beside
from polybench.data.value_range import check_bits
from polybench.metrics import PER_IMAGE, PROTOCOLS, Protocol
from polybench.metrics.memory import bytes_per_pixel
from polybench.results.facts import GENERATED, OWN, Counts, DatasetFacts

OnError = Literal["raise", "skip"]

EVALUATED: Mapping[str, tuple[Subset, ...]] = {"fit": ("val", "test"), "validate": ("val",), "test": ("test",)}
"""Stage of a trainer -> the subsets that it, or what follows it, evaluates."""

MASKS = 2
"""Bytes a pixel of the mask and the field of view of each image that waits in a batch."""

LARGEST_SIDE = 8192
"""Of the network's input, pixels; beyond it a size is a slip of the finger."""


class SegmentationDataModule(DeviceBatches):
    """Feeds one dataset to a trainer.

    A dataset says where its files lie (`sources`), how its masks are read (`decode`) and how to tell the official copy.

    Args:
        root: The folder that holds the dataset's own folder, or that folder itself; None for that which the environment
            variable POLYBENCH_DATA names, else `data`.
        size: Height and width of the network's input, pixels.
        split: Name of a split file of the dataset, or the path of a CSV with id, subset and group; by default the
            one of the papers.
        batch_size: Training batch size of each process.
        eval_batch_size: Evaluation batch size; fixed, since predictions can differ in the last bits with the batch.
        num_workers: Loader processes; with the cache, 0 is usually the fastest.
        allow_missing: Go on when the copy lacks images of the split; the record will say so.
        cache_dir: Where decoded images are kept; by default `POLYBENCH_CACHE` or `~/.cache/polybench`.
        augment: Augmentation of training batches, on the device: a named policy (none, standard, efen25, fanet,
            keras_fcn, keras_fcn_eroding) or a `Policy` by class path.
        expanded: Give each training image all fixed variants of the policy, each a sample of its own, as papers do that
            augment on disk (an epoch is so many times longer); otherwise each epoch draws anew.
        on_device: Keep the bytes of the whole set on the device.
        on_error: What to do with an image that is broken or alone: "raise" an error that names the file, or "skip" it;
            what was skipped is counted, printed and recorded.
        bits: How many bits count in images of more than 8, such as 12 of 16; must be given where no image of the copy
            uses the 16th.
        seed: Seed of the training order; the command line fills it from `--seed_everything`.
    """

    short_name: str
    """Name of the leaderboard page, the split folder and the recipes."""

    folder: ClassVar[str]
    """The official distribution's folder."""

    default_split: ClassVar[str] = ""
    """The split of the papers: a name, or for a class of one's own also the path of a CSV, relative to its module."""

    dataset_arguments: ClassVar[frozenset[str]] = frozenset({"split", "bits"})
    """Arguments that another dataset does not get where it takes this one's place in a configuration."""

    card: ClassVar[Card] = Card(title="a dataset of your own")
    """Source, terms, citation, counts, sizes, mask rule and known defects."""

    shows_instances: ClassVar[bool] = False
    """Whether each object has a mask file of its own, so that objects are counted and told apart."""

    unread_official: ClassVar[tuple[str, ...]] = ()
    """Patterns of the names of files that stand among the images of the official copy and are not read."""

    extra_protocols: ClassVar[tuple[Protocol, ...]] = ()
    """Protocols that this dataset's tests have beside those of every dataset."""

    ranked_by: ClassVar[Protocol] = PER_IMAGE
    """The protocol that the leaderboard ranks by; training evaluates it too."""

    decode_version: ClassVar[int] = 1
    """Raise it when `decode` changes: caches of the earlier way are then left alone."""

    def __init__(
        self,
        root: str | None = None,
        size: Sequence[int] = (256, 256),
        split: str | None = None,
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
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, num_workers, seed, augment, expanded, on_device)
        check_class(type(self))
        if len(size) != 2 or min(size) < 1 or max(size) > LARGEST_SIDE:
            raise ConfigError(f"size must be a height and a width of 1 to {LARGEST_SIDE} pixels, not {list(size)}.")
        check_bits(bits)
        self.bits = bits
        self.root = Path(root or self.usual_root()).expanduser()
        self.size = (size[0], size[1])
        self.split = open_split(type(self), split)
        self.allow_missing = allow_missing
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else default_cache_folder()
        self.on_error: OnError = on_error
        self.problems: list[str] = []
        self.left_out: list[LeftOut] = []
        self._excused: set[str] = set()
        self._sources: dict[str, Source] = {}
        self._cache: ImageCache | None = None

    @classmethod
    def identity_arguments(cls, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What arguments stand for: an augmentation of its version, the default split; and how masks are decoded."""
        split = arguments.get("split") or cls.default_split
        return {**super().identity_arguments(arguments), "split": split, "decode_version": cls.decode_version}

    @classmethod
    def usual_root(cls) -> str:
        """The folder of the datasets where none is named."""
        return os.environ.get("POLYBENCH_DATA", "data")

    @abstractmethod
    def sources(self) -> list[Source]:
        """List every image of the copy at hand.

        Raises:
            DataError: If the layout is not the dataset's; what is missing is named.
        """

    def decode(self, source: Source) -> Decoded:
        """Read one image (H, W, 3), the union of its masks (H, W) in {0, 1}, its field of view and its objects.

        A pixel that several objects share belongs to the last.

        Raises:
            DataError: If a file can't be decoded, or mask and image differ in size.
        """
        image = read_image(source.image, source.page, self.bits)
        labels = np.zeros(image.shape[:2], np.uint16)
        for number, path in enumerate(source.masks, start=1):
            labels[_mask_of(image, path, source) > 0] = number
        mask = (labels > 0).astype(np.uint8)
        valid = _mask_of(image, source.valid, source) if source.valid is not None else None
        return Decoded(image, mask, valid, *((len(source.masks), labels) if self.shows_instances else ()))

    def official_card(self) -> Card:
        """The card of the official copy, as far as the split uses it."""
        return self.card

    def is_generated(self) -> bool:
        """Whether the images of the copy were drawn by a program."""
        return (self.directory / SYNTHETIC_MARKER).exists()

    def differences_from_official(self, native_sizes: list[tuple[int, int]], manifest_sha256: str) -> list[str]:
        """Say how the copy at hand differs from the official one, or that nobody knows; empty for the official one.

        Args:
            native_sizes: Height and width of each image of the copy.
            manifest_sha256: Hash of its content.
        """
        card = self.official_card()
        notes = ([GENERATED] if self.is_generated() else []) + card.differences(native_sizes)
        if not notes and card.images is None:
            return [OWN]
        return notes or content_notes(card, self.directory, manifest_sha256)

    def with_split(self, split: Split) -> Self:
        """The same copy under another list; what is reported to one is noted in both."""
        other = copy(self)
        other.split = split
        return other

    def report(self, problem: str, image_id: str | None = None) -> None:
        """Take note of a problem; where broken images are not skipped, refuse it.

        Args:
            problem: One sentence that names the file.
            image_id: The image that can't be used for it, which the copy may then lack; None where none is lost.

        Raises:
            DataError: Unless `on_error` is "skip".
        """
        if self.on_error == "raise":
            raise DataError(problem)
        self.problems.append(problem)
        if image_id is not None:
            self._excused.add(image_id)

    @property
    def directory(self) -> Path:
        """The dataset's own folder.

        Raises:
            DataError: If it can't be found; the message says how to get the dataset.
        """
        nested = self.root / self.folder
        if nested.is_dir():
            return nested
        if self.root.resolve().name == self.folder and self.root.is_dir():
            return self.root
        download = f"; `polybench data download {self.short_name}` does it or says how" if is_ours(type(self)) else ""
        raise DataError(
            f"There is no folder '{nested}': get {self.card.title} ({self.card.source}) and put it there, or point the "
            f"environment variable POLYBENCH_DATA (or --data.root) at the folder that holds it{download}."
        )

    def provide(self) -> None:
        """Put the images where they are looked for, where that needs no one's leave; called by one process."""

    def prepare_data(self) -> None:
        """Check the copy against the split and build the cache; one process does this.

        A copy that is found wanting is complained of in `setup`, where every process meets it: one that failed here
        would leave the others waiting.
        """
        self.provide()
        with contextlib.suppress(DataError):
            self.open_cache(self.size)

    def setup(self, stage: str) -> None:
        """Open the cache.

        Raises:
            DataError: If the copy lacks something or a file is broken; it is named.
        """
        if self._cache is None:
            self.open_cache(self.size)
        self._refuse_too_large(stage)
        if stage == "fit":
            for subset in SUBSETS:
                here = [image_id for image_id in self.split.ids(subset) if image_id in self.cache.position]
                refuse_one_class(self.cache, subset, here, self.directory)

    def open_cache(self, size: tuple[int, int] | None) -> ImageCache:
        """Check the copy against the split and open its cache, built if need be; patches use this without `setup`.

        Args:
            size: Height and width of the cached images; None for their native sizes.

        Raises:
            DataError: If the copy lacks something or a file is broken; it is named.
        """
        self.problems.clear()
        self._excused.clear()
        sources = self.sources()
        for problem in same_id(sources):
            raise DataError(problem)
        present = [source.id for source in sources]
        missing = self.split.cover(present, allow_missing=True, source=self.directory)
        allowed = self.allow_missing or self._excused.issuperset(missing)
        self.split.cover(present, allow_missing=allowed, source=self.directory)
        skip = self.on_error == "skip"
        rule = decode_rule(type(self)) + (f" bits {self.bits}" if self.bits else "")
        cache = build_cache(sources, size, self.decode, self.cache_dir, rule=rule, bits=self.bits, skip_broken=skip)
        self._sources = {source.id: source for source in sources}
        self.left_out = left_out_beside(sources, self.unread_official)
        if self.left_out:
            listed = f"{counted(len(sources), 'image')}; left out: {left_out_words(self.left_out)}"
            rank_zero_info(f"'{self.directory}': {listed}.")
        self.problems += cache.skipped.values()
        if self.problems:
            rank_zero_warn(f"{len(self.problems)} image(s) were skipped: {' '.join(self.problems)}")
        if cache.notes:
            rank_zero_info(f"'{self.directory}' holds {'; '.join(cache.notes)}.")
        self._cache = cache
        return cache

    @property
    def cache(self) -> ImageCache:
        """The opened cache; `prepare_data` and `setup` come first."""
        if self._cache is None:
            raise RuntimeError("The data module is not set up: call prepare_data() and setup() first.")
        return self._cache

    def facts(self) -> DatasetFacts:
        """What a record says of the data; for a module that is set up."""
        notes = self.differences_from_official(self.cache.native_sizes, self.cache.manifest_sha256)
        if self.problems:
            notes.append(f"{len(self.problems)} broken or unpaired skipped")
        official = not notes
        if images := [entry for entry in self.left_out if entry.files and entry.reason is not Reason.HIDDEN]:
            notes.append(f"left out beside its images: {left_out_words(images)}")
        return DatasetFacts(
            ranked_by=self.ranked_by.name,
            name=self.short_name,
            manifest_sha256=self.cache.manifest_sha256,
            official_copy=official,
            copy_notes=(*notes, *self.cache.notes),
            split=self.split.name,
            split_sha256=self.split.sha256,
            group_disjoint=False if self.split.crossing else self.split.group_disjoint or None,
            split_note=self.split.note,
            allow_missing=self.allow_missing,
            missing=tuple(image_id for image_id in self.split.subsets if image_id not in self.cache.position),
            counts=Counts(**{s: sum(i in self.cache.position for i in self.split.ids(s)) for s in SUBSETS}),
            size=self.size,
        )

    def ids(self, subset: Subset) -> list[str]:
        """The images of a subset that the copy has.

        Raises:
            UserError: If it has none.
        """
        return self.split.present(subset, self.cache.position, source=self.directory)

    def native_image(self, image_id: str) -> UInt8Array:
        """Read an image as its file has it, (h, w, 3), and no mask.

        Raises:
            DataError: If the copy lacks it, or its file can't be decoded; it is named.
        """
        self._sources = self._sources or {source.id: source for source in self.sources()}
        if image_id not in self._sources:
            raise DataError(f"'{self.directory}' has no image '{image_id}': take one of the dataset's ids.")
        source = self._sources[image_id]
        return read_image(source.image, source.page, self.bits)

    def _refuse_too_large(self, stage: str) -> None:
        """Refuse images whose evaluation doesn't fit into memory; before training, those of the test too."""
        others = self.eval_batch_size - 1
        for subset in EVALUATED.get(stage, ()):
            trained = stage == "fit" and subset == "val"
            protocols = (PER_IMAGE, self.ranked_by) if trained else (*PROTOCOLS, *self.extra_protocols)
            needed = bytes_per_pixel(protocol.name for protocol in protocols) + MASKS * others
            places = {name: self.cache.position.get(name) for name in self.split.ids(subset)}
            sizes = {name: self.cache.native_sizes[place] for name, place in places.items() if place is not None}
            advice = "lower --data.eval_batch_size, " if others else ""
            refuse_too_large((Sized(name, *size) for name, size in sizes.items()), needed, "evaluating it", advice)

    def train_dataloader(self) -> DataLoader[Sample]:
        """Batches in an order that depends on (seed, epoch) alone; an incomplete last batch is left out."""
        return self.training_loader(self._samples("train", native=False), collate)

    def evaluation_dataloader(self, subset: Subset) -> DataLoader[Sample]:
        """A subset with native masks."""
        return self.evaluation_loader(self._samples(subset, native=True), collate)

    def plain_dataloader(self, subset: Subset) -> DataLoader[Sample]:
        """A subset in fixed batches at network size, without native masks and without variants."""
        return self.evaluation_loader(self._samples(subset, native=False, varied=False), collate)

    def _samples(self, subset: Subset, *, native: bool, varied: bool = True) -> CachedSamples:
        variants = len(self.policy.variants) if self.expanded and varied and not native else 1
        return CachedSamples(
            self.cache,
            self.ids(subset),
            dict(self.split.groups),
            native=native,
            variants=variants,
            pixels=not self.on_device,
        )


def _mask_of(image: UInt8Array, path: Path, source: Source) -> UInt8Array:
    """Read a mask (or field of view) and make sure that it has the size of its image."""
    mask = read_mask(path, source.page)
    if mask.shape != image.shape[:2]:
        raise DataError(
            f"'{source.image}' is {image.shape[1]}x{image.shape[0]} pixels but its mask '{path}' is "
            f"{mask.shape[1]}x{mask.shape[0]}: replace the wrong one."
        )
    return mask
