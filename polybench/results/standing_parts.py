"""How rows compare, on a page: notes below the ranked table, and tables of the pairs and of other rankings."""

from collections.abc import Iterable, Mapping, Sequence

from polybench.core.wording import listed
from polybench.results.comparison import sign_of
from polybench.results.quantities import fraction
from polybench.results.ranking import TESTED, Standing
from polybench.results.readings import title
from polybench.results.statistics.pairs import Pair
from polybench.results.statistics.permutation import LEAST_GROUPS, least_p
from polybench.results.statistics.trust import coverage_note
from polybench.results.table import budget_of
from polybench.results.tables import MISSING, Cell, Column, Link, Number, Table, ends_cell

PAIR_COLUMNS = (
    Column("Recipe"),
    Column("minus"),
    Column("Difference", "right"),
    Column("95 % interval", "right"),
    Column("p", "right", optional=True),
    Column("p (Holm)", "right"),
    Column("Won, lost", "right", optional=True),
)
_NAMED = 4
"""Rankings that a note names."""
CHOICE_COLUMNS = (Column("Ranked by"), Column("Kendall's tau", "right"), Column("Same first row"))


def standing_notes(found: Sequence[Standing]) -> list[Cell]:
    """What the ranks of a table rest on; nothing for a budget with a single row."""
    notes: list[Cell] = []
    for standing in found:
        if len(standing.rows) > 1:
            where = f"Of the rows with {budget_of(standing.rows[0])}: " if len(found) > 1 else ""
            notes += [_first(where, note) for note in _notes(standing)]
    return notes


def pair_table(found: Sequence[Standing], names: Mapping[str, Cell]) -> Table | None:
    """Each row against the best of its tie group or of the groups before, and against the next row.

    Args:
        found: The rows of each budget.
        names: Anchor of a row -> what it is called.
    """
    rows = tuple(
        (
            Link(names[pair.method], anchor=pair.method),
            Link(names[pair.other], anchor=pair.other),
            *pair_cells(pair, _sign(standing)),
        )
        for standing in found
        for pair in _shown(standing)
    )
    return Table(PAIR_COLUMNS, rows, "Differences between rows, on the same images") if rows else None


def pair_cells(pair: Pair, sign: float = 1.0) -> tuple[Cell, ...]:
    """The cells of `PAIR_COLUMNS` after the names.

    Args:
        pair: The pair, on a scale where higher is better.
        sign: -1 for a metric of which less is better.
    """
    return (
        Number(sign * pair.difference, signed=True),
        ends_cell(*sorted(sign * end for end in pair.ends) if pair.ends else (None, None)),
        Number(pair.p, significant=2),
        Number(pair.adjusted, significant=2),
        MISSING if pair.superiority is None else f"{pair.won}, {pair.lost}",
    )


def choice_table(found: Sequence[Standing]) -> Table | None:
    """The rankings that other choices give, each beside the one of the page."""
    rows = tuple(
        (
            choice.name,
            MISSING if choice.tau is None else Number(choice.tau, 2),
            "yes" if choice.same_first else "no",
        )
        for standing in found
        for choice in standing.choices
    )
    return Table(CHOICE_COLUMNS, rows, "The same rows ranked otherwise") if rows else None


def _notes(standing: Standing) -> Iterable[str]:
    metric = title(standing.rows[0].layout.headline)
    what = standing.rows[0].layout.what
    if standing.groups == 1:
        yield f"Nothing is ranked: all {what} are of one group, from which nothing follows for other groups."
    elif standing.groups < LEAST_GROUPS:
        yield (
            f"Nothing is ranked: the {what} are of {standing.groups} groups, with which the smallest p that a paired "
            f"test can reach is {least_p(standing.groups):.3g}."
        )
    elif not standing.pairs:
        yield (
            f"Ranked by the overlap of the rows' own intervals: the per-image tables don't determine {metric}, so that "
            "rows can't be compared image by image."
        )
    if standing.pairs and (note := coverage_note(standing.groups)) is not None:
        yield note
    if len(standing.rows) > TESTED:
        yield f"The best {TESTED} of {len(standing.rows)} rows are compared in pairs."
    if standing.groups >= LEAST_GROUPS and standing.detectable:
        yield _detectable(standing, metric)
    if standing.groups >= LEAST_GROUPS and standing.choices:
        other = [choice.name for choice in standing.choices if not choice.same_first]
        kept = len(standing.choices) - len(other)
        yield (
            f"The first row is first in {kept} of {len(standing.choices)} rankings made otherwise"
            + (f"; not by {_few(other)}." if other else ".")
        )


def _detectable(standing: Standing, metric: str) -> str:
    found = standing.detectable
    assert found is not None
    smallest = f"The smallest true difference in {metric} that four of five such tests would find, between"
    nets = f"{smallest} two trained nets: {fraction(found.difference())}"
    if found.of_seeds is None:
        return f"{nets}; how far another seed moves a row is unknown, since each has a single one."
    methods = f"{fraction(found.difference(1))} with one seed each, {fraction(found.difference(3))} with three"
    return f"{nets}; between two methods: {methods}."


def _shown(standing: Standing) -> Iterable[Pair]:
    """The pairs with the best row, and those of neighbours."""
    order = [row.anchor for row in standing.rows]
    for pair in standing.pairs:
        if order.index(pair.method) == 0 or order.index(pair.other) - order.index(pair.method) == 1:
            yield pair


def _few(names: Sequence[str]) -> str:
    """Some of several names, and how many more there are."""
    more = len(names) - _NAMED
    return listed(names) if more <= 1 else f"{', '.join(names[:_NAMED])} and {more} more"


def _sign(standing: Standing) -> float:
    headline = standing.rows[0].headline
    return 1.0 if headline is None else sign_of(headline.direction)


def _first(where: str, note: str) -> str:
    return f"{where}{note[0].lower()}{note[1:]}" if where else note
