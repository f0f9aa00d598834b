"""Matching of predictions to images by file name, and advice where names don't match."""

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from polybench.core.errors import DataError
from polybench.core.wording import some

SEPARATORS = " _-."
TRIED = 10
"""Number of names that are compared with all image names, and of endings that are then tried on all names."""


def match(groups: Collection[str], aliases: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Map image ids to the stems of their predictions.

    Args:
        groups: Ids of the images.
        aliases: Other name of an image's files -> image id.
        names: Stems of the predictions.

    Raises:
        DataError: If two files are predictions of one image.
    """
    files: dict[str, str] = {}
    for name in names:
        image_id = name if name in groups else aliases.get(name)
        if image_id in files:
            raise DataError(f"'{name}' and '{files[image_id]}' are both predictions of '{image_id}': keep one of them.")
        if image_id is not None:
            files[image_id] = name
    return files


def check_names(
    folder: Path, missing: Sequence[str], extra: Sequence[str], matched: int, *, place: str | None, refuse: bool
) -> None:
    """Report images and predictions without a match.

    Args:
        folder: Folder of the predictions.
        missing: Images without a prediction.
        extra: Predictions without an image.
        matched: Number of matches.
        place: The subset, `<split>/<subset>`, of a dataset; None for a folder of masks.
        refuse: Raise an error if a prediction is missing.

    Raises:
        DataError: If nothing matches, or a prediction is missing and `refuse` is set.
    """
    hint = how_to_rename(extra, missing)
    if not matched:
        partner = f"an image of {place}" if place else "a mask"
        examples = f"predictions: {some(extra)}; {'images' if place else 'masks'}: {some(missing)}"
        advice = hint or "give each prediction the stem of its mask"
        raise DataError(f"No file in '{folder}' is named as {partner} ({examples}): {advice}.")
    if missing and refuse:
        also = f" ({hint})" if hint else ""
        raise DataError(
            f"{len(missing)} prediction(s) are missing in '{folder}': {some(missing)}{also}; add them, or leave "
            "--missing error out."
        )
    if missing:
        print(f"polybench: {len(missing)} missing, scored as empty: {some(missing)}", file=sys.stderr)
    if extra:
        lack = f"not in {place}" if place else "without a mask"
        print(f"polybench: {len(extra)} {lack}, not scored: {some(extra)}", file=sys.stderr)
    if hint and missing:
        print(f"polybench: {hint}, and so on, if these are the missing ones", file=sys.stderr)


def how_to_rename(predictions: Sequence[str], images: Sequence[str]) -> str | None:
    """Find an ending or a beginning by which predictions differ from their images, such as `_pred`.

    Args:
        predictions: Stems without a match.
        images: Ids without a match.

    Returns:
        The advice; None where there is no such ending.
    """
    known = set(images)
    for turn, where in ((1, "end"), (-1, "begin")):  # a beginning is the ending of the reversed name
        tails = Counter(_tails(name[::turn], image[::turn]) for name in predictions[:TRIED] for image in images)
        for (old, new), _ in tails.most_common(TRIED):
            renamed = [
                (name, other)
                for name in predictions
                if name[::turn].endswith(old) and (other := (name[::turn].removesuffix(old) + new)[::turn]) in known
            ]
            if renamed and 2 * len(renamed) >= min(len(predictions), len(images)):
                name, other = renamed[0]
                return f"{len(renamed)} prediction(s) {where} otherwise than their masks: rename '{name}' to '{other}'"
    return None


def _tails(name: str, other: str) -> tuple[str, str]:
    """Return the parts of two names after their common beginning, from a separator on; empty where there is none."""
    common = next((k for k, pair in enumerate(zip(name, other, strict=False)) if len(set(pair)) > 1), None)
    for end in range(min(len(name), len(other)) if common is None else common, 0, -1):
        rests = name[end:], other[end:]
        if all(rest[:1] in SEPARATORS for rest in rests):  # an empty string is in every string
            return rests
    return "", ""
