"""Records that a leaderboard has already of the run that a cell is, wherever and by which command they were made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from polybench.core.errors import ConfigError
from polybench.experiments.needs import random_start
from polybench.results.facts import DatasetFacts, StartFacts
from polybench.results.record import Record, read_records
from polybench.runs.run_today import IMAGENET, RunToday, outdated_protocols

REQUIRED = frozenset({"per_image"})
"""Protocols that a record of another folder must have."""


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

    def of(self, run: RunToday, seed: int, data: DatasetFacts | None) -> Path | None:
        """The record of a run.

        Args:
            run: The run.
            seed: Its seed.
            data: The data that it would see; None where they aren't here, so that those of the record are taken.

        Returns:
            The record of equal training and evaluation, seed, data and budget; the latest of several. None where there
            is none, and for runs whose start only their beginning tells: from files, from other runs.
        """
        same = [one for one in self.records if one.record.seed == seed and is_of(one.record, run, data)]
        return max(same, key=lambda one: one.record.provenance.finished_at).path if same else None


def is_of(record: Record, run: RunToday, data: DatasetFacts | None, *, own: bool = False) -> bool:
    """Whether a record is what a run would write today, its seed aside.

    Args:
        record: A record.
        run: The run.
        data: The data that the run would see; None for those of the record.
        own: The record is that of the run's own folder, so that its start is that which it had.
    """
    if record.identity is None or record.kind != "trained" or outdated_protocols(record):
        return False
    names = {key.partition("@")[0] for key in record.metrics}
    if not own and (str(run.config.get("budget")) != str(record.budget) or not names >= REQUIRED):
        return False  # also of a classification, whose test patches are known after a test only
    try:
        start = record.start if own else start_told(run.content, run.config, record)
        found = run.training_id(data or record.dataset, start), run.evaluation_id(record, data)
    except (ConfigError, ValueError):  # a start that can't be told, or a class that is gone
        return False
    return found == (record.identity.training_id, record.identity.evaluation_id)


def run_here(config: Mapping[str, Any]) -> RunToday:
    """A run of a resolved configuration on this machine."""
    return RunToday(config, processes_of(config))


def start_told(content: Mapping[str, Any], config: Mapping[str, Any], record: Record) -> StartFacts | None:
    """The start of a run as far as its configuration alone tells it: random weights, or known ones by their name.

    Args:
        content: The configuration's canonical form.
        config: The configuration.
        record: A record, which says what ImageNet's weights of its net are.

    Raises:
        ValueError: If the configuration doesn't tell it: weights of a file, of a callback, of another run.
    """
    if config.get("ckpt_path") is not None or any(isinstance(value, Mapping) for value in content["start"]):
        raise ValueError("The start is that of a file.")
    start = record.start
    known = start is not None and start.kind == "initialised"
    source = start.source if start is not None else None
    asks = random_start(config["model"]) is not None
    if not known or (source is not None) != asks or (source is not None and source.dataset != IMAGENET):
        raise ValueError("The start of the record is another one, or can't be told.")
    return start


def processes_of(config: Mapping[str, Any]) -> int:
    """How many processes a configuration trains with on this machine."""
    trainer = config["trainer"]
    devices, nodes = trainer.get("devices"), int(trainer.get("num_nodes") or 1)
    if isinstance(devices, list):
        return max(1, len(devices)) * nodes
    if str(devices).isdecimal() and int(devices) > 0:
        return int(devices) * nodes
    here = torch.cuda.device_count() if trainer.get("accelerator") in ("auto", "cuda", "gpu") else 1
    return max(1, here) * nodes
