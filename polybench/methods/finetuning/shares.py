"""Parts of a training set: shares of it, and a validation subset that has no group in common with the rest.

A part is a pure function of (seed, name): smaller shares are parts of larger ones.
"""

import math
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Literal

from polybench.core.errors import ConfigError, DataError

Unit = Literal["group", "candidate", "sample"]
"""What a share counts: groups, such as videos; candidates, or images of a folder; or samples, the variants of those."""


def refuse_share(share: float) -> None:
    """Refuse a share that isn't above 0 and at most 1.

    Raises:
        ConfigError: If it is.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"share must be above 0 and at most 1, not {share}: 0.25 is a quarter of the training set.")


def in_order(names: Iterable[str], *key: int | str) -> list[str]:
    """Sort names by a hash of the key and of each, an order that depends on nothing else.

    Example:
        >>> in_order(["a", "b", "c"], "share", 0) == in_order(["c", "a", "b"], "share", 0)
        True
    """
    return sorted(set(names), key=lambda name: sha256(f"{key} {name}".encode()).hexdigest())


def part_of(names: Iterable[str], share: float, seed: int) -> set[str]:
    """Draw a share of some names, at least one of them.

    Args:
        names: The names of groups, candidates or samples.
        share: The share, above 0 and at most 1.
        seed: Of the draw.

    Example:
        >>> len(part_of([str(number) for number in range(40)], 0.25, seed=0))
        10
        >>> part_of("abcd", 0.25, seed=3) < part_of("abcd", 0.5, seed=3)
        True
    """
    ordered = in_order(names, "share", seed)
    return set(ordered[: max(1, math.floor(share * len(ordered) + 0.5))])


def validation_groups(groups: Sequence[str], positive: Sequence[bool], share: float) -> set[str]:
    """Draw the groups of a validation subset: as few as have a share of the items, both kinds of them among these.

    They are the same for all seeds, so that runs select on the same items.

    Args:
        groups: The group of each item.
        positive: Whether each item is of another class than the background.
        share: The least share of the items, above 0 and below 1.

    Raises:
        ConfigError: If the share is out of bounds.
        DataError: If there are fewer than two groups, of which one is left to train on.
    """
    if not 0 < share < 1:
        raise ConfigError(f"validation must be a share above 0 and below 1, not {share}.")
    ordered = in_order(groups, "validation")
    if len(ordered) < 2:
        raise DataError(
            f"The {len(groups)} training items are of {len(ordered)} group, so that none can be kept apart for "
            "validation: give items of at least two groups."
        )
    kinds: dict[str, list[bool]] = {}
    for name, one in zip(groups, positive, strict=True):
        kinds.setdefault(name, []).append(one)
    chosen: dict[str, list[bool]] = {}
    for name in ordered[:-1]:
        chosen[name] = kinds[name]
        taken = [one for of_group in chosen.values() for one in of_group]
        if len(taken) >= share * len(groups) and set(taken) == {True, False}:
            break
    return set(chosen)
