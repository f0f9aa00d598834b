"""The polyp lists against what papers and releases say of them."""

from collections import Counter
from pathlib import Path

import pytest

from polybench.data.own_dataset import SPLITS
from polybench.data.splits import Split, load_split

PRANET = ("kvasir", "clinicdb", "cvc300", "colondb", "etis")


def split(name: str) -> Split:
    dataset, _, stem = name.partition("/")
    return load_split(SPLITS / dataset, stem)


@pytest.mark.parametrize(
    ("name", "train", "val", "test"),
    [
        ("kvasir_seg/official_880_120", 792, 88, 120),
        ("kvasir_seg/pranet_900_100", 810, 90, 100),
        ("kvasir_seg/reconstructed_800_100_100", 800, 100, 100),
        ("endoscenestill/official_547_183_182", 547, 183, 182),
        ("cvc300/all_test", 0, 0, 60),
        ("colondb/all_test", 0, 0, 380),
        ("etis/all_test", 0, 0, 196),
        ("pranet/kvasir", 1305, 145, 100),
        ("pranet/clinicdb", 1305, 145, 62),
        ("pranet/cvc300", 1305, 145, 60),
        ("pranet/colondb", 1305, 145, 380),
        ("pranet/etis", 1305, 145, 196),
    ],
)
def test_subsets_have_their_published_sizes(name: str, train: int, val: int, test: int) -> None:
    counts = Counter(split(name).subsets.values())
    assert (counts["train"], counts["val"], counts["test"]) == (train, val, test)


def test_endoscene_test_part_is_the_released_one() -> None:
    parts = {"CVC-300": [(149, 208)], "CVC-612": [(1, 25), (127, 177), (343, 363), (504, 528)]}
    expected = {f"{folder}/{frame}" for folder, ranges in parts.items() for a, b in ranges for frame in range(a, b + 1)}
    assert set(split("endoscenestill/official_547_183_182").ids("test")) == expected


def test_endoscene_parts_share_no_sequence_of_clinicdb() -> None:
    ours = split("endoscenestill/official_547_183_182")
    clinicdb = split("clinicdb/sequence_disjoint").groups
    homes: dict[str, set[str]] = {}
    for frame, group in clinicdb.items():
        assert ours.groups[f"CVC-612/{frame}"] == group
        homes.setdefault(group, set()).add(ours.subsets[f"CVC-612/{frame}"])
    assert Counter("+".join(sorted(home)) for home in homes.values()) == {"train": 18, "val": 6, "test": 5}


def test_endoscene_claims_disjoint_groups() -> None:
    assert split("endoscenestill/official_547_183_182").group_disjoint is True


@pytest.mark.parametrize("name", PRANET)
def test_pranet_trains_and_validates_on_the_same_images(name: str) -> None:
    one, other = split(f"pranet/{name}"), split("pranet/kvasir")
    assert one.ids("train") == other.ids("train")
    assert one.ids("val") == other.ids("val")
    origins = Counter(image.split("/")[0] for image in one.ids("train") + one.ids("val"))
    assert origins == {"kvasir": 900, "clinicdb": 550}
    assert {image.split("/")[0] for image in one.ids("test")} == {name}


def test_pranet_validates_on_sequences_that_it_does_not_train_on() -> None:
    pranet = split("pranet/cvc300")
    assert not {pranet.groups[i] for i in pranet.ids("train")} & {pranet.groups[i] for i in pranet.ids("val")}


@pytest.mark.parametrize(
    ("name", "alone"), [("kvasir", "kvasir_seg/pranet_900_100"), ("clinicdb", "clinicdb/pranet_550_62")]
)
def test_pranet_test_images_are_those_of_the_lists_of_one_set(name: str, alone: str) -> None:
    both, single = split(f"pranet/{name}"), split(alone)
    assert {image.partition("/")[2] for image in both.ids("test")} == set(single.ids("test"))
    assert all(both.groups[f"{name}/{image}"] == single.groups[image] for image in single.ids("test"))


def test_groups_of_cvc300_are_those_of_endoscenestill() -> None:
    endoscene, pranet = split("endoscenestill/official_547_183_182"), split("pranet/cvc300")
    alone = split("cvc300/all_test")
    assert len(alone.groups) == 60
    for frame, group in alone.groups.items():
        assert group == endoscene.groups[f"CVC-300/{frame}"] == pranet.groups[f"cvc300/{frame}"]
        assert endoscene.subsets[f"CVC-300/{frame}"] == "test"


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "released"),
    [
        ("kvasir_seg/official_880_120", "kvasir_seg_official_val.txt"),
        ("kvasir_seg/pranet_900_100", "pranet_test_kvasir100.txt"),
        ("clinicdb/pranet_550_62", "pranet_test_clinicdb62.txt"),
    ],
)
def test_test_images_are_the_released_list(real_data: Path, name: str, released: str) -> None:
    lines = (real_data.parent / "splits" / released).read_text().split()
    assert set(split(name).ids("test")) == set(lines)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "released"),
    [
        ("kvasir_seg/official_880_120", "kvasir_seg_official_train.txt"),
        ("kvasir_seg/pranet_900_100", "kvasir_seg_gnan_train900.txt"),
    ],
)
def test_train_and_val_are_the_released_training_list(real_data: Path, name: str, released: str) -> None:
    lines = (real_data.parent / "splits" / released).read_text().split()
    assert set(split(name).ids("train")) | set(split(name).ids("val")) == set(lines)
