from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.scoring.names import check_names, how_to_rename, match


def test_names_and_other_names_of_images() -> None:
    assert match({"1", "2", "3"}, {"two": "2"}, ["two", "1", "9"]) == {"2": "two", "1": "1"}


def test_two_predictions_of_one_image_are_refused() -> None:
    with pytest.raises(DataError, match="'two' and '2' are both predictions of '2'"):
        match({"2"}, {"two": "2"}, ["2", "two"])


@pytest.mark.parametrize(
    ("prediction", "image"),
    [("{}_pred", "{}"), ("{}", "{}_mask"), ("{}_pred", "{}_mask"), ("pred-{}", "{}"), ("out_{}", "gt_{}")],
)
@pytest.mark.parametrize("names", [["7"], ["im_1", "im_2", "im_10", "im_11"]])
def test_ending_or_beginning_is_found(prediction: str, image: str, names: list[str]) -> None:
    predictions, images = [prediction.format(name) for name in names], [image.format(name) for name in names]
    hint = how_to_rename(predictions, images)
    assert hint is not None
    assert f"{len(names)} prediction(s)" in hint
    assert f"rename '{predictions[0]}' to '{images[0]}'" in hint


@pytest.mark.parametrize(
    ("predictions", "images"),
    [(["x"], ["y"]), (["a1"], ["a2"]), ([], ["a"]), (["a_pred"], []), (["a_1", "b_2", "c_3"], ["a", "d", "e"])],
)
def test_names_that_have_nothing_in_common_are_left_alone(predictions: list[str], images: list[str]) -> None:
    assert how_to_rename(predictions, images) is None


def check(
    missing: list[str], extra: list[str], matched: int, place: str | None = None, *, refuse: bool = False
) -> None:
    check_names(Path("pred"), missing, extra, matched, place=place, refuse=refuse)


def test_nothing_of_one_name_says_how_to_rename() -> None:
    with pytest.raises(
        DataError, match=r"named as a mask \(predictions: a_pred; masks: a\): .* rename 'a_pred' to 'a'"
    ):
        check(["a"], ["a_pred"], 0)


def test_nothing_of_one_name_says_what_a_name_should_be() -> None:
    with pytest.raises(DataError, match=r"named as an image of all/test .*: give each prediction the stem of its mask"):
        check(["a"], ["x"], 0, "all/test")


def test_predictions_of_other_subsets_are_said_to_be_such(capsys: pytest.CaptureFixture[str]) -> None:
    check([], ["5", "6"], 3, "all/test")
    assert capsys.readouterr().err == "polybench: 2 not in all/test, not scored: 5, 6\n"


def test_likely_partners_of_the_missing_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    check(["a"], ["a_pred"], 3)
    assert "rename 'a_pred' to 'a'" in capsys.readouterr().err
