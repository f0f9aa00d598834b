"""What `polybench score` compares with: a folder of masks, or a subset of a dataset."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from polybench.core.errors import DataError
from polybench.core.wording import counted, some
from polybench.data.decoding import opened
from polybench.data.listing import left_out_words
from polybench.data.mask_coding import HAS_VOID, has_void
from polybench.data.memory import sizes_of
from polybench.data.pairing import by_stem, stem
from polybench.data.splits import Subset
from polybench.scoring.memory import refuse_too_large_to_score
from polybench.scoring.predictions import (
    Int32Array,
    MapFolder,
    contents_sha256,
    find_maps,
    left_out_remark,
    list_maps,
    survey,
)

if TYPE_CHECKING:  # they bring torch, which --help can do without
    from polybench.data.module import SegmentationDataModule
    from polybench.data.sample import Source
    from polybench.metrics.protocols import Protocol

BoolArray = npt.NDArray[np.bool_]

FAINTEST = 0.1
"""A prediction whose brightest pixel lies below holds labels such as 2, or bytes in a wider type."""
THRESHOLD = 0.5
"""Of masks, and of predictions."""
GREY = 0.2
"""Where so large a share of a mask's pixels that aren't 0 lies between a tenth and nine tenths, it is hardly a mask."""


NUMBERS = ", or give --instances if it numbers objects"


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
        ranked_by: The one of them that ranks.
        title: What it is, for a reader.
        place: `<split>/<subset>` of a dataset; None for a folder.
        identify: Makes what identifies it: names, and hashes of the contents.
        remarks: What a reader should know, once all masks have been read.
    """

    groups: Mapping[str, str]
    aliases: Mapping[str, str]
    read: Callable[[str], Labelled]
    protocols: "tuple[Protocol, ...]"
    ranked_by: "Protocol"
    title: str
    place: str | None
    identify: Callable[[], dict[str, str]]
    remarks: Callable[[], list[str]]


def folder_truth(masks: Path, valids: Path | None, *, instances: bool, membranes: bool) -> Truth:
    """Take masks, and fields of view, from folders; each image is a group of its own.

    Args:
        masks: Folder of masks.
        valids: Folder of fields of view, if there are any.
        instances: Whether the masks are label maps.
        membranes: Whether they show the interiors of cells between membranes.

    Raises:
        DataError: If a folder is missing or empty, a mask has no field of view, or an empty one, or masks are coded in
            two ways or number their objects unasked.
    """
    from polybench.metrics.protocols import FOV, INSTANCES, MEMBRANES, PER_IMAGE, PROTOCOLS

    grey: list[str] = []
    further = (INSTANCES,) * instances + (MEMBRANES,) * membranes
    listings = [list_maps(folder) for folder in (masks, valids) if folder is not None]
    mask_paths = by_stem(listings[0])
    refuse_too_large_to_score(sizes_of(mask_paths.values()), (*PROTOCOLS, *further))
    mask_folder = survey(mask_paths)
    if not instances:
        refuse_mixture(mask_folder, masks)
        _refuse_numbers(mask_folder)
    valid_folder = None if valids is None else _valid_folder(valids, mask_folder)

    def read(image_id: str) -> Labelled:
        labels = mask_folder.read_instances(image_id) if instances else None
        mask = _binary(mask_folder, image_id, grey, NUMBERS) if labels is None else labels > 0
        if valid_folder is None:
            return Labelled(mask, labels=labels)
        valid = _binary(valid_folder, image_id, grey)
        if valid.shape != mask.shape:
            raise DataError(f"'{valid_folder.paths[image_id]}' has another size than '{mask_folder.paths[image_id]}'.")
        if not valid.any():
            raise DataError(f"'{valid_folder.paths[image_id]}' is an empty field of view: nothing could be scored.")
        return Labelled(mask, valid, labels)

    def identify() -> dict[str, str]:
        found = {"folder": masks.resolve().name, "sha256": contents_sha256(mask_folder.paths)}
        if valids is not None and valid_folder is not None:
            found |= {"valid_folder": valids.resolve().name, "valid_sha256": contents_sha256(valid_folder.paths)}
        return found

    groups = {name: name for name in mask_folder.paths}
    ranked_by = PER_IMAGE if valids is None else FOV
    return Truth(
        groups,
        {},
        read,
        (*PROTOCOLS, *further),
        ranked_by,
        f"'{masks.resolve().name}'",
        None,
        identify,
        lambda: [*(remark for listing in listings for remark in left_out_remark(listing)), *_of_grey(grey)],
    )


