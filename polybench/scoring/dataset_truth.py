"""The truth of `polybench score` from a subset of a dataset."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from polybench.core.errors import DataError
from polybench.core.wording import counted, some
from polybench.data.decoding import opened
from polybench.data.listing import left_out_words
from polybench.data.memory import sizes_of
from polybench.data.pairing import stem
from polybench.data.splits import Subset
from polybench.scoring.memory import refuse_too_large_to_score
from polybench.scoring.truth import Labelled, Truth

if TYPE_CHECKING:  # imports torch, which --help doesn't need
    from polybench.data.copy_reading import SourceReading
    from polybench.data.module import SegmentationDataModule
    from polybench.data.sample import Source


def dataset_truth(data: "SegmentationDataModule", subset: Subset) -> Truth:
    """Read masks, fields of view, instances and groups from a dataset.

    Args:
        data: The dataset, opened with one of its splits.
        subset: Train, val or test.

    Raises:
        DataError: If the copy lacks an image of the subset.
    """
    from polybench.metrics.protocols import PROTOCOLS

    images = _images_of(data, subset)
    names = Counter(stem(source.image) for source in images.values())
    aliases = {file: image_id for image_id, source in images.items() if names[file := stem(source.image)] == 1}
    protocols = (*PROTOCOLS, *data.extra_protocols)
    refuse_too_large_to_score(sizes_of(source.image for source in images.values()), protocols, dataset=True)
    part = _DatasetSubset(data, subset, images)
    return Truth(
        groups={image_id: data.split.groups[image_id] for image_id in images},
        aliases=aliases,
        read=part.read,
        protocols=protocols,
        ranked_by=data.ranked_by,
        title=f"{data.short_name}, {subset} subset of '{data.split.name}'",
        place=f"{data.split.name}/{subset}",
        identify=part.identify,
        remarks=part.remarks,
    )


@dataclass
class _DatasetSubset:
    """The images of a subset, and the coding of the files that have been read."""

    data: "SegmentationDataModule"
    subset: Subset
    images: "Mapping[str, Source]"
    readings: "dict[str, SourceReading]" = field(default_factory=dict)

    def read(self, image_id: str) -> Labelled:
        """Read the mask, field of view and instances of an image."""
        from polybench.data.copy_reading import decode_observed

        decoded, self.readings[image_id] = decode_observed(self.data.decode, self.images[image_id])
        valid = None if decoded.valid is None else decoded.valid.astype(bool)
        labels = None if decoded.labels is None else decoded.labels.astype(np.int32)
        return Labelled(decoded.mask.astype(bool), valid, labels)

    def identify(self) -> dict[str, str]:
        """Return the names of dataset, split and subset, and the hashes of split and copy."""
        from polybench.data.manifest import manifest_sha256

        return {
            "dataset": self.data.short_name,
            "split": self.data.split.name,
            "subset": self.subset,
            "split_sha256": self.data.split.sha256,
            "manifest_sha256": manifest_sha256(self.data.sources(), self.data.cache_dir),
        }

    def remarks(self) -> list[str]:
        """Return remarks on the coding and the content of the copy.

        Raises:
            DataError: If the masks have several codings.
        """
        from polybench.data.copy_reading import coding_notes, coding_problems
        from polybench.data.unread import left_out_beside

        data, name = self.data, self.data.short_name
        for problem in coding_problems(self.readings):
            raise DataError(f"'{data.directory}': {problem}")
        sources = data.sources()
        sizes = [size for source in sources if (size := _size_of(source.image)) is not None]
        differences = [f"this copy of {name} has {note}" for note in data.card.differences(sizes)]
        notes = [*coding_notes(self.readings), *differences]
        if rest := left_out_words(left_out_beside(sources, data.unread_official)):
            notes.append(f"beside the images of {name} were left out: {rest}")
        return [*notes, *([f"'{data.split.name}': {data.split.note}"] if data.split.note else [])]


def _size_of(path: Path) -> tuple[int, int] | None:
    """Read height and width from the header of a file; None where it can't be read, as for a missing image."""
    try:
        with opened(path) as image:
            return image.height, image.width
    except DataError:
        return None


def _images_of(data: "SegmentationDataModule", subset: Subset) -> "dict[str, Source]":
    """Return the images of a subset by id; the copy may lack images of other subsets.

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
