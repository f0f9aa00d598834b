"""Hand-made runs: records and per-image tables whose numbers a reader can recompute."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from polybench.results.config import config_sha256
from polybench.results.facts import Counts, DatasetFacts, IdentityFacts, NetFacts, Provenance, TrainingFacts
from polybench.results.record import SCHEMA_VERSION, Record, write_record
from polybench.results.statistics.intervals import column, summarise

PROTOCOL = "per_image@1"
BUDGET = "9600 images of 256x256"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def table(dice: Sequence[float], groups: Sequence[str] | None = None, protocol: str = PROTOCOL) -> pd.DataFrame:
    """One row per image, ids i000, i001, ...; by default every image is a group of its own.

    Each mask and each prediction has 1000 pixels, so that a Dice of 0.25 is an overlap of 250.
    """
    ids = [f"i{number:03d}" for number in range(len(dice))]
    tp = [round(1000 * value) for value in dice]
    wrong = [1000 - count for count in tp]
    counts = {"tp": tp, "fp": wrong, "fn": wrong, "tn": [5000 - count for count in wrong]}
    columns = {column(protocol, name): values for name, values in {**counts, "dice": dice}.items()}
    return pd.DataFrame({"id": ids, "group": groups or ids, **columns})


def dataset(**changes: Any) -> DatasetFacts:
    facts = DatasetFacts(
        name="toy",
        manifest_sha256=digest("official"),
        official_copy=True,
        copy_notes=(),
        split="official",
        split_sha256=digest("split"),
        group_disjoint=True,
        split_note="",
        allow_missing=False,
        missing=(),
        counts=Counts(80, 10, 100),
        size=(256, 256),
    )
    return replace(facts, **changes)


def provenance(**changes: Any) -> Provenance:
    facts = Provenance(
        git_commit="0123456789abcdef0123456789abcdef01234567",
        dirty=False,
        polybench="0.1.0",
        versions={"torch": "2.6.0", "lightning": "2.5.0"},
        python="3.11.7",
        platform="Linux x86_64",
        device="Some GPU",
        devices=1,
        precision="32-true",
        deterministic=True,
        checkpoint_sha256=digest("checkpoint"),
        logger_url=None,
        finished_at="2025-03-04T05:06:07+00:00",
        threads=4,
    )
    return replace(facts, **changes)


def identity(training: str, evaluation: str = "evaluation", budget_id: str = BUDGET) -> IdentityFacts:
    """What makes a row, from two texts that stand for all that it depends on."""
    return IdentityFacts(digest(training), digest(evaluation), budget_id)


def trained(rows: pd.DataFrame, protocols: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any) -> Record:
    """A record of a training whose metrics are those of `rows`, which are all images of the test set."""
    protocols = protocols or {PROTOCOL: {"dice": "higher"}}
    config = {"model": {"lr": 0.001}, "made": str(changes.get("recipe", ""))}
    facts = changes.pop("dataset", dataset())
    record = Record(
        schema_version=SCHEMA_VERSION,
        kind="trained",
        task="segmentation",
        recipe="unet_toy",
        variant=None,
        seed=0,
        budget="published",
        dataset=replace(facts, counts=replace(facts.counts, test=len(rows))),
        config=config,
        config_sha256=config_sha256(config),
        command="polybench fit --config conf/unet_toy.yaml",
        net=NetFacts("some.Unet", "1", 31_043_521, 54_000_000_000, "random", (), "U-Net widths 64-1024"),
        training=TrainingFacts(120, 100, 8, 3725.0, 2**30, 45.5),
        metrics={name: summarise(rows, name, directions) for name, directions in protocols.items()},
        provenance=provenance(),
        identity=identity(f"{changes.get('recipe', '')} {changes.get('config_sha256', '')}"),
    )
    return replace(record, **changes)


def baseline(rows: pd.DataFrame, recipe: str, **changes: Any) -> Record:
    nothing = {"kind": "baseline", "recipe": recipe, "budget": None, "net": None, "training": None, "identity": None}
    return trained(rows, **{**nothing, **changes})


def store(root: Path, rows: pd.DataFrame, **changes: Any) -> Path:
    """Write a training with the given per-image table."""
    return write_record(trained(rows, **changes), rows, root)
