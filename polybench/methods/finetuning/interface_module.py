"""Patches around the pixels of interfaces, such as those of an artery's wall, and far from them, in K + 1 classes.

Paper: Tajbakhsh et al., IEEE TMI 2016, section IV-D: regions of 92 x 60 pixels of ultrasound images, whose lumen-intima
and media-adventitia interfaces a classifier of patches traces. The images are private; `polybench data synth
intima_media` writes generated ones in the layout that is read here. The side of a patch is not printed: 32 pixels here,
of the image around each pixel, resized to the net's input.
"""

from pathlib import Path

from lightning.pytorch.utilities import rank_zero_info

from polybench.core.errors import ConfigError, DataError
from polybench.data.card import SYNTHETIC_MARKER
from polybench.data.dataset_copy import DatasetCopy
from polybench.data.images import UInt8Array, read_image
from polybench.data.sample import Source, image_to_float
from polybench.data.splits import SUBSETS, Subset
from polybench.datasets.folder import slug, usable_name
from polybench.methods.finetuning.item_module import VALIDATION, ItemDataModule
from polybench.methods.finetuning.items import Item, ItemBatch
from polybench.methods.finetuning.parts import Part
from polybench.methods.finetuning.patches_of_regions import items_of, padded, patch_at, resized
from polybench.methods.finetuning.regions import REGIONS, Region, RegionSet, read_regions
from polybench.methods.finetuning.shares import Unit
from polybench.results.facts import GENERATED, OWN, DatasetFacts

FOLDER = "intima_media"


class InterfaceDataModule(ItemDataModule):
    """Data module of patches of regions with interfaces, in the layout of `polybench.methods.finetuning.regions`.

    Class 0 is the background, 1 the uppermost interface and so on. Ids: `<image>/<interface>/<column>` and
    `<image>/background/<number>`; groups are subjects. Patches are not augmented, as in the paper: between interfaces
    that are near each other, shifts would make labels wrong. Grey images are repeated to three channels.

    Args:
        root: The folder, or one that contains it as `intima_media`; null for POLYBENCH_DATA, else `data`.
        name: Name of the dataset in records and pages: lower-case letters, digits, `_` and `-`; null for the folder's.
        patch: Side of a patch, pixels of the image; even.
        size: Side of the net's input, to which patches are resized.
        far: Least vertical distance of background from every interface, pixels.
        background: Patches of background of a region; null for as many as it has columns.
        share: Share of the training set that is used, above 0 and at most 1.
        share_of: What the share counts: `group`, a subject; `candidate` or `sample`, a patch.
        validation: Share of the training set, by whole subjects, that is kept apart for validation; null for the
            folder's own validation subset, and 0.2 where it has none.
        balance: Train on as many patches of each class, by down-sampling the larger ones.
        batch_size: Training batch size of each process.
        eval_batch_size: Evaluation batch size, also where a test classifies all pixels of a region.
        num_workers: Loader processes.
        seed: Seed of order and classes in training, and of the share; the command line fills it from
            `--seed_everything`.
    """

    def __init__(
        self,
        root: str | None = None,
        name: str | None = None,
        patch: int = 32,
        size: int = 227,
        far: float = 4.0,
        background: int | None = None,
        share: float = 1.0,
        share_of: Unit = "group",
        validation: float | None = None,
        balance: bool = True,
        batch_size: int = 256,
        eval_batch_size: int = 256,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(size, balance, "none", batch_size, eval_batch_size, num_workers, seed)
        if patch < 2 or patch % 2:
            raise ConfigError(f"patch must be even and at least 2 pixels, not {patch}.")
        if far <= 0 or (background is not None and background < 1):
            raise ConfigError(f"far must be above 0 and background at least 1, not {far:g} and {background}.")
        given = Path(root or DatasetCopy.usual_root()).expanduser()
        inside = given / FOLDER
        self.root = inside if (inside / REGIONS).is_file() or not (given / REGIONS).is_file() else given
        self.short_name = usable_name(slug(self.root) if name is None else name)
        self.known: RegionSet = read_regions(self.root)
        self.patch = patch
        self.far = far
        self.background = background
        own = bool(self.known.of("val"))
        self.part = Part(share, share_of, VALIDATION if validation is None and not own else validation, seed)
        self._images: dict[str, UInt8Array] = {}

    def setup(self, stage: str) -> None:
        """Read the images, divide the training set, and log the number of patches.

        Raises:
            UserError: If an image is missing, broken or smaller than its region, there are too few subjects for a
                validation subset, or a region has too little background.
        """
        if self._items:
            return
        for region in self.known.regions:
            image = read_image(region.path)
            if image.shape[0] < region.top + region.height or image.shape[1] < region.left + region.width:
                raise DataError(f"The region of '{region.image}' leaves its image: correct its line in {REGIONS}.")
            self._images[region.image] = padded(image, self.patch)
        self.divide({subset: self._of(self.known.of(subset)) for subset in SUBSETS})
        for subset, mine in self._items.items():
            images, subjects = len({item.image for item in mine}), len({item.group for item in mine})
            rank_zero_info(f"Subset '{subset}': {len(mine)} patches of {images} regions of {subjects} subjects.")

    def _of(self, regions: list[Region]) -> list[Item]:
        names = self.known.interfaces
        return [item for one in regions for item in items_of(one, names, self.patch, self.far, self.background)]

    def regions(self, subset: Subset) -> list[Region]:
        """The regions of a subset, after `setup`; of the share that is trained on."""
        images = {item.image for item in self._items[subset]}
        return [one for one in self.known.regions if one.image in images]

    def image(self, region: Region) -> UInt8Array:
        """The image of a region, padded, after `setup`."""
        return self._images[region.image]

    def read(self, item: Item, variant: int) -> UInt8Array:
        """Cut the patch of an item, (S, S, 3), at the scale of its image; there is one variant."""
        assert item.box is not None
        half = self.patch // 2
        return patch_at(self._images[item.image], item.box[0] + half, item.box[1] + half, self.patch)

    def facts(self) -> DatasetFacts:
        """Describe the data for a record; counts are those of patches."""
        tested = [(item.id, item.label, item.box) for item in self._items.get("test", [])]
        return self.facts_of_files(
            [(one.subset, Source(one.image, one.subject, one.path, ())) for one in self.known.regions],
            split="regions",
            sha256=self.known.sha256,
            note=f"Interfaces: {', '.join(self.known.interfaces)}.",
            copy_note=GENERATED if (self.root / SYNTHETIC_MARKER).is_file() else OWN,
            tested=f"{self.size[0]} {self.patch} {self.known.sha256} {tested}",
        )

    def on_after_batch_transfer(self, batch: ItemBatch, dataloader_idx: int) -> ItemBatch:
        """Convert bytes to floats on the device, and resize patches to the net's input."""
        batch["image"] = resized(image_to_float(batch["image"]), self.size)
        return batch
