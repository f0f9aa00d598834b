"""Shares are nested, validation shares no group with training, and what leaves nothing to learn from is refused."""

import pytest

from polybench.core.errors import ConfigError, DataError
from polybench.methods.finetuning.items import Item
from polybench.methods.finetuning.parts import Part, trained_part
from polybench.methods.finetuning.shares import Unit, part_of, validation_groups

ITEMS = [Item(f"{image}/{k}", f"video {image // 5}", int(k == 0), str(image)) for image in range(100) for k in range(4)]
VAL = [Item(f"v{image}/{k}", f"other {image}", int(k == 0), f"v{image}") for image in range(10) for k in range(4)]


@pytest.mark.parametrize(("share", "count"), [(1.0, 400), (0.5, 200), (0.25, 100), (0.1, 40), (0.05, 20), (0.01, 4)])
def test_shares_count_and_are_nested(share: float, count: int) -> None:
    names = [item.id for item in ITEMS]
    assert len(part_of(names, share, seed=1)) == count
    assert part_of(names, share, seed=1) <= part_of(reversed(names), min(1.0, 2 * share), seed=1)


def test_seeds_draw_other_shares() -> None:
    names = [item.id for item in ITEMS]
    assert part_of(names, 0.1, seed=0) != part_of(names, 0.1, seed=1)


def test_a_share_by_group_takes_whole_groups() -> None:
    found = trained_part(ITEMS, VAL, Part(0.25, "group", None, 0), 120)
    groups = {item.group for item in found.train}
    assert len(groups) == 5
    assert found.train == [item for item in ITEMS if item.group in groups]
    assert all(variants == list(range(120)) for variants in found.variants.values())


def test_a_share_by_sample_takes_variants() -> None:
    found = trained_part(ITEMS, VAL, Part(0.1, "sample", None, 0), 20)
    assert sum(map(len, found.variants.values())) == 800
    assert {item.id for item in found.train} == set(found.variants)
    assert max(map(len, found.variants.values())) < 20


def test_a_share_by_candidate_leaves_no_group_whole() -> None:
    found = trained_part(ITEMS, VAL, Part(0.5, "candidate", None, 0), 1)
    assert len(found.train) == 200
    assert len({item.group for item in found.train}) == 20


@pytest.mark.parametrize("unit", ["group", "candidate", "sample"])
@pytest.mark.parametrize("share", [1.0, 0.25])
def test_validation_is_disjoint_by_group_and_the_same_for_all_shares(unit: Unit, share: float) -> None:
    whole = trained_part(ITEMS, VAL, Part(1.0, "group", 0.2, 0), 8)
    found = trained_part(ITEMS, VAL, Part(share, unit, 0.2, 3), 8)
    assert found.val == whole.val
    assert not {item.group for item in found.train} & {item.group for item in found.val}
    assert 88 <= len(found.val) <= 88 + 20  # a fifth of 440, and the rest of a group
    assert {item.id for item in whole.train} | {item.id for item in whole.val} == {item.id for item in ITEMS + VAL}


def test_images_without_candidates_are_not_trained_on() -> None:
    none = Item("x/none", "x", 0, "x", candidate=False)
    found = trained_part([*ITEMS, none], VAL, Part(1.0, "group", None, 0), 1)
    assert none not in found.train


def test_one_group_gives_no_validation() -> None:
    alone = [item._replace(group="one") for item in ITEMS]
    with pytest.raises(DataError, match="of 1 group, so that none can be kept apart for validation"):
        trained_part(alone, [], Part(1.0, "group", 0.2, 0), 1)
    with pytest.raises(DataError, match="at least two groups"):
        validation_groups(["a", "a"], [True, False], 0.2)


def test_an_empty_class_is_refused() -> None:
    with pytest.raises(DataError, match=r"Class 1 has no item in the 0.25 % of the training set \(1 items, seed 0\)"):
        trained_part(
            [item for item in ITEMS if item.label == 0 or item.id == "99/0"], VAL, Part(0.0025, "candidate", None, 0), 1
        )
    with pytest.raises(DataError, match="are of one class"):
        trained_part(
            [item for item in ITEMS if not item.label],
            [item for item in VAL if not item.label],
            Part(1, "group", None, 0),
            1,
        )


def test_validation_has_both_kinds() -> None:
    groups = [f"g{k}" for k in range(50)]
    assert "g7" in validation_groups(groups, [k == 7 for k in range(50)], 0.1)
    with pytest.raises(DataError, match="The validation subset has 40 items of one kind"):
        trained_part(ITEMS, [item._replace(label=0) for item in VAL], Part(1.0, "group", None, 0), 1)


def test_shares_out_of_bounds_are_refused() -> None:
    for share in (0.0, 1.5):
        with pytest.raises(ConfigError, match="share must be above 0 and at most 1"):
            trained_part(ITEMS, VAL, Part(share, "group", None, 0), 1)
    with pytest.raises(ConfigError, match="validation must be a share"):
        trained_part(ITEMS, VAL, Part(1.0, "group", 1.0, 0), 1)
