"""The list of candidates of a copy of a dataset: read, or made once and kept with its cache."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.utilities import rank_zero_info

from polybench.core.checksum import file_sha256
from polybench.core.randomness import generator
from polybench.data.cache import ImageCache
from polybench.data.module import SegmentationDataModule
from polybench.data.patch_samples import Regions, find_regions
from polybench.data.patches import Boxes, PlacementArea, negative_boxes, positive_boxes
from polybench.data.progress import progress
from polybench.methods.finetuning.candidates import (
    BOXES,
    VERSION,
    Candidate,
    CandidateList,
    labelled,
    lesions_of,
    map_boxes,
    no_list,
    read_list,
    refuse_other_copy,
    write_list,
)
from polybench.methods.finetuning.detector import load_detector, refuse_seen
from polybench.tasks.checkpoint import refuse_no_file

DARK = 26
"""Grey level below which rows and columns at the edges are an image's frame, for boxes."""

PER_IMAGE = 3
"""Boxes of background in an image, for boxes."""

BoxesOf = Callable[[int], Boxes]
"""Boxes of the image at a position of a cache."""


def refuse_no_candidates(candidates: str) -> None:
    """Refuse a checkpoint or a list that isn't there.

    Raises:
        UserError: If it isn't.
    """
    if candidates.endswith(".ckpt"):
        refuse_no_file(candidates)
    elif candidates != BOXES and not Path(candidates).expanduser().is_file():
        raise no_list(Path(candidates))


def refuse_no_dataset(source: Mapping[str, Any]) -> None:
    """Refuse a dataset whose folder isn't there, unless its images are generated.

    Args:
        source: Class path and arguments of its data module, plain values.

    Raises:
        UserError: If it isn't.
    """
    module, _, name = str(source["class_path"]).rpartition(".")
    found = getattr(import_module(module), name)
    if issubclass(found, SegmentationDataModule) and found.generate_images is SegmentationDataModule.generate_images:
        arguments = source.get("init_args") or {}
        _ = found(root=arguments.get("root"), split=arguments.get("split")).directories


def list_of(
    source: SegmentationDataModule, cache: ImageCache, candidates: str, threshold: float, least: float = 0.0
) -> CandidateList:
    """Read the list of candidates of a dataset, or make it once.

    Args:
        source: The dataset.
        cache: Its cache of native images.
        candidates: A detector's checkpoint, a list, or `boxes`.
        threshold: Probability from which a detector's map belongs to a component.
        least: Least share of an image that the box of a detector's candidate covers.

    Raises:
        UserError: If a file is missing or broken, the detector was trained on images of the study, or the list is of
            other images.
    """
    if candidates == BOXES or candidates.endswith(".ckpt"):
        found = _kept(source, cache, candidates, threshold, least)
    else:
        found = read_list(Path(candidates).expanduser())
    here = [image for image in source.split.subsets if image in cache.position]
    refuse_other_copy(found, source.short_name, cache.manifest_sha256, here)
    return found


def _kept(
    source: SegmentationDataModule, cache: ImageCache, candidates: str, threshold: float, least: float
) -> CandidateList:
    """The list of a detector or of boxes in the cache's folder, made where it isn't there."""
    if candidates == BOXES:
        path = cache.folder / f"candidates-v{VERSION}-{BOXES}.json"
        if not path.is_file():
            write_list(_listed(source, cache, _boxes_of(cache), BOXES, {}), path)
        return read_list(path)
    refuse_no_file(candidates)
    sha256 = file_sha256(Path(candidates))
    path = cache.folder / f"candidates-v{VERSION}-{sha256[:16]}-{threshold:g}-{least:g}.json"
    detector = load_detector(candidates)
    refuse_seen(detector, source.split.groups.values(), candidates)
    if not path.is_file():
        rank_zero_info(f"Looking for candidates in {len(cache.position)} images with '{candidates}'.")
        known = {"trained on": detector.source.dataset, "recipe": detector.source.stage}
        least_box = {"least box": f"{100 * least:g} % of the image"} if least else {}
        facts = {
            "sha256": sha256,
            "threshold": f"{threshold:g}",
            **least_box,
            **{key: text for key, text in known.items() if text},
        }

        def proposed(position: int) -> Boxes:
            return map_boxes(detector.predict(cache.image(position)), threshold, least)

        write_list(_listed(source, cache, proposed, "detector", facts), path)
    return read_list(path)


def _boxes_of(cache: ImageCache) -> BoxesOf:
    """Boxes of the objects, and random ones of background, the same in every run."""
    regions = find_regions(cache, DARK)
    names = {position: image for image, position in cache.position.items()}

    def boxes(position: int) -> Boxes:
        found: Regions = regions[position]
        valid = cache.valid(position) if cache.has_valid else None
        area = PlacementArea(found.objects, found.area, valid)
        others = negative_boxes(area, generator("negatives", 0, 0, names[position]), PER_IMAGE)
        objects = positive_boxes(found.objects, cache.sizes[position])
        joined: Boxes = np.concatenate([objects, others])
        return joined

    return boxes


def _listed(
    source: SegmentationDataModule, cache: ImageCache, boxes: BoxesOf, origin: str, facts: dict[str, str]
) -> CandidateList:
    """Label the boxes of every image."""
    lesions: dict[str, int] = {}
    found: list[Candidate] = []
    for image, position in progress(list(cache.position.items()), "Candidates"):
        numbered = lesions_of(cache.native_mask(position))
        lesions[image] = int(numbered.max(initial=0))
        found += labelled(image, boxes(position), numbered)
    return CandidateList(source.short_name, cache.manifest_sha256, origin, lesions, tuple(found), facts)
