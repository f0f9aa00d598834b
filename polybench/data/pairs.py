"""Sources of the most common layout: a folder of images and a folder of masks."""

from collections.abc import Callable
from pathlib import Path

from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import pair_by_stem, stem
from polybench.data.sample import Source


def paired_sources(
    data: SegmentationDataModule,
    images: str,
    masks: str,
    *,
    mask_key: Callable[[Path], str] = stem,
    official: tuple[str, str] = ("", ""),
    extra: str | None = None,
) -> list[Source]:
    """Pair two folders of a copy by stem; the group is that of the split, or the id where the split has none.

    Args:
        data: The dataset, which receives each unpaired file as a problem.
        images: Folder of images in its directory.
        masks: Folder of masks, one per image.
        mask_key: Returns the stem of the image from the path of the mask.
        official: The types of the official images and masks, such as (".jpg", ".png"); which are preferred where
            several files have one stem.
        extra: Regular expression in the stems of files that don't belong to the set; None for no such files.

    Raises:
        DataError: If a folder is missing or empty.
    """
    pairs = pair_by_stem(
        data.directory / images,
        data.directory / masks,
        mask_key=mask_key,
        official=official,
        extra=extra,
        report=data.report,
    )
    groups = data.split.groups
    return [Source(name, groups.get(name, name), image, (mask,)) for name, (image, mask) in pairs.items()]
