"""Description of a copy of a dataset for a record: its content, its split and its counts."""

from typing import TYPE_CHECKING

from polybench.data.listing import Reason, left_out_words
from polybench.data.splits import SUBSETS
from polybench.results.fact_parts import CropFacts
from polybench.results.facts import Counts, DatasetFacts

if TYPE_CHECKING:
    from polybench.data.module import SegmentationDataModule


def facts_of(data: "SegmentationDataModule") -> DatasetFacts:
    """Describe the data of a module that is set up."""
    cache, split = data.cache, data.split
    notes = data.differences_from_official(cache.native_sizes, cache.manifest_sha256)
    if data.problems:
        notes.append(f"{len(data.problems)} broken or unpaired skipped")
    official = not notes
    if images := [entry for entry in data.left_out if entry.files and entry.reason is not Reason.HIDDEN]:
        notes.append(f"left out beside its images: {left_out_words(images)}")
    return DatasetFacts(
        ranked_by=data.ranked_by.name,
        name=data.short_name,
        manifest_sha256=cache.manifest_sha256,
        official_copy=official,
        copy_notes=(*notes, *cache.notes),
        split=split.name,
        split_sha256=split.sha256,
        group_disjoint=False if split.crossing else split.group_disjoint or None,
        split_note=split.note,
        allow_missing=data.allow_missing,
        missing=tuple(image_id for image_id in split.subsets if image_id not in cache.position),
        counts=Counts(**{s: sum(i in cache.position for i in split.ids(s)) for s in SUBSETS}),
        size=data.size,
        crop=crop_facts(data),
        pad_value=data.fitting.pad_value if data.fitting.letterbox else None,
        fold=split.fold,
    )


def crop_facts(data: "SegmentationDataModule") -> CropFacts | None:
    """Describe the crops of a data module; None where whole frames are resized to its size."""
    crop = data.crop
    if crop is None:
        return None
    return CropFacts(
        scale=float(crop.scale),
        foreground=float(crop.foreground),
        in_view=float(crop.in_view),
        per_image=crop.per_image,
        overlap=crop.tile_overlap,
    )
