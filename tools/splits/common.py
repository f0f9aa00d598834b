"""What all split makers share: an order by hash, cuts, folds, id lists, and the text of a split file.

An order by SHA-256 needs no library's generator: it comes out the same with any version of anything.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from polybench.data.listing import natural_key

IDS = Path(__file__).parent / "ids"
SEED = "polybench-0"
FOLDS = 5

Item = TypeVar("Item", int, str)
Key = TypeVar("Key", bound=Hashable)
Makers = dict[str, Callable[[], str]]
"""A file below the folder of lists, such as `clinicdb/pranet_550_62.csv` -> the function that makes its text."""


def hash_order(items: Iterable[Item]) -> list[Item]:
    """Shuffle numbers or names: by the SHA-256 of ``polybench-0:<item>``."""
    return sorted(items, key=lambda item: hashlib.sha256(f"{SEED}:{item}".encode()).hexdigest())


def cut(items: Sequence[Key], sizes: Mapping[str, int]) -> dict[Key, str]:
    """Deal a list out to subsets: the first so many to the first subset, and so on; the sizes must add up."""
    names = [name for name, size in sizes.items() for _ in range(size)]
    return dict(zip(items, names, strict=True))


def whole_groups(groups: Mapping[Key, Item], room: Mapping[str, int]) -> dict[Key, str]:
    """Divide images by whole groups, which go in hash order to the first subset that they fit in, else to train.

    Args:
        groups: Image -> group, by number or name.
        room: Subset -> how many images it takes at most.
    """
    sizes = Counter(groups.values())
    left = dict(room)
    home: dict[Item, str] = {}
    for group in hash_order(sizes):
        home[group] = next((subset for subset, free in left.items() if sizes[group] <= free), "train")
        if home[group] in left:
            left[home[group]] -= sizes[group]
    return {image: home[group] for image, group in groups.items()}


def ids(name: str) -> list[str]:
    """Read a list of image ids that no formula gives: `ids/<name>.txt`, one to a line."""
    return (IDS / f"{name}.txt").read_text(encoding="utf-8").split()


SELECTS = (
    "There are no images for validation: as in FANet, whose released code selects on the images that it reports, the "
    "epoch is CHOSEN ON THE TEST IMAGES, so that its numbers are too high."
)
"""What a list says that selects on its test images."""


def as_csv(
    subsets: Mapping[Key, str],
    groups: Mapping[Key, str],
    *,
    disjoint: bool | None,
    note: str,
    selects_on_test: bool = False,
) -> str:
    """The text of a split file: facts as comments, then id, subset and group in natural order of the ids.

    Args:
        subsets: Image -> subset.
        groups: Image -> group, globally named such as ``clinicdb/7``; an image that stands alone is its own group.
        disjoint: Whether no group stands in two subsets; None where groups are not known.
        note: What a reader of the numbers must know about the list, in one line.
        selects_on_test: Whether validation is on the test images.
    """
    claim = "unknown" if disjoint is None else str(disjoint).lower()
    images = sorted(subsets, key=lambda image: (natural_key(str(image)), str(image)))
    rows = [f"{image},{subsets[image]},{groups[image]}" for image in images]
    facts = [f"# group_disjoint: {claim}", *(["# selects_on_test: true"] if selects_on_test else [])]
    return "\n".join([*facts, f"# note: {note}", "id,subset,group", *rows, ""])


def deal_folds(groups: Mapping[Key, str]) -> list[list[Key]]:
    """Divide images into five folds of about equal size, each group whole.

    Groups go, the largest first and those of one size in hash order, to the fold that is smallest at that moment.
    """
    members: dict[str, list[Key]] = {}
    for image, group in groups.items():
        members.setdefault(group, []).append(image)
    folds: list[list[Key]] = [[] for _ in range(FOLDS)]
    for group in sorted(hash_order(members), key=lambda name: -len(members[name])):
        min(folds, key=len).extend(members[group])
    return folds


def fold_files(dataset: str, groups: Mapping[Key, str], *, disjoint: bool | None, note: str) -> Makers:
    """The five lists ``<dataset>/fold_<k>_of_5.csv``: fold k for test, the next one for validation, three for training.

    Args:
        dataset: The short name.
        groups: Image -> group.
        disjoint: True where groups are known, None where each image counts as its own for want of knowledge.
        note: What stands after the sentence that says which fold is which.
    """
    return {
        f"{dataset}/fold_{fold + 1}_of_{FOLDS}.csv": partial(_fold, groups, fold, disjoint=disjoint, note=note)
        for fold in range(FOLDS)
    }


def _fold(groups: Mapping[Key, str], fold: int, *, disjoint: bool | None, note: str) -> str:
    parts = deal_folds(groups)
    home = dict.fromkeys(groups, "train")
    home |= dict.fromkeys(parts[(fold + 1) % FOLDS], "val") | dict.fromkeys(parts[fold], "test")
    following = (fold + 1) % FOLDS + 1
    where = f"Fold {fold + 1} of {FOLDS} for test, fold {following} for validation, the others for training; ours. "
    return as_csv(home, groups, disjoint=disjoint, note=where + note)
