"""How accurate a recipe is, as the leaderboard has it."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from polybench.metrics import Protocol
from polybench.results.record import Budget, read_records
from polybench.results.table import Row, Score, groups_of


@dataclass(frozen=True)
class Accuracy:
    """The leaderboard's row of a configuration under the protocol that its dataset is ranked by.

    Attributes:
        metric: The metric that ranks the row.
        score: Its value: mean over seeds, with its interval.
        budget: The row's budget.
        record: The record of its first seed, `<dataset>/<name>`.
        seeds: How many seeds are averaged.
        protocol: Under which protocol and version.
    """

    metric: str
    score: Score
    budget: Budget | None
    record: str
    seeds: int
    protocol: str


def recorded_accuracy(root: Path, dataset: str, config_sha256: Collection[str], protocol: Protocol) -> Accuracy | None:
    """Look for the row of a configuration.

    Args:
        root: The folder of the leaderboards.
        dataset: The dataset's short name.
        config_sha256: Hashes of the configuration, as `fit` records it with each value that it may have chosen.
        protocol: What the dataset is ranked by.

    Returns:
        The row; the one of most seeds where the configuration met several copies of the data; None where no record has
        the present version of the protocol.

    Raises:
        DataError: If a record of the dataset can't be read.
    """
    matching = [stored for stored in read_records(root, dataset) if stored.record.config_sha256 in config_sha256]
    rows: list[Row] = []
    for group in groups_of(matching):
        for budget in {stored.record.budget for stored in group.records}:
            rows += group.rows(protocol.key, budget)
    scored = [(len(row.runs), row.anchor, row.headline, row) for row in rows if row.headline]
    if not scored:
        return None
    _, _, score, row = max(scored, key=lambda one: one[:2])
    return Accuracy(
        row.layout.headline, score, row.first.record.budget, f"{dataset}/{row.first.name}", len(row.runs), protocol.key
    )
