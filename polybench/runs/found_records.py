"""Records that a leaderboard has already of the run that a cell is, wherever and by which command they were made."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError
from polybench.experiments.identity import Batch, evaluation_id, training_id
from polybench.metrics import EXTRA_PROTOCOLS, PROTOCOLS
from polybench.results.facts import DatasetFacts
from polybench.results.record import Record, read_records

CURRENT = {protocol.name: protocol.key for protocol in (*PROTOCOLS, *EXTRA_PROTOCOLS)}
"""Name of a protocol -> `name@version`."""


class FoundRecords:
    """The trained records of a leaderboard.

    Args:
        leaderboard: The leaderboard's folder.

    Raises:
        DataError: If a record can't be read.
    """

    def __init__(self, leaderboard: Path) -> None:
        found = read_records(leaderboard)
        self.records = [one for one in found if one.record.kind == "trained" and one.record.identity is not None]

    def of(self, config: Mapping[str, Any], seed: int, data: DatasetFacts | None) -> Path | None:
        """The record of a run.

        Args:
            config: The run's resolved configuration.
            seed: Its seed.
            data: The data that it would see; None where they aren't here, so that those of the record are taken.

        Returns:
            The record of equal training, seed, data and protocols; the latest of several. None where there is none.
        """
        same = [one for one in self.records if one.record.seed == seed and is_of(one.record, config, data)]
        return max(same, key=lambda one: one.record.provenance.finished_at).path if same else None


def is_of(record: Record, config: Mapping[str, Any], data: DatasetFacts | None) -> bool:
    """Whether a record is what a run of this configuration would write today, its seed aside.

    Args:
        record: A trained record with an identity.
        config: The resolved configuration.
        data: The data that the run would see; None for those of the record.
    """
    assert record.identity is not None
    if any(CURRENT.get(key.partition("@")[0], key) != key for key in record.metrics):
        return False
    batch = Batch.of(config, int(record.config.get("processes", 1)))
    seen = data or record.dataset
    tested = replace(seen, patches_sha256=record.dataset.patches_sha256)  # known after a test only
    try:
        evaluated = evaluation_id(config, tested, list(record.metrics))
        trained = training_id(config, seen, batch, record.start)
    except (ConfigError, ValueError):  # a start that the record doesn't tell, or a class that is gone
        return False
    return (trained, evaluated) == (record.identity.training_id, record.identity.evaluation_id)
