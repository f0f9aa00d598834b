from collections import Counter, defaultdict
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError, DataError
from polybench.curation.make_split import make_split
from polybench.data.splits import Split, load_split

IMAGES = [f"case {number}, left" for number in range(40)]
PATIENTS = {image: f"patient {number // 4}" for number, image in enumerate(IMAGES)}


def loaded(text: str, folder: Path) -> Split:
    (folder / "mine.csv").write_text(text)
    return load_split(folder, "mine")


def test_images_alone_are_cut_to_the_ratios(tmp_path: Path) -> None:
    split = loaded(make_split(IMAGES, ratios=(7, 1, 2)), tmp_path)
    assert Counter(split.subsets.values()) == {"train": 28, "val": 4, "test": 8}
    assert split.group_disjoint is None
    assert list(split.subsets) == IMAGES


def test_groups_stay_together(tmp_path: Path) -> None:
    split = loaded(make_split(IMAGES, PATIENTS), tmp_path)
    homes = defaultdict(set)
    for image, subset in split.subsets.items():
        homes[split.groups[image]].add(subset)
    assert split.group_disjoint is True
    assert Counter(split.subsets.values()) == {"train": 32, "val": 4, "test": 4}
    assert all(len(subsets) == 1 for subsets in homes.values())


def test_order_is_that_of_sha256() -> None:
    # printf polybench-0:c | sha256sum and so on: c 1381..., b 407b..., a 6f9b..., d b064...; first test, then val.
    rows = [line.split(",")[:2] for line in make_split(["a", "b", "c", "d"], ratios=(2, 1, 1)).splitlines()[3:]]
    assert rows == [["a", "train"], ["b", "val"], ["c", "test"], ["d", "train"]]


def test_division_depends_on_the_seed_and_not_on_the_order_of_names() -> None:
    assert make_split(IMAGES) == make_split(IMAGES[::-1])
    assert make_split(IMAGES, seed=0) != make_split(IMAGES, seed=1)


@pytest.mark.parametrize("ratios", [(8, 1, 1), (1, 9, 9), (9, 9, 1)])
def test_every_part_gets_a_group_when_groups_are_large(tmp_path: Path, ratios: tuple[int, int, int]) -> None:
    groups = {image: f"patient {number // 10}" for number, image in enumerate(IMAGES)}
    split = loaded(make_split(IMAGES, groups, ratios), tmp_path)
    assert set(split.subsets.values()) == {"train", "val", "test"}


@pytest.mark.parametrize("ratios", [(8, 2), (8, 1, 0), (8, 1, -1)])
def test_ratios_must_be_three_positive_numbers(ratios: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="three positive ratios"):
        make_split(IMAGES, ratios=ratios)


@pytest.mark.parametrize(
    ("images", "groups", "told"),
    [
        (["a", "b", "c"], {"a": "x", "b": "x", "c": "y"}, "2 group"),
        (["a", "b", "c"], {"a": "x", "b": "y"}, "'c' has no group"),
        (["a", "b#1", "c"], None, "'b#1' can't be written"),
        (["a", "b", "c", "a"], None, "named twice"),
    ],
)
def test_what_can_not_be_divided_is_named(images: list[str], groups: dict[str, str] | None, told: str) -> None:
    with pytest.raises(DataError, match=told):
        make_split(images, groups)
