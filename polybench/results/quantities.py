"""Numbers, time spans and sizes as text, the same for every form of a table."""

from polybench.results.facts import DatasetFacts
from polybench.results.tables import MISSING, Bytes, Cell, Column, Count, Interval, Number, Seconds, Share, joined

DASH = "\N{EM DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
ARROWS = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}"}

Quantity = Number | Interval | Count | Seconds | Bytes | Share


def quantity(value: Quantity) -> str:
    """A cell of numbers as text, without markup.

    >>> quantity(Number(0.75, spread=0.01)), quantity(Interval(0.7, 0.8, 2)), quantity(Count(31_043_521, short=True))
    ('0.7500 ± 0.0100', '[0.70, 0.80]', '31.04 M')
    """
    match value:
        case Number():
            spread = "" if value.spread is None else f" ± {_number(value, value.spread)}"
            return ("+" if value.signed and value.value >= 0 else "") + _number(value, value.value) + spread
        case Interval():
            return f"[{value.low:.{value.decimals}f}, {value.high:.{value.decimals}f}]"
        case Count():
            return magnitude(value.value) if value.short else f"{value.value:,}"
        case Seconds():
            return duration(value.value)
        case Bytes():
            return f"{value.value / 2**30:.1f} GiB"
        case Share():
            return f"{100 * value.value:.{value.decimals}f} %"


def heading(column: Column) -> Cell:
    """The title of a column with its remark and the arrow of its direction; may be empty."""
    cell = joined((column.header, column.remark, ARROWS[column.direction] if column.direction else ""))
    return "" if cell == MISSING else cell


def fraction(value: float) -> str:
    """A metric, always with four decimals."""
    return f"{value:.4f}"


def between(low: float, high: float) -> str:
    """Two whole numbers as a range, or one where they are equal."""
    return f"{low:g}" if low == high else f"{low:g}\N{EN DASH}{high:g}"


def magnitude(value: int) -> str:
    """A large count with two decimals and its unit: k, M or G."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.2f} {unit}"
    return str(value)


def duration(seconds: float) -> str:
    """A time span in its two largest units; below a minute in seconds, below a second in milliseconds."""
    whole = round(seconds)
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(value: tuple[int, int] | None) -> str:
    """Height and width in pixels."""
    return "native size" if value is None else f"{value[0]}{TIMES}{value[1]}"


def network_input(data: DatasetFacts) -> str:
    """What a net saw: whole frames that were fitted to a size, crops of a size at a scale, or patches."""
    if data.crop is not None:
        return f"crops {size(data.size)} at scale {data.crop.scale:g}"
    if data.size is None or data.patches_sha256 is not None:
        return size(data.size)
    return f"whole frames, {scored_at(data)}"


def scored_at(data: DatasetFacts) -> str:
    """At which size, or scale of whole frames, predictions were made that need no net."""
    if data.crop is not None:
        return f"scale {data.crop.scale:g}"
    return size(data.size) if data.pad_value is None else f"{size(data.size)} letterboxed"


def _number(cell: Number, value: float) -> str:
    return f"{value:.{cell.decimals}f}" if cell.significant is None else f"{value:.{cell.significant}g}"
