"""Folds are recognised by the lists beside each other, which must test each image once."""

import hashlib
from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.data.splits import load_split

HEAD = "# group_disjoint: true\n# note: a note\nid,subset,group\n"
FIRST = f"{HEAD}1,test,a\n2,val,b\n3,train,c\n"
SECOND = f"{HEAD}1,val,a\n2,test,b\n3,test,c\n"


def write(folder: Path, *texts: str) -> Path:
    for number, text in enumerate(texts, start=1):
        (folder / f"fold_{number}_of_2.csv").write_text(text)
    return folder


def test_a_fold_knows_its_number_and_the_lists_of_all_folds(tmp_path: Path) -> None:
    fold = load_split(write(tmp_path, FIRST, SECOND), "fold_2_of_2").fold
    digests = "".join(hashlib.sha256(text.encode()).hexdigest() for text in (FIRST, SECOND))
    assert fold is not None
    assert (fold.number, fold.of, fold.lists_sha256) == (2, 2, hashlib.sha256(digests.encode()).hexdigest())


def test_a_list_without_the_other_folds_beside_it_is_none(tmp_path: Path) -> None:
    assert load_split(write(tmp_path, FIRST), "fold_1_of_2").fold is None


def test_a_list_of_another_name_is_none(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(FIRST)
    assert load_split(write(tmp_path, FIRST, SECOND), "mine").fold is None


@pytest.mark.parametrize(
    ("second", "complaint"),
    [(SECOND.replace("1,val", "1,test"), "2 folds"), (SECOND.replace("3,test", "3,val"), "no ")],
)
def test_folds_that_test_an_image_twice_or_never_are_refused(tmp_path: Path, second: str, complaint: str) -> None:
    write(tmp_path, FIRST, second)
    with pytest.raises(DataError, match=f"must test each image once, and {complaint}"):
        load_split(tmp_path, "fold_1_of_2")


def test_unused_images_are_in_no_subset_and_the_copy_may_have_them(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(f"{HEAD}1,train,a\n2,test,b\n3,unused,a\n")
    split = load_split(tmp_path, "mine")
    assert split.subsets == {"1": "train", "2": "test"}
    assert split.cover(["1", "2", "3"], allow_missing=False, source=tmp_path) == []
    assert split.cover(["1", "2"], allow_missing=False, source=tmp_path) == []
    assert split.groups["3"] == "a"
