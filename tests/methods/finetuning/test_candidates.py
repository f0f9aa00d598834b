"""Candidates are the components that scikit-image finds, labelled by the pixel in their middle, in a list of a copy."""

from pathlib import Path

import numpy as np
import pytest
from skimage.measure import label, regionprops

from polybench.core.errors import DataError
from polybench.methods.finetuning.candidates import (
    Candidate,
    CandidateList,
    labelled,
    lesions_of,
    map_boxes,
    read_list,
    refuse_other_copy,
    write_list,
)

LISTED = CandidateList(
    "kvasir_seg",
    "abc",
    "detector",
    {"a": 2, "b": 1, "c": 0},
    (Candidate("a", 0, 0, 9, 9, 0), Candidate("a", 1, 1, 8, 8, 0), Candidate("c", 2, 3, 9, 9, -1)),
    {"sha256": "f00"},
)


def test_boxes_are_those_of_scikit_image() -> None:
    random = np.random.default_rng(0)
    probability = random.random((60, 80))
    expected = [
        region.bbox
        for region in regionprops(label(probability >= 0.6, connectivity=2))
        if (region.bbox[2] - region.bbox[0]) * (region.bbox[3] - region.bbox[1]) > 6
    ]
    assert len(expected) > 3
    assert sorted(map(tuple, map_boxes(probability, 0.6).tolist())) == sorted(expected)


def test_label_is_the_lesion_under_the_centre() -> None:
    mask = np.zeros((20, 40), np.uint8)
    mask[2:8, 2:8], mask[10:18, 30:38], mask[0, 39] = 1, 1, 1
    numbered = lesions_of(mask)
    assert numbered.max() == 2
    boxes = np.array([[0, 0, 8, 8], [10, 20, 18, 38], [10, 26, 20, 40], [0, 38, 2, 40]])
    assert [one.lesion for one in labelled("x", boxes, numbered)] == [0, -1, 1, -1]


def test_what_was_found() -> None:
    found = LISTED.found_in(["a", "b", "c"])
    assert found == (3, 3, 1, 2, 1)
    assert "1 of 3 lesions (33.3 %) have one, and 0.33 negatives come to an image" in found.sentence
    assert LISTED.of(["c", "b"]) == {"c": [LISTED.candidates[2]], "b": []}


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_list(LISTED, tmp_path / "list.json")
    assert read_list(tmp_path / "list.json") == LISTED


@pytest.mark.parametrize("text", ["[]", "{", '{"candidates": [[1]]}', '{"candidates": []}'])
def test_other_files_are_no_lists(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(DataError, match="is no list of candidates"):
        read_list(tmp_path / "list.json")
    with pytest.raises(DataError, match="There is no list of candidates"):
        read_list(tmp_path / "absent.json")


def test_a_list_of_other_images_is_refused() -> None:
    refuse_other_copy(LISTED, "kvasir_seg", "abc", ["a", "b"])
    with pytest.raises(DataError, match="is of 'kvasir_seg', and the study is on 'clinicdb'"):
        refuse_other_copy(LISTED, "clinicdb", "abc", ["a"])
    with pytest.raises(DataError, match="is of another copy of it"):
        refuse_other_copy(LISTED, "kvasir_seg", "def", ["a"])
    with pytest.raises(DataError, match="whose image 'd' it lacks"):
        refuse_other_copy(LISTED, "kvasir_seg", "abc", ["a", "d"])
