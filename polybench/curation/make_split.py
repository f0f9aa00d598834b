"""Creation of split lists for the user's images, by hash instead of a generator, with groups kept together."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence

from polybench.core.errors import ConfigError, DataError
from polybench.core.wording import counted
from polybench.data.listing import natural_key
from polybench.data.splits import SUBSETS


def make_split(
    ids: Sequence[str],
    groups: Mapping[str, str] | None = None,
    ratios: Sequence[float] = (8, 1, 1),
    seed: int = 0,
) -> str:
    """Divide images into a training, validation and test part; the same arguments always give the same bytes.

    Groups, in the order of sha256('polybench-<seed>:<group>'), are assigned to test while they fit into its share, else
    to validation while they fit, else to training; an empty part gets the smallest group of the part with the most
    groups.

    Args:
        ids: Names of the images (stems).
        groups: Image -> patient, video or lesion, which is kept in one part; None if groups are unknown, which the list
            then states.
        ratios: Shares of training, validation and test; they need not add up to 1.
        seed: Seed of the division.

    Returns:
        The text of a CSV with id, subset and group, ready for `split`.

    Raises:
        ConfigError: If the ratios are not three positive numbers.
        DataError: If there are too few groups, an image has no group, or a name can't be written to a list.
    """
    if len(ratios) != len(SUBSETS) or min(ratios) <= 0:
        raise ConfigError(f"A split needs three positive ratios for {', '.join(SUBSETS)}, not {list(ratios)}.")
    home = {image: image if groups is None else groups.get(image, "") for image in ids}
    _check(ids, home)
    parts = _deal(home, [len(home) * ratio / sum(ratios) for ratio in ratios], seed)
    text = io.StringIO()
    text.write(f"# group_disjoint: {'unknown' if groups is None else 'true'}\n")
    shares = "/".join(f"{ratio:g}" for ratio in ratios)
    text.write(f"# note: Made by polybench data split, {shares}, seed {seed}")
    text.write("; groups are not known: a patient's images may stand in two parts.\n" if groups is None else ".\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "subset", "group"])
    writer.writerows([image, parts[home[image]], home[image]] for image in sorted(home, key=natural_key))
    return text.getvalue()


def _check(ids: Sequence[str], home: Mapping[str, str]) -> None:
    for image in ids:
        if not home[image]:
            raise DataError(f"The image '{image}' has no group: give a group for each image, or no groups.")
        for name in (image, home[image]):
            if "#" in name or "\n" in name or name != name.strip():
                raise DataError(f"The name {name!r} can't be written to a list: remove '#' and spaces at its ends.")
    if len(home) != len(ids):
        raise DataError(f"{counted(len(ids) - len(home), 'image')} named twice: use unique names.")
    if len(set(home.values())) < len(SUBSETS):
        raise DataError(
            f"{counted(len(set(home.values())), 'group')} can't be divided into three parts: at least 3 are needed."
        )


def _deal(home: Mapping[str, str], shares: Sequence[float], seed: int) -> dict[str, str]:
    """Assign each group to a subset."""
    sizes = Counter(home.values())
    order = sorted(sizes, key=lambda group: hashlib.sha256(f"polybench-{seed}:{group}".encode()).hexdigest())
    room = {"test": round(shares[2]), "val": round(shares[1])}
    parts: dict[str, str] = {}
    for group in order:
        parts[group] = next((subset for subset, left in room.items() if sizes[group] <= left), "train")
        if parts[group] in room:
            room[parts[group]] -= sizes[group]
    for subset in SUBSETS:
        if subset not in parts.values():
            fullest = Counter(parts.values()).most_common(1)[0][0]
            parts[min((group for group in order if parts[group] == fullest), key=lambda group: sizes[group])] = subset
    return parts
