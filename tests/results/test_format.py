"""Free text of a record is text on the page: rendered by an independent library, it makes no link, tag or block."""

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from polybench.results import format as formats

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
    found = {one.type for one in nodes(f"{formats.text(value)}\n\nSee [it](#here).")}
    assert found <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "link_open", "link_close"}
    links = [one.attrs["href"] for one in nodes(formats.text(value) + "\n\n[it](#here)") if one.type == "link_open"]
    assert links == ["#here"]
    assert shown(formats.text(value)).replace("\N{WORD JOINER}", "") == " ".join(value.split())


@pytest.mark.parametrize("write", [formats.text, formats.code])
@pytest.mark.parametrize("value", HOSTILE)
def test_text_stays_in_its_cell(value: str, write: object) -> None:
    assert callable(write)
    found = nodes(f"| a | b |\n|---|---|\n| {write(value)} | {write(value)} |\n")
    types = [one.type for one in found]
    assert types.count("td_open") == 2
    assert not {"link_open", "image", "html_inline", "html_block", "em_open", "strong_open", "s_open"} & set(types)
    assert types.count("code_inline") == (2 if write is formats.code and value else 0)


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
    assert formats.text(value) == written


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
    assert formats.address(url) == found


def test_fence_is_longer_than_what_it_holds() -> None:
    assert formats.fence(["polybench fit"]) == "```"
    assert formats.fence(["a ```` b", "`"]) == "`````"


@pytest.mark.parametrize("value", ["a | b", "[q](http://link/)", "x\\y", "<b> & *c*", "1. item"])
def test_plain_gives_the_text_back(value: str) -> None:
    assert formats.plain(formats.text(value)).replace("\N{WORD JOINER}", "") == value


def test_plain_takes_marks_away() -> None:
    assert formats.plain(r"[a\]b](#x), `c`") == "a]b, c"
