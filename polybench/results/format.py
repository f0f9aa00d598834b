"""How the page writes numbers and free text; Markdown as GitHub reads it."""

import re

from polybench.results.table import Score

DASH = "\N{EM DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


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
    """Free text on one line, unable to open a tag, a link or a table cell."""
    line = " ".join(str(value).split())
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("[", "\\["), ("*", "\\*")):
        line = line.replace(mark, entity)
    return line


def code(value: object) -> str:
    """Free text in the typewriter face."""
    return "`" + " ".join(str(value).split()).replace("`", "'").replace("|", "\\|") + "`"


def plain(cell: str) -> str:
    """A cell of a table without Markdown's marks of code and without what its links lead to."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell).replace("`", "")
