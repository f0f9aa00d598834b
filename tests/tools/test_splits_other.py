import itertools
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from polybench.data.splits import Split, load_split

SPLITS = Path(__file__).resolve().parents[2] / "polybench" / "datasets" / "splits"
FOLDS = [f"fold_{fold}_of_5" for fold in range(1, 6)]


def split(dataset: str, name: str) -> Split:
    return load_split(SPLITS / dataset, name)


@pytest.mark.parametrize(
    ("dataset", "name", "train", "val", "test"),
    [
        ("isic2018", "reconstructed_efen_8_1_1", 2075, 259, 260),
        ("isic2018", "reconstructed_fanet_1815_259_520", 1815, 259, 520),
        ("dsb2018", "reconstructed_efen_8_1_1", 536, 67, 67),
        ("dsb2018", "reconstructed_fanet_335_134_201", 335, 134, 201),
        ("isic2016", "official_900_379", 810, 90, 379),
        ("drive", "official_20_20", 16, 4, 20),
        ("chase", "reconstructed_20_8", 16, 4, 8),
        ("em", "reconstructed_24_3_3", 24, 3, 3),
    ],
)
def test_subsets_have_their_sizes(dataset: str, name: str, train: int, val: int, test: int) -> None:
    assert Counter(split(dataset, name).subsets.values()) == {"train": train, "val": val, "test": test}


@pytest.mark.parametrize(
    ("dataset", "images"), [("ph2", 200), ("drive", 40), ("chase", 28), ("em", 30), ("clinicdb", 612)]
)
def test_each_image_is_tested_and_validated_in_one_fold(dataset: str, images: int) -> None:
    folds = [split(dataset, name) for name in FOLDS]
    for subset in ("test", "val"):
        seen = Counter(image for fold in folds for image in fold.ids(subset))
        assert len(seen) == images
        assert set(seen.values()) == {1}


def test_every_dataset_with_folds_is_among_those_above() -> None:
    assert {path.parent.name for path in SPLITS.glob("*/fold_1_of_*.csv")} == {
        "ph2",
        "drive",
        "chase",
        "em",
        "clinicdb",
    }


@pytest.mark.parametrize("name", FOLDS)
@pytest.mark.parametrize("dataset", ["ph2", "drive", "chase", "em", "clinicdb"])
def test_no_group_is_in_two_parts_of_a_fold(dataset: str, name: str) -> None:
    assert split(dataset, name).crossing == 0


def test_folds_of_clinicdb_are_balanced_in_frames_and_sequences() -> None:
    folds = [split("clinicdb", name) for name in FOLDS]
    sizes = [len(fold.ids("test")) for fold in folds]
    assert max(sizes) - min(sizes) <= 26  # no more than the longest sequence
    assert sorted(len({fold.groups[image] for image in fold.ids("test")}) for fold in folds) == [5, 6, 6, 6, 6]


def test_drive_test_part_is_01_to_20() -> None:
    assert split("drive", "official_20_20").ids("test") == [f"{number:02d}" for number in range(1, 21)]


@pytest.mark.parametrize("name", ["reconstructed_20_8", *FOLDS])
def test_both_eyes_of_a_child_stay_together(name: str) -> None:
    list_ = split("chase", name)
    homes = defaultdict(set)
    for image, subset in list_.subsets.items():
        homes[image.removesuffix("L").removesuffix("R")].add(subset)
    assert len(homes) == 14
    assert {len(subsets) for subsets in homes.values()} == {1}
    assert list_.group_disjoint is True


@pytest.mark.parametrize("name", ["reconstructed_24_3_3", *FOLDS])
def test_em_parts_are_contiguous_and_say_that_they_leak(name: str) -> None:
    list_ = split("em", name)
    assert list(list_.subsets) == [f"slice_{place:02d}" for place in range(30)]
    runs = [subset for subset, _ in itertools.groupby(list_.subsets.values())]
    assert len(runs) <= 4  # three parts, one of which may go round the end
    assert "one animal" in list_.note
    assert "LEAKS" in list_.note
    assert list_.group_disjoint is False


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("isic2016", "official_900_379"),
        ("isic2018", "reconstructed_efen_8_1_1"),
        ("dsb2018", "reconstructed_efen_8_1_1"),
        ("drive", "official_20_20"),
        ("ph2", "fold_1_of_5"),
    ],
)
def test_lists_without_known_groups_say_so(dataset: str, name: str) -> None:
    list_ = split(dataset, name)
    assert list_.group_disjoint is None
    assert len(set(list_.groups.values())) == len(list_.groups)


def test_ph2_has_the_published_range_of_ids() -> None:
    ids = list(split("ph2", "fold_1_of_5").subsets)
    assert (ids[0], ids[-1]) == ("IMD002", "IMD437")


def test_the_two_papers_lists_of_a_set_divide_the_same_images() -> None:
    for dataset, fanet in (("isic2018", "1815_259_520"), ("dsb2018", "335_134_201")):
        efen = split(dataset, "reconstructed_efen_8_1_1")
        assert efen.groups == split(dataset, f"reconstructed_fanet_{fanet}").groups
