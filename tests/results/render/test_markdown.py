"""Free text of a record is text on the page: rendered by an independent library, it makes no link, tag or block."""

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from polybench.results.render import markdown
from polybench.results.render.terminal import plain_text
from polybench.results.tables import (
    MISSING,
    Code,
    Column,
    Joined,
    Link,
    Marks,
    Number,
    Table,
    Text,
)

HOSTILE = [
    r"\[q](http://link/)",
    r"\\[q](http://link/)",
    "[q](http://link/)",
    "![q](http://link/x.png)",
    "[q][1]",
    "[^1]",
    "<http://link/>",
    "<b>bold</b>",
    "<!-- gone -->",
    "&lt;script&gt;",
    "a | b",
    r"a \| [q](http://link/) b",
    r"\|[q](http://link/)",
    "`code`",
    r"\`code\`",
    "``` ` ```",
    "*x* **y** ~~z~~",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "---",
    "===",
    "> quote",
    "    code",
    "line\n\n# heading\r\n- item\u2028[q](http://link/)",
    "[q]: http://link/",
    "http://link/ https://link ftp://link HTTP://link",
    "www.link.com",
    "mailto:a@b.com",
    "a\\",
    "",
]


def nodes(markdown: str) -> list[Token]:
    """All tokens that a reader of GitHub's Markdown makes, inline ones too."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    return [one for token in tokens for one in (token, *(token.children or []))]


def shown(markdown: str) -> str:
    """The text that a reader sees."""
    return "".join(one.content for one in nodes(markdown) if one.type in ("text", "code_inline", "text_special"))


@pytest.mark.parametrize("value", HOSTILE)
def test_text_is_shown_as_it_is(value: str) -> None:
    found = {one.type for one in nodes(f"{markdown.text(value)}\n\nSee [it](#here).")}
    assert found <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "link_open", "link_close"}
    links = [one.attrs["href"] for one in nodes(markdown.text(value) + "\n\n[it](#here)") if one.type == "link_open"]
    assert links == ["#here"]
    assert shown(markdown.text(value)).replace("\N{WORD JOINER}", "") == " ".join(value.split())


@pytest.mark.parametrize("write", [markdown.text, markdown.code])
@pytest.mark.parametrize("value", HOSTILE)
def test_text_stays_in_its_cell(value: str, write: object) -> None:
    assert callable(write)
    found = nodes(f"| a | b |\n|---|---|\n| {write(value)} | {write(value)} |\n")
    types = [one.type for one in found]
    assert types.count("td_open") == 2
    assert not {"link_open", "image", "html_inline", "html_block", "em_open", "strong_open", "s_open"} & set(types)
    assert types.count("code_inline") == (2 if write is markdown.code and value else 0)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("http://link/", r"http\://link/"),
        ("HTTPS://link", r"HTTPS\://link"),
        ("www.link.com", r"www\.link.com"),
        ("ask @someone or a@b.com", "ask @\N{WORD JOINER}someone or a@\N{WORD JOINER}b.com"),
        ("per_image@2, fov@2", "per_image@2, fov@2"),
        ("\x1b[2Jx\x00", r"\\x1b\[2Jx\\x00"),
        ("32-true at 0.5 on 2026-11-28", "32-true at 0.5 on 2026-11-28"),
    ],
)
def test_what_github_makes_links_of_without_marks_is_broken_up(value: str, written: str) -> None:
    assert markdown.text(value) == written


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://wandb.ai/a/b/runs/1?x=1", "https://wandb.ai/a/b/runs/1?x=1"),
        ("javascript:alert(1)", None),
        ("https://a> <b>", None),
        ("https://a|b", None),
        ("https://a\\b", None),
    ],
)
def test_only_addresses_of_the_web_are_linked(url: str, found: str | None) -> None:
    assert markdown.address(url) == found


def test_fence_is_longer_than_what_it_holds() -> None:
    assert markdown.fence(["polybench fit"]) == "```"
    assert markdown.fence(["a ```` b", "`"]) == "`````"


@pytest.mark.parametrize("value", HOSTILE)
def test_every_kind_of_text_stays_in_its_cell(value: str) -> None:
    cells = (value, Text(value, "strong"), Code(value), Joined((value, Code(value))), Link(value, anchor="here"))
    found = nodes(markdown.table_text(Table((Column(value, remark=value),) * 5, (cells,))))
    types = [one.type for one in found]
    assert (types.count("th_open"), types.count("td_open")) == (5, 5)
    assert not {"image", "html_inline", "html_block", "em_open", "s_open"} & set(types)
    assert {one.attrs["href"] for one in found if one.type == "link_open"} <= {"#here"}


@pytest.mark.parametrize(
    ("link", "written"),
    [
        (Link("a", anchor="row-1"), "[a](#row-1)"),
        (Link("a", anchor="x) [b](http://link/"), "a"),
        (Link("a", url="../records/em/x-S3+C2.json"), "[a](../records/em/x-S3+C2.json)"),
        (Link("a", url="https://wandb.ai/a?b=1"), "[a](<https://wandb.ai/a?b=1>)"),
        (Link("a", url="javascript:alert(1)"), "a"),
    ],
)
def test_links_lead_to_places_files_and_pages_only(link: Link, written: str) -> None:
    assert markdown.cell_text(link) == written


def test_table_has_alignments_arrows_and_dashes() -> None:
    columns = (Column("Recipe"), Column("Dice", "right", "higher", remark="[mean]"), Column("MAE", "center", "lower"))
    rows = (
        (Joined((Link("unet", anchor="u"), Marks(("a", "b")))), Number(0.5, spread=0.25), MISSING),
        ("", Number(2.5, significant=1), Number(12.34, decimals=1)),
    )
    assert markdown.table_text(Table(columns, rows)).splitlines() == [
        "| Recipe | Dice \\[mean\\] ↑ | MAE ↓ |",
        "|:---|---:|:---:|",
        "| [unet](#u) <sup>a b</sup> | 0.5000 ± 0.2500 | — |",
        "| — | 2 | 12.3 |",
    ]


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="row 0 of 'x' has 1 cells for 2 columns"):
        Table((Column("a"), Column("b")), (("1",),), "x")


@pytest.mark.parametrize("value", ["a | b", "[q](http://link/)", "x\\y", "<b> & *c*", "1. item"])
def test_plain_text_is_the_text_itself(value: str) -> None:
    assert plain_text(Joined((Link(value, anchor="x"), Code(value)), ", ")) == f"{value}, {value}"
