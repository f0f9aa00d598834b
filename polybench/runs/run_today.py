"""What a run of a configuration would be today: the identity that its record would have."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from polybench.experiments.canonical import canonical
from polybench.experiments.identity import Batch, evaluation_id_of, training_id_of
from polybench.metrics import EXTRA_PROTOCOLS, PROTOCOLS
from polybench.results.facts import DatasetFacts, StartFacts
from polybench.results.record import Record

IMAGENET = "ImageNet"
"""What the known pretrained weights were trained on, as records say it."""

CURRENT = {protocol.name: protocol.key for protocol in (*PROTOCOLS, *EXTRA_PROTOCOLS)}
"""Name of a protocol -> `name@version`."""


@dataclass(frozen=True)
class RunToday:
    """A run of a configuration, its seed aside; the configuration is reduced to what counts once.

    Attributes:
        config: The resolved configuration.
        processes: How many processes share a batch.
    """

    config: Mapping[str, Any]
    processes: int

    @cached_property
    def content(self) -> dict[str, Any]:
        """The canonical form.

        Raises:
            ConfigError: See `canonical`.
        """
        return canonical(self.config)

    def key(self, seed: int) -> str:
        """A hash of what is known of the run before its data are read, by which two runs of one record are equal.

        Raises:
            ConfigError: See `canonical`.
        """
        content = [self.content, str(self.config.get("budget")), self.processes, seed]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def training_id(
        self, data: DatasetFacts, start: StartFacts | None, content: Mapping[str, Any] | None = None
    ) -> str:
        """The training's id.

        Args:
            data: The data that the run sees.
            start: What its weights begin with.
            content: A canonical form in place of the run's own.

        Raises:
            ConfigError: See `canonical`.
            ValueError: If the configuration names start weights and `start` says nothing of them.
        """
        batch = Batch.of_content(self.content, self.processes)
        return training_id_of(self.content if content is None else content, data, batch, start)

    def evaluation_id(self, record: Record, data: DatasetFacts | None = None) -> str:
        """The id of an evaluation under the protocols of a record.

        Args:
            record: The record; its test patches, which are known after a test only, are taken to be the run's.
            data: The data that the run sees; None for those of the record.

        Raises:
            ConfigError: See `canonical`.
        """
        tested = replace(data or record.dataset, patches_sha256=record.dataset.patches_sha256)
        return evaluation_id_of(self.content, tested, list(record.metrics))


def outdated_protocols(record: Record) -> dict[str, str]:
    """The protocols of a record that are of another version today: `name@version` -> that of today."""
    return {key: now for key in record.metrics if (now := CURRENT.get(key.partition("@")[0], key)) != key}
