"""Scores of predictions by strata: classes of images from a column of a user's table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from polybench.results.derived.seeds import Seeds
from polybench.results.derived.strata import Stratum, strata, worst_stratum
from polybench.results.derived.user_table import TableColumn
from polybench.results.facts import Direction
from polybench.results.statistics.intervals import column

if TYPE_CHECKING:  # imports torch, which --help doesn't need
    from polybench.metrics.protocols import Protocol
    from polybench.metrics.sufficient import Rows


@dataclass(frozen=True)
class Classes:
    """The classes of the scored images.

    Attributes:
        column: Where they come from.
        labels: Image id -> class, for every image.
    """

    column: TableColumn
    labels: Mapping[str, str]


@dataclass(frozen=True)
class ScoredStrata:
    """A metric by strata.

    Attributes:
        protocol: Name of its protocol.
        metric: Its name.
        direction: Which way it is better.
        found: The strata, by name.
    """

    protocol: str
    metric: str
    direction: Direction
    found: tuple[Stratum, ...]


def scored_strata(rows: "Rows", protocols: "Sequence[Protocol]", classes: Classes) -> list[ScoredStrata]:
    """Compute the headline of protocols by strata; one that is no mean over images is left out.

    Args:
        rows: The statistics of all images.
        protocols: Protocols, such as those with an interval.
        classes: The classes of the images.
    """
    import pandas as pd  # imported when needed, so that --help starts sooner

    made = []
    for one in {protocol.name: protocol for protocol in protocols}.values():
        values = one.values(rows).get(one.headline)
        if values is None:
            continue
        name, direction = column(one.key, one.headline), one.directions[one.headline]
        seeds = Seeds([pd.DataFrame({"id": rows.ids, "group": rows.groups, name: values})])
        made.append(
            ScoredStrata(one.name, one.headline, direction, strata(seeds, name, classes.labels, direction=direction))
        )
    return made


def strata_content(classes: Classes, made: Sequence[ScoredStrata]) -> dict[str, Any]:
    """Strata as plain values: the table, its column, and for each protocol and metric its strata and the worst."""
    return {
        "table": classes.column.path.name,
        "column": classes.column.name,
        "strata": {
            one.protocol: {
                one.metric: {
                    "worst": worst_stratum(one.found, one.direction).name,
                    "each": [_content(stratum) for stratum in one.found],
                }
            }
            for one in made
        },
    }


def _content(stratum: Stratum) -> dict[str, Any]:
    mean = {name: value for name, value in asdict(stratum.mean).items() if name != "spread"}  # there are no seeds
    return {"name": stratum.name, **mean, "worst_group": asdict(stratum.worst)}
