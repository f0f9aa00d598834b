"""The part of a training set that a run of a study trains on, and its validation subset."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from polybench.core.errors import ConfigError, DataError
from polybench.core.randomness import generator
from polybench.methods.finetuning.items import Item
from polybench.methods.finetuning.shares import Unit, part_of, refuse_share, validation_groups


class Part(NamedTuple):
    """What is taken of a training set.

    Attributes:
        share: Share of it, above 0 and at most 1.
        unit: What the share counts.
        validation: Share of it that is kept apart for validation, by whole groups; None for a subset of its own.
        seed: Seed of the share, so that seeds of a row see different shares.
    """

    share: float
    unit: Unit
    validation: float | None
    seed: int


class Parted(NamedTuple):
    """A training set in its parts.

    Attributes:
        train: Items that are trained on.
        val: Items of validation.
        variants: Id of an item that is trained on -> its variants.
    """

    train: list[Item]
    val: list[Item]
    variants: dict[str, list[int]]


def trained_part(train: Sequence[Item], val: Sequence[Item], part: Part, variants: int) -> Parted:
    """Take a part of a training set.

    The validation subset is the same for all shares and seeds, and none of its groups is trained on.

    Args:
        train: Items of the training subset.
        val: Items of the validation subset, which join those of training where `validation` draws a new one.
        part: What is taken.
        variants: Variants of an item.

    Raises:
        ConfigError: If a share is out of bounds.
        DataError: If there are fewer than two groups for a new validation subset, or a class is empty.
    """
    refuse_share(part.share)
    if part.unit not in ("group", "candidate", "sample"):
        raise ConfigError(f"share_of must be group, candidate or sample, not '{part.unit}'.")
    both = list(train)
    if part.validation is not None:
        both = [*train, *val]
        apart = validation_groups([item.group for item in both], [item.label > 0 for item in both], part.validation)
        train, val = [item for item in both if item.group not in apart], [item for item in both if item.group in apart]
    kept, allowed = _shared([item for item in train if item.candidate], part, variants)
    of_all = {item.label for item in both if item.candidate}
    if len(of_all) < 2:
        raise DataError(f"The {len(both)} training items are of one class: there is nothing to tell apart.")
    if missing := sorted(of_all - {item.label for item in kept}):
        raise DataError(
            f"Class {missing[0]} has no item in the {100 * part.share:g} % of the training set ({len(kept)} items, "
            f"seed {part.seed}): give a larger share, or another unit of it (share_of)."
        )
    if len({item.label > 0 for item in val if item.candidate}) < 2:
        raise DataError(
            f"The validation subset has {len(val)} items of one kind, of which no area under a curve can be computed: "
            "give a larger one (validation)."
        )
    return Parted(kept, list(val), allowed)


def _shared(items: Sequence[Item], part: Part, variants: int) -> tuple[list[Item], dict[str, list[int]]]:
    """Items of a share, and the variants that each of them may take."""
    if part.unit == "sample":
        count = len(items) * variants
        order = torch.randperm(count, generator=generator("share", part.seed))
        allowed: dict[str, list[int]] = {}
        for place in order[: max(1, math.floor(part.share * count + 0.5))].sort().values.tolist():
            allowed.setdefault(items[place // variants].id, []).append(place % variants)
        return [item for item in items if item.id in allowed], allowed
    every = list(range(variants))
    key = {item.id: item.group if part.unit == "group" else item.id for item in items}
    chosen = part_of(key.values(), part.share, part.seed) if items else set()
    kept = [item for item in items if key[item.id] in chosen]
    return kept, {item.id: every for item in kept}
