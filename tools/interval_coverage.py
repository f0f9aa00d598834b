"""Measure how often 95 % intervals hold the truth, and what differences paired tests find, by the number of groups.

Test sets are drawn from populations whose true means are known: invented methods with skewed scores and groups of 1 to
25 images, and rows of the leaderboards, whose own groups are drawn with replacement as if they were all there are.

    python tools/interval_coverage.py --output leaderboards/statistics.md
    python tools/interval_coverage.py --rows unet_lite0_drive_crops unet_lite0_drive_whole128
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from simulated.populations import Population, populations, recorded
from simulated.trials import DIFFERENCES, OWN, Measured, measure

from polybench.core.atomic import atomic_write_text
from polybench.results.compare.rows import Rows
from polybench.results.render import markdown
from polybench.results.tables import Cell, Column, Number, Table

GROUPS = (3, 4, 6, 12, 26, 50, 120)
COMMAND = "python tools/interval_coverage.py --output leaderboards/statistics.md"
ROOT = Path(__file__).parent.parent / "leaderboards"

Found = dict[str, list[Measured]]


def report(found: Found, repeats: int) -> str:
    """The page with all figures, in Markdown.

    Args:
        found: Name of a population -> what was measured, by the number of groups.
        repeats: Test sets of each line.
    """
    error = 1.96 * (0.95 * 0.05 / repeats) ** 0.5
    return f"""# How far the intervals can be trusted

<!-- Made by `{COMMAND}`; do not edit. -->

Each line of the tables rests on {repeats} test sets of so many groups, such as videos or patients, drawn from a
population whose true means are known. By that number a share of .950 is known to ± {error:.3f}. The groups of invented
methods hold 1 to 25 images if nothing else is said, those of Kvasir-SEG and ISIC-2018 a single one. Two methods are
compared on the same images:

- **Coverage** is how often the 95 % interval of their difference holds the true one.
- **Size** is how often the sign-flip test has p < .05 where both have the same mean. It promises .05 at most for
  differences that are as often positive as negative, and not for skewed ones.
- **Found** is how often a true difference of .02 or .04 is found by that test; by the interval of the difference,
  which then excludes 0; and by the intervals of both rows' own means, which then don't overlap (in every {OWN}th test
  set).
- **Ranks** is how often the interval of a method's rank holds its true rank: of five methods where they are invented
  and on Kvasir-SEG, of two elsewhere.

Lowest and highest coverage over the populations, and their mean in the half of the test sets whose differences look
less skewed, and in the other half:

{markdown.table_text(_ranges(found))}
A test set of few groups often holds none of the rare images on which one of the methods fails, and then nothing in it
tells of them. So a test set can't show by itself that its interval is too narrow: from four groups on, where its
differences look skewed, the failures are in it, and the interval is the better for it. Pages therefore warn by the
number of groups alone, where the lowest coverage with so many groups or somewhat fewer is below 93 %.

{markdown.table_text(_lines(found))}"""


def _ranges(found: Found) -> Table:
    names = ("Groups", "Lowest", "Highest", "Less skewed", "More skewed")
    rows: list[tuple[Cell, ...]] = []
    for alike in zip(*found.values(), strict=True):
        shares = [one.covered for one in alike]
        halves = [fmean(one.halves[half] for one in alike) for half in (0, 1)]
        rows.append((str(alike[0].groups), *(Number(share, 3) for share in (min(shares), max(shares), *halves))))
    return Table(tuple(Column(name, "right") for name in names), tuple(rows))


def _lines(found: Found) -> Table:
    ways = [f"{way}, {wanted:.2f}" for way in ("Found by test", "by interval", "by own") for wanted in DIFFERENCES]
    columns = ["Groups", "Coverage", "Size", *ways, "Ranks"]
    rows: list[tuple[Cell, ...]] = []
    for name, lines in found.items():
        for one in lines:
            shares = (one.covered, one.size, *one.by_test, *one.by_interval, *one.by_own, one.ranks)
            rows.append((name, str(one.groups), *(Number(share, 3) for share in shares)))
    return Table((Column("Population"), *(Column(column, "right") for column in columns)), tuple(rows))


def _chosen(names: Sequence[str] | None) -> list[Population]:
    return populations(ROOT) if names is None else [recorded(" and ".join(names), Rows(ROOT), names)]


def main(args: Sequence[str] | None = None) -> int:
    """Measure, and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1000, help="Test sets of each line (default: %(default)s).")
    parser.add_argument("--seed", type=int, default=0, help="Of the draws (default: %(default)s).")
    parser.add_argument("--rows", nargs=2, metavar=("A", "B"), help="Two rows, in place of all populations.")
    parser.add_argument("--groups", nargs="+", type=int, default=GROUPS, metavar="N", help="Numbers of groups.")
    parser.add_argument("--output", type=Path, metavar="FILE", help="A file for the page, which is printed otherwise.")
    options = parser.parse_args(args)
    if options.repeats < 1 or min(options.groups) < 2:
        parser.error("give at least one repeat, and numbers of groups from 2 on")
    found = {
        one.name: [measure(one, groups, options.repeats, options.seed) for groups in options.groups]
        for one in _chosen(options.rows)
    }
    text = report(found, options.repeats)
    if options.output is None:
        print(text)
    else:
        atomic_write_text(options.output, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
