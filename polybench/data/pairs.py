"""Sources of the commonest layout: a folder of images beside a folder of masks."""

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
    """Pair two folders of a copy by stem; the group is the split's, or the image's own where the split has none.

    Args:
        data: The dataset, told of each file without a partner.
        images: Folder of images in its directory.
        masks: Folder of masks there, one for each image.
        mask_key: The image's stem, made from the mask's path.
        official: The types of the official images and masks, such as (".jpg", ".png"); where several files have one
            stem, the one of this type is taken.
        extra: Regular expression found in the stems of files in these folders that are no images or masks of the set.

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
