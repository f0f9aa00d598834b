import hashlib
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError, DataError
from polybench.data.splits import join, load_split


def write(folder: Path, text: str) -> Path:
    (folder / "mine.csv").write_text(text)
    return folder


GOOD = "# group_disjoint: true\n# note: a note\nid,subset,group\n1,train,a\n2,val,b\n3,test,c\n"


def test_reads_subsets_groups_and_note(tmp_path: Path) -> None:
    split = load_split(write(tmp_path, GOOD), "mine")
    assert split.ids("val") == ["2"]
    assert split.groups["3"] == "c"
    assert split.note == "a note"
    assert split.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    split = load_split(tmp_path, "mine")
    assert split.group_disjoint
    assert split.ids("test") == ["3"]


def test_unknown_name_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'mine'"):
        load_split(write(tmp_path, GOOD), "mime")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD + "4,test,a\n", "group 'a' is in train and test"),
        (GOOD + "1,test,d\n", "lists '1' twice"),
        (GOOD + "4,test,\n", "group of '4' empty"),
        (GOOD + "4,dev,d\n", "has the subset 'dev'"),
        ("id,subset\n1,train\n", "must have the columns"),
    ],
)
def test_wrong_lists_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        load_split(write(tmp_path, text), "mine")


def test_group_in_two_subsets_is_allowed_without_the_claim(tmp_path: Path) -> None:
    split = load_split(write(tmp_path, GOOD.replace("true", "false") + "4,test,a\n"), "mine")
    assert not split.group_disjoint


def test_groups_in_several_subsets_are_counted(tmp_path: Path) -> None:
    neighbours = load_split(write(tmp_path, GOOD.replace("true", "false")), "mine")
    assert neighbours.crossing == 0
    crossing = "4,test,a\n5,val,a\n6,train,b\n7,test,c\n"
    assert load_split(write(tmp_path, GOOD.replace("true", "false") + crossing), "mine").crossing == 2


def test_lists_are_joined_where_one_names_other_images(tmp_path: Path) -> None:
    lists = {"one": "1,train,a\n2,test,b\n", "same": "2,train,b\n1,test,a\n", "more": "1,val,a\n3,test,c\n"}
    for name, text in lists.items():
        (tmp_path / f"{name}.csv").write_text(f"id,subset,group\n{text}")
    joined = join([load_split(tmp_path, name) for name in lists])
    assert joined.name == "one+more"
    assert joined.subsets == {"1": "train", "2": "test", "3": "test"}
    assert joined.groups == {"1": "a", "2": "b", "3": "c"}


def test_missing_images_are_an_error_unless_allowed(tmp_path: Path) -> None:
    split = load_split(write(tmp_path, GOOD), "mine")
    with pytest.raises(DataError, match=r"lacks 1 image.*: 3"):
        split.cover(["1", "2"], allow_missing=False, source=tmp_path)
    assert split.cover(["1", "2"], allow_missing=True, source=tmp_path) == ["3"]


def test_images_that_no_subset_knows_are_an_error(tmp_path: Path) -> None:
    split = load_split(write(tmp_path, GOOD), "mine")
    with pytest.raises(DataError, match="'9' first"):
        split.cover(["1", "2", "3", "9"], allow_missing=True, source=tmp_path)


def test_list_in_another_encoding_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes("id,subset,group\npölyp,train,a\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"mine\.csv' is not UTF-8 \(byte 17\): save it as UTF-8"):
        load_split(tmp_path, str(path))


SELECTING = "# group_disjoint: true\n# selects_on_test: true\nid,subset,group\n1,train,a\n2,test,b\n"


def test_a_list_that_selects_on_its_test_images_has_them_for_validation(tmp_path: Path) -> None:
    (tmp_path / "selects_on_test_own.csv").write_text(SELECTING)
    split = load_split(tmp_path, "selects_on_test_own")
    assert (split.ids("train"), split.ids("val"), split.ids("test")) == (["1"], ["2"], ["2"])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("own", SELECTING, "must begin its name with selects_on_test"),
        ("selects_on_test", GOOD, "must begin its name with selects_on_test and say"),
        ("selects_on_test", SELECTING + "3,val,c\n", "has images of 'val' and says selects_on_test"),
    ],
)
def test_a_list_that_selects_on_its_test_images_is_named_so(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load_split(tmp_path, name)
