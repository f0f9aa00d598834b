"""What `polybench score` compares with: a folder of masks, or a subset of a dataset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from polybench.data.images import stem
from polybench.data.predictions import Int32Array, MapFolder, open_map_folder, some
from polybench.data.splits import SUBSETS
from polybench.errors import ConfigError, DataError

if TYPE_CHECKING:  # it brings torch, which --help can do without
    from polybench.metrics.protocols import Protocol

BoolArray = npt.NDArray[np.bool_]

FAINTEST = 0.1
"""A mask whose brightest pixel lies below holds labels such as 2, or bytes in a wider type, and not grey levels."""


class Labelled(NamedTuple):
    """A mask (h, w), boolean, and, where there are any, a field of view, boolean, and instances, numbered from 1."""

    mask: BoolArray
    valid: BoolArray | None = None
    labels: Int32Array | None = None


@dataclass(frozen=True)
class Truth:
    """The images to be scored.

    Attributes:
        groups: Image id -> group.
        aliases: Other name of an image's files -> image id.
        read: Image id -> mask, field of view and instances.
        protocols: What its images are scored under.
    """

    groups: Mapping[str, str]
    aliases: Mapping[str, str]
    read: Callable[[str], Labelled]
    protocols: "tuple[Protocol, ...]"


def folder_truth(masks: Path, valids: Path | None, *, instances: bool) -> Truth:
    """Take masks, and fields of view, from folders; each image is a group of its own.

    Args:
        masks: Folder of masks.
        valids: Folder of fields of view, if there are any.
        instances: Whether the masks are label maps.

    Raises:
        DataError: If a folder is missing or empty, or a mask has no field of view, or an empty one.
    """
    from polybench.metrics.protocols import INSTANCES, PROTOCOLS

    mask_folder = open_map_folder(masks)
    valid_folder = open_map_folder(valids) if valids is not None else None
    if valid_folder is not None:
        lacking = sorted(set(mask_folder.paths) - set(valid_folder.paths))
        if lacking:
            raise DataError(f"'{valids}' has no field of view for {some(lacking)}: add them under the masks' names.")

    def read(image_id: str) -> Labelled:
        labels = mask_folder.read_instances(image_id) if instances else None
        mask = _binary(mask_folder, image_id) if labels is None else labels > 0
        if valid_folder is None:
            return Labelled(mask, labels=labels)
        valid = _binary(valid_folder, image_id)
        if valid.shape != mask.shape:
            raise DataError(f"'{valid_folder.paths[image_id]}' has another size than '{mask_folder.paths[image_id]}'.")
        if not valid.any():
            raise DataError(f"'{valid_folder.paths[image_id]}' is an empty field of view: nothing could be scored.")
        return Labelled(mask, valid, labels)

    protocols = (*PROTOCOLS, INSTANCES) if instances else PROTOCOLS
    return Truth({name: name for name in mask_folder.paths}, {}, read, protocols)


def dataset_truth(name: str, root: str | None, split: str) -> Truth:
    """Take masks, fields of view, instances and groups from a dataset.

    Args:
        name: Its short name.
        root: Folder that holds the dataset's own folder; None for the usual one.
        split: A subset of the dataset's own split such as "test", or "<split>/<subset>".

    Raises:
        ConfigError: If there is no such dataset, split or subset.
        DataError: If the copy lacks something.
    """
    from polybench.cli.data.modules import default_root, module_class
    from polybench.data.module import SegmentationDataModule  # brings lightning
    from polybench.metrics.protocols import PROTOCOLS

    split_name, _, subset = split.rpartition("/")
    if subset not in SUBSETS:
        raise ConfigError(f"--split '{split}' names no subset: give {', '.join(SUBSETS)}, or <split>/<subset>.")
    make: Callable[..., SegmentationDataModule] = module_class(name)
    data = make(root=root or default_root(), split=split_name or None)
    sources = {source.id: source for source in data.sources()}
    data.split.cover(list(sources), allow_missing=False, source=data.directory)
    ids = data.split.ids(subset)
    if not ids:
        raise DataError(f"Subset '{subset}' of split '{data.split.name}' is empty: choose another.")
    files = [stem(sources[image_id].image) for image_id in ids]
    aliases = {file: image_id for file, image_id in zip(files, ids, strict=True) if files.count(file) == 1}

    def read(image_id: str) -> Labelled:
        decoded = data.decode(sources[image_id])
        valid = None if decoded.valid is None else decoded.valid.astype(bool)
        labels = None if decoded.labels is None else decoded.labels.astype(np.int32)
        return Labelled(decoded.mask.astype(bool), valid, labels)

    groups = {image_id: data.split.groups[image_id] for image_id in ids}
    return Truth(groups, aliases, read, (*PROTOCOLS, *data.extra_protocols))


def _binary(folder: MapFolder, name: str) -> BoolArray:
    values = folder.read(name)
    if 0 < values.max() < FAINTEST:
        raise DataError(
            f"'{folder.paths[name]}' has no value above {values.max():.2g} of its type's range: write 0 and 1 alone in "
            "the whole folder, or 0 and 255."
        )
    mask: BoolArray = values > 0.5
    return mask
