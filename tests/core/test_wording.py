import pytest

from polybench.core.wording import counted, escaped, some


@pytest.mark.parametrize(("n", "shown"), [(0, "0 images"), (1, "1 image"), (2, "2 images")])
def test_count_agrees_with_its_noun(n: int, shown: str) -> None:
    assert counted(n, "image") == shown


def test_many_names_are_cut_after_five() -> None:
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c, d, e"
    assert some(["a", "b", "c", "d", "e", "f", "g"]) == "a, b, c, d, e and 2 more"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\udcff.png", r"\xff.png"),
        ("\u2028", r"\u2028"),
        ("a\u202eb", r"a\u202eb"),
        ("ä\xa0図", "ä\xa0図"),
    ],
)
def test_what_can_not_be_printed_in_a_line_is_spelt_out(text: str, shown: str) -> None:
    assert escaped(text) == shown
