"""How the page writes numbers and free text; Markdown as GitHub reads it."""

import html
import re
from collections.abc import Iterable

from polybench.core.wording import escaped
from polybench.results.table import Score

DASH = "\N{EM DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"

_BLOCK = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=(?:#{1,6}|[-+])(?:\s|$)|[-_=]{2,}))")
"""Where a line would begin a list, a heading or a rule."""


def fraction(value: float) -> str:
    """A metric, always with four decimals."""
    return f"{value:.4f}"


def score(value: Score | None) -> str:
    """The mean, and the standard deviation over seeds where there are several."""
    if value is None:
        return DASH
    return fraction(value.value) + (f" ± {fraction(value.spread)}" if value.spread is not None else "")


def interval(value: Score) -> str:
    """The 95 % interval in square brackets."""
    return (
        f"[{fraction(value.low)}, {fraction(value.high)}]" if value.low is not None and value.high is not None else ""
    )


def between(low: float, high: float) -> str:
    """Two whole numbers as a range, or one where they are equal."""
    return f"{low:g}" if low == high else f"{low:g}\N{EN DASH}{high:g}"


def magnitude(value: int | None) -> str:
    """A large count with two decimals and its unit: k, M or G."""
    if value is None:
        return DASH
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.2f} {unit}"
    return str(value)


def duration(seconds: float) -> str:
    """A time span in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(value: tuple[int, int] | None) -> str:
    """Height and width in pixels."""
    return "native size" if value is None else f"{value[0]}{TIMES}{value[1]}"


def memory(count: int | None) -> str:
    """Bytes in GiB."""
    return DASH if count is None else f"{count / 2**30:.1f} GiB"


def text(value: object) -> str:
    """Free text on one line that is shown as it is: no tag, link, picture, code, list, heading or table cell of it.

    What GitHub would make a link of without any mark (an address, a name after @) stays text, too.
    """
    line = _one_line(value)
    for mark in ("\\", "`", "|", "[", "]", "*", "~"):
        line = line.replace(mark, f"\\{mark}")
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        line = line.replace(mark, entity)
    line = re.sub(r"(?i)\b(https?|ftp|mailto|xmpp)(?=:)", r"\1\\", line)
    line = re.sub(r"(?i)\b(www)(?=\.)", r"\1\\", line)
    line = re.sub(r"(?<!\w)@(?=\w)|@(?=[\w-]+\.)", "@\N{WORD JOINER}", line)
    return _BLOCK.sub(r"\1\\", line)


def code(value: object) -> str:
    """Free text in the typewriter face; a dash where there is none."""
    line = re.sub(r"\\+(?=\|)", "", _one_line(value).replace("`", "'"))  # a backslash would end the table's cell
    return f"`{line}`".replace("|", "\\|") if line else DASH


def address(url: str) -> str | None:
    """The target of a link to a dashboard; None for what is no address of the web."""
    return url if re.fullmatch(r"https?://[\w.:-]+(/[\w./~%?=&#:@+,;-]*)?", url, re.ASCII) else None


def command(words: str) -> str:
    """A command on one line of a block of code."""
    return escaped(" ".join(words.splitlines()))


def fence(lines: Iterable[str]) -> str:
    """Backticks that open and close a block of lines, more than stand in any of them."""
    return "`" * max([3, *(1 + len(run) for line in lines for run in re.findall("`+", line))])


def plain(cell: str) -> str:
    """A cell of a table without Markdown's marks of code and without what its links lead to."""
    shown = re.sub(r"(?<!\\)\[((?:[^\]\\]|\\.)*)\]\([^)]*\)", r"\1", cell)
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", re.sub(r"(?<!\\)`", "", shown)))


def _one_line(value: object) -> str:
    return escaped(" ".join(str(value).split()))