def dataset_truth(data: "SegmentationDataModule", subset: Subset) -> Truth:
    """Take masks, fields of view, instances and groups from a dataset.

    Args:
        data: The dataset, opened under one of its splits.
        subset: Train, val or test.

    Raises:
        DataError: If the copy lacks something.
    """
    from polybench.data.copy_reading import SourceReading, coding_notes, coding_problems, decode_observed
    from polybench.data.manifest import manifest_sha256
    from polybench.data.unread import left_out_beside
    from polybench.metrics.protocols import PROTOCOLS

    name = data.short_name
    images = _images_of(data, subset)
    names = Counter(stem(source.image) for source in images.values())
    aliases = {file: image_id for image_id, source in images.items() if names[file := stem(source.image)] == 1}

    readings: dict[str, SourceReading] = {}

    def read(image_id: str) -> Labelled:
        decoded, readings[image_id] = decode_observed(data.decode, images[image_id])
        valid = None if decoded.valid is None else decoded.valid.astype(bool)
        labels = None if decoded.labels is None else decoded.labels.astype(np.int32)
        return Labelled(decoded.mask.astype(bool), valid, labels)

    def identify() -> dict[str, str]:
        return {
            "dataset": name,
            "split": data.split.name,
            "subset": subset,
            "split_sha256": data.split.sha256,
            "manifest_sha256": manifest_sha256(data.sources(), data.cache_dir),
        }

    def remarks() -> list[str]:
        for problem in coding_problems(readings):
            raise DataError(f"'{data.directory}': {problem}")
        sources = data.sources()
        sizes = [size for source in sources if (size := _size_of(source.image)) is not None]
        notes = [*coding_notes(readings), *(f"this copy of {name} has {note}" for note in data.card.differences(sizes))]
        if rest := left_out_words(left_out_beside(sources, data.unread_official)):
            notes.append(f"beside the images of {name} were left out: {rest}")
        return [*notes, *([f"'{data.split.name}': {data.split.note}"] if data.split.note else [])]

    groups = {image_id: data.split.groups[image_id] for image_id in images}
    protocols = (*PROTOCOLS, *data.extra_protocols)
    refuse_too_large_to_score(sizes_of(source.image for source in images.values()), protocols, dataset=True)
    title = f"{name}, {subset} subset of '{data.split.name}'"
    return Truth(
        groups,
        aliases,
        read,
        protocols,
        data.ranked_by,
        title,
        f"{data.split.name}/{subset}",
        identify,
        remarks,
    )


def _size_of(path: Path) -> tuple[int, int] | None:
    """Height and width as the file's header has them; None where it can't be read, which counts as an absent image."""
    try:
        with opened(path) as image:
            return image.height, image.width
    except DataError:
        return None


def _images_of(data: "SegmentationDataModule", subset: Subset) -> "dict[str, Source]":
    """The images of a subset by id; those of the other subsets needn't be there.

    Raises:
        DataError: If the subset is empty, or the copy lacks an image of it.
    """
    place, ids = f"{data.split.name}/{subset}", data.split.ids(subset)
    if not ids:
        raise DataError(f"{place} lists no image: choose another subset with --split.")
    sources = {source.id: source for source in data.sources()}
    data.split.cover(list(sources), allow_missing=True, source=data.directory)
    if lacking := [image_id for image_id in ids if image_id not in sources]:
        reason = f" ({data.problems[0].rstrip('.')})" if data.problems else ""
        raise DataError(
            f"'{data.directory}' lacks {counted(len(lacking), 'image')} of {place}: {some(lacking)}{reason}; add "
            "them, or choose another subset with --split."
        )
    return {image_id: sources[image_id] for image_id in ids}


def _valid_folder(valids: Path, masks: MapFolder) -> MapFolder:
    """The fields of view of the masks."""
    paths = find_maps(valids)
    if lacking := sorted(set(masks.paths) - set(paths)):
        raise DataError(f"'{valids}' has no field of view for {some(lacking)}: add them under the masks' names.")
    folder = survey({name: paths[name] for name in masks.paths})
    refuse_mixture(folder, valids)
    return folder


def refuse_mixture(folder: MapFolder, path: Path) -> None:
    """Refuse a folder of masks, some of 0 and 1 and some of other values.

    Raises:
        DataError: If it is one.
    """
    if folder.mixture is not None:
        raise DataError(f"'{path}' mixes {folder.mixture}: code all of them in one way.")


def _refuse_numbers(folder: MapFolder) -> None:
    numbered = [folder.paths[name] for name, kind in folder.kinds.items() if kind == "numbered"]
    if numbered:
        raise DataError(
            f"'{numbered[0]}' holds the numbers of objects or classes ({len(numbered)} such file(s)), not a mask: give "
            "--instances if they number objects, else write 0 and 255 for the one class to be scored."
        )


def _of_grey(masks: list[str]) -> list[str]:
    """What is to be said of masks that hold many grey pixels."""
    return [f"{len(masks)} mask(s) are hardly masks, for grey pixels: {some(masks)}"] if masks else []


def _binary(folder: MapFolder, name: str, grey: list[str], otherwise: str = "") -> BoolArray:
    values = folder.read(name)
    if 0 < values.max() <= THRESHOLD:
        raise DataError(
            f"'{folder.paths[name]}' has no value above {values.max():.2g} of its type's range, so that all of it "
            f"would be background: write 0 and 1 alone in the whole folder, or 0 and 255{otherwise}."
        )
    lossy = folder.paths[name].suffix.lower() in {".jpg", ".jpeg", ".webp"}
    if otherwise and not lossy and has_void(np.rint(values * 255).astype(np.uint8)):
        raise DataError(
            f"'{folder.paths[name]}' {HAS_VOID}: write 0 and 255 for the one class to be scored{otherwise}."
        )
    drawn = values[values > 0]
    several = drawn.size > 0 and drawn.min() < drawn.max()  # black and one grey leave no doubt
    share = float(((drawn > 0.1) & (drawn < 0.9)).mean()) if several else 0.0
    if share > GREY:
        grey.append(f"'{folder.paths[name].name}' ({100 * share:.0f} % of what is not 0)")
    mask: BoolArray = values > THRESHOLD
    return mask
