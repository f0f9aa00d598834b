import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.data.listing import FileNameError, Listing, list_files


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(listing: Listing) -> list[str]:
    return [path.relative_to(listing.folder).as_posix() for path in listing.files]


def test_natural_order_without_hidden_files(tmp_path: Path) -> None:
    touch(tmp_path, "10.png", "2.png", "._2.png", "note.txt")
    assert names(list_files(tmp_path)) == ["2.png", "10.png"]


def test_raised_digits_are_no_number(tmp_path: Path) -> None:
    touch(tmp_path, "10²3.png", "2²4.png", "2²3.png")
    assert names(list_files(tmp_path)) == ["2²3.png", "2²4.png", "10²3.png"]


def test_empty_folder_says_zero_files(tmp_path: Path) -> None:
    touch(tmp_path, "note.txt")
    with pytest.raises(DataError, match=r"has no image .*; left out: 1 of another type 'note.txt'"):
        list_files(tmp_path)


def test_one_sentence_counts_what_was_left_out_by_reason(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b/1.png", "b/c/2.png", ".hidden.png", "._a.png", "Thumbs.db", "empty/note.txt")
    (tmp_path / "x.png").symlink_to("gone")
    assert list_files(tmp_path).sentence == (
        "1 image; left out: 2 in the sub-folder 'b', 1 dangling link 'x.png', 2 hidden such as '._a.png', "
        "1 of another type 'Thumbs.db'"
    )


def test_several_entries_of_one_reason_are_counted_in_the_plural(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b/1.png", "c/2.png", "._a.png", "._b.png")
    for name in ("x.png", "y.png"):
        (tmp_path / name).symlink_to("gone")
    assert list_files(tmp_path).sentence == (
        "1 image; left out: 2 in 2 sub-folders such as 'b', 2 dangling links such as 'x.png', "
        "2 hidden such as '._a.png'"
    )


def dangling(path: Path) -> None:
    path.symlink_to("gone")


def looping(path: Path) -> None:
    path.symlink_to(path.name)


def socket_of(path: Path) -> None:
    os.chdir(path.parent)  # the path of a socket has at most 107 characters
    socket.socket(socket.AF_UNIX).bind(path.name)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


SPECIAL: dict[Callable[[Path], object], str] = {
    dangling: "is a broken link",
    looping: "is a link to itself",
    os.mkfifo: "is not a regular file",
    socket_of: "is not a regular file",
    device: "is not a regular file",
}


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("make", SPECIAL)
def test_what_is_named_like_an_image_and_is_none_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], recursive: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "a.png")
    make(tmp_path / "x.png")
    listing = list_files(tmp_path, recursive=recursive)
    assert names(listing) == ["a.png"]
    [problem] = listing.problems
    assert problem.startswith(f"'{tmp_path / 'x.png'}' {SPECIAL[make]}")


def test_folder_named_like_an_image_is_read_as_any_folder_and_told_where_it_holds_none(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png/1.png", "c.png/note.txt")
    assert list_files(tmp_path).sentence == (
        "1 image; left out: 1 in the sub-folder 'b.png', 1 misnamed folder 'c.png'"
    )


def test_linked_files_and_folders_count_as_what_they_lead_to(tmp_path: Path) -> None:
    touch(tmp_path / "in", "a.png", "b.tif/1.png")
    touch(tmp_path / "out", "sub/3.png", "2.png")
    (tmp_path / "in" / "c").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "d.png").symlink_to(tmp_path / "out" / "2.png")
    assert names(list_files(tmp_path / "in", recursive=True)) == [
        *("a.png", "b.tif/1.png", "c/2.png", "c/sub/3.png", "d.png")
    ]


def test_link_to_a_folder_above_ends_and_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b/1.png")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    listing = list_files(tmp_path, recursive=True)
    assert names(listing) == ["a.png", "b/1.png"]
    assert listing.sentence == "2 images; left out: 1 looping link 'up'"
    assert listing.problems == [f"'{tmp_path / 'b/up'}' is a link to a folder that contains it: remove the link."]


def test_folder_without_right_to_read_is_a_problem_where_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return iterdir(folder)

    iterdir = Path.iterdir
    touch(tmp_path, "a.png", "closed/1.png")
    monkeypatch.setattr(Path, "iterdir", refuse)
    listing = list_files(tmp_path, recursive=True)
    assert listing.problems == [f"'{tmp_path / 'closed'}' can't be read (Permission denied): check permissions."]
    assert list_files(tmp_path).problems == []
    with pytest.raises(DataError, match=r"closed' can't be read \(Permission denied\)"):
        list_files(tmp_path / "closed")


@pytest.mark.parametrize(("name", "shown"), [(b"\xff.png", r"\xff"), (b"a\nb.png", r"a\nb"), (b"\x1b[m.png", "x1b")])
def test_name_that_can_not_be_printed_is_refused_and_spelt_out(tmp_path: Path, name: bytes, shown: str) -> None:
    touch(tmp_path, "a.png", os.fsdecode(name))
    with pytest.raises(FileNameError, match="rename the file") as caught:
        list_files(tmp_path)
    assert shown in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["ä b.png", "a\xa0b.png", "図.png", "[red]a.png"])
def test_names_in_any_script_are_taken(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert names(list_files(tmp_path)) == [name]
