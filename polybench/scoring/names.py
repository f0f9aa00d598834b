"""Which prediction of a folder belongs to which image, and what the names look like where they don't fit."""

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from polybench.core.errors import DataError
from polybench.core.wording import some

SEPARATORS = " _-."
TRIED = 10
"""Names that are compared with all images' names for their endings, and endings that are then tried on all names."""


def match(groups: Collection[str], aliases: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Image id -> stem of its prediction.

    Args:
        groups: The images' ids.
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
    """Name what has no partner.

    Args:
        folder: That of the predictions.
        missing: Images without a prediction.
        extra: Predictions without an image.
        matched: How many have a partner.
        place: The subset, `<split>/<subset>`, where the images are a dataset's.
        refuse: Whether nothing may be missing.

    Raises:
        DataError: If nothing matches, or something is missing and that was forbidden.
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
    """Find an ending, or a beginning, in which predictions differ from their images, such as `_pred`.

    Args:
        predictions: Stems without a partner.
        images: Ids without a partner.

    Returns:
        What to do about it; None where there is no such ending.
    """
    known = set(images)
    for turn, where in ((1, "end"), (-1, "begin")):  # a beginning is the ending of a name read backwards
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
    """What follows the common part of two names, from a separator on; nothing where they have nothing in common."""
    common = next((k for k, pair in enumerate(zip(name, other, strict=False)) if len(set(pair)) > 1), None)
    for end in range(min(len(name), len(other)) if common is None else common, 0, -1):
        rests = name[end:], other[end:]
        if all(rest[:1] in SEPARATORS for rest in rests):  # the empty one is in every text
            return rests
    return "", ""
