"""Pairing of images and masks in folders by file stem."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from polybench.core.errors import DataError
from polybench.data.listing import Listing, list_files, natural_key

Report = Callable[[str, str | None], None]
"""Receives a problem with a file, and the stem of the image that is lost, or None."""


def refuse(problem: str, name: str | None = None) -> NoReturn:
    """Raise a problem as an error.

    Raises:
        DataError: Always.
    """
    raise DataError(problem)


def stem(path: Path) -> str:
    """Return the file name without its suffix, in Unicode composed form."""
    return unicodedata.normalize("NFC", path.stem)


def images_by_stem(
    folder: Path,
    *,
    key: Callable[[Path], str] = stem,
    official: str = "",
    extra: str | None = None,
    report: Report = refuse,
) -> dict[str, Path]:
    """Map each image's stem to its path.

    Args:
        folder: The folder of the images.
        key: Returns the stem of a path.
        official: File type of the official files, which is preferred where several files have one stem; empty for none.
        extra: Regular expression in the stems of other files, which are skipped; None for no such files.
        report: Receives each entry with the name of an image that isn't one, and each pair of files with one stem, of
            which the first is kept; raises an error by default.

    Raises:
        DataError: If the folder is missing or empty.
    """
    return by_stem(list_files(folder), key=key, official=official, extra=extra, report=report)


def by_stem(
    listing: Listing,
    *,
    key: Callable[[Path], str] = stem,
    official: str = "",
    extra: str | None = None,
    report: Report = refuse,
) -> dict[str, Path]:
    """Map the stem of each file of a listing to its path, see `images_by_stem`."""

    def is_extra(path: Path) -> bool:
        return extra is not None and re.search(extra, stem(path)) is not None

    for entry in listing.left_out:
        if entry.problem is not None and not is_extra(entry.path):
            report(entry.problem, key(entry.path))
    found: dict[str, Path] = {}
    files = [path for path in listing.files if not is_extra(path)]
    of_official_type = {path: path.suffix.lower() == official for path in files}
    for path in sorted(files, key=lambda path: not of_official_type[path]):
        other = found.setdefault(key(path), path)
        if other is not path and of_official_type[other] == of_official_type[path]:
            report(f"'{path}' and '{other.name}' have the same stem: keep one of them.", None)
    return {name: path for path in files if found[name := key(path)] is path}


def pair_by_stem(
    images: Path,
    masks: Path,
    *,
    mask_key: Callable[[Path], str] = stem,
    official: tuple[str, str] = ("", ""),
    extra: str | None = None,
    report: Report = refuse,
) -> dict[str, tuple[Path, Path]]:
    """Pair each image with its mask by stem.

    Args:
        images: Folder of images.
        masks: Folder of masks.
        mask_key: Returns the stem of the image from the path of the mask.
        official: File types of the official images and masks, as in `images_by_stem`.
        extra: As in `images_by_stem`, in both folders.
        report: Receives each unpaired file, which is left out, and images in sub-folders; raises an error by default.

    Returns:
        Stem -> (image, mask), in natural order of the stems.

    Raises:
        DataError: If a folder is missing or empty.
    """
    listings = list_files(images), list_files(masks)
    for listing in listings:
        if listing.nested is not None:
            report(listing.nested, None)
    image_paths = by_stem(listings[0], official=official[0], extra=extra, report=report)
    mask_paths = by_stem(listings[1], key=mask_key, official=official[1], extra=extra, report=report)
    for kind, paths, other, partners, folder in (
        ("image", image_paths, "mask", mask_paths, masks),
        ("mask", mask_paths, "image", image_paths, images),
    ):
        for name in sorted(set(paths) - set(partners), key=natural_key):
            report(
                f"The {kind} '{paths[name]}' has no {other} of the same stem in '{folder}': "
                f"add the {other} or remove the {kind}.",
                name,
            )
    return {name: (path, mask_paths[name]) for name, path in image_paths.items() if name in mask_paths}
