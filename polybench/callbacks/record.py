"""After a test, the record: one for the trained net, one for each trivial baseline that has none yet."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from polybench.callbacks.meter import MeterCallback
from polybench.callbacks.provenance import net_summary, net_version, provenance, start_weights
from polybench.metrics import PER_IMAGE, Rows
from polybench.results.config import config_sha256
from polybench.results.facts import DatasetFacts, NetFacts, TrainingFacts
from polybench.results.record import SCHEMA_VERSION, Budget, Record, read_records, write_record
from polybench.results.statistics import column, summarise

PROTOCOLS = (PER_IMAGE,)


@dataclass(frozen=True)
class RunContext:
    """What the command line knows of a run.

    Attributes:
        name: The recipe.
        variant: Variation of the recipe.
        seed: The run's seed.
        budget: Budget class.
        config: Portable configuration, with the number of processes, which multiplies the batch.
        command: Portable command line.
        lineage: sha256 of the checkpoint that the run went on from, if any.
    """

    name: str
    variant: str | None
    seed: int
    budget: Budget
    config: Mapping[str, Any]
    command: str
    lineage: tuple[str, ...]


def rows_table(rows: Rows) -> pd.DataFrame:
    """The per-image table of a record: id, group, and the counts and values of each protocol."""
    columns: dict[str, Any] = {"id": rows.ids, "group": rows.groups}
    for protocol in PROTOCOLS:
        for position, name in enumerate(("tp", "fp", "fn", "tn")):
            columns[column(protocol.key, name)] = rows.counts[:, position]
        for metric, values in protocol.values(rows.counts).items():
            columns[column(protocol.key, metric)] = values
    return pd.DataFrame(columns)


def trained_record(
    context: RunContext,
    trainer: Trainer,
    task: LightningModule,
    data: DatasetFacts,
    meter: MeterCallback,
    checkpoint: Path,
    table: pd.DataFrame,
) -> Record:
    """Describe a run whose best checkpoint has just been tested.

    Args:
        context: What the command line knows.
        trainer: The trainer that fitted and tested.
        task: The task, with its net.
        data: Which images.
        meter: What the training took.
        checkpoint: The file that was tested.
        table: One row per test image.
    """
    net_config = context.config["model"]["init_args"]["net"]
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    net: nn.Module = task.net  # type: ignore[assignment]
    return Record(
        schema_version=SCHEMA_VERSION,
        kind="trained",
        task="segmentation",
        recipe=context.name,
        variant=context.variant,
        seed=context.seed,
        budget=context.budget,
        dataset=data,
        config=context.config,
        config_sha256=config_sha256(context.config),
        command=context.command,
        net=NetFacts(
            class_path=net_config["class_path"],
            version=net_version(net_config["class_path"]),
            parameters=sum(p.numel() for p in net.parameters()),
            macs=count_macs(net, data.size) if data.size else None,
            start_weights=start_weights(net_config),
            lineage=context.lineage,
            summary=net_summary(net_config),
        ),
        training=TrainingFacts(
            epochs_run=meter.epochs_run,
            best_epoch=int(saved["epoch"]) + 1,
            batch_size=int(context.config["data"]["init_args"]["batch_size"])
            * trainer.world_size
            * trainer.accumulate_grad_batches,
            wall_seconds=meter.wall_seconds,
            peak_memory_bytes=meter.peak_memory_bytes,
            images_per_second=meter.images_per_second,
        ),
        metrics={p.key: summarise(table, p.key, p.directions) for p in PROTOCOLS},
        provenance=provenance(trainer, checkpoint),
    )


def baseline_record(trained: Record, name: str, table: pd.DataFrame) -> Record:
    """Describe a trivial baseline on the images of a trained record.

    Args:
        trained: The record whose test the baseline shared.
        name: The baseline.
        table: One row per test image.
    """
    identity = {
        "baseline": name,
        "size": list(trained.dataset.size or ()),
        "split": trained.dataset.split_sha256,
        "manifest": trained.dataset.manifest_sha256,
        "protocols": [protocol.key for protocol in PROTOCOLS],
    }
    return replace(
        trained,
        kind="baseline",
        recipe=name,
        variant=None,
        seed=0,
        budget=None,
        config=identity,
        config_sha256=config_sha256(identity),
        net=None,
        training=None,
        metrics={p.key: summarise(table, p.key, p.directions) for p in PROTOCOLS},
        provenance=replace(trained.provenance, checkpoint_sha256=None, logger_url=None),
    )


def write_records(trained: Record, table: pd.DataFrame, baselines: Mapping[str, pd.DataFrame], root: Path) -> Path:
    """Write a run's record, and those baselines that the folder lacks for these images.

    Args:
        trained: The run.
        table: Its per-image table.
        baselines: Baseline -> its per-image table.
        root: The folder of the leaderboards.

    Returns:
        The run's JSON file.
    """
    path = write_record(trained, table, root)
    known = {stored.record.config_sha256 for stored in read_records(root, trained.dataset.name)}
    for name, baseline_table in baselines.items():
        record = baseline_record(trained, name, baseline_table)
        if record.config_sha256 not in known:
            write_record(record, baseline_table, root)
    return path


def count_macs(net: nn.Module, size: tuple[int, int]) -> int | None:
    """Multiply-accumulate operations of convolutions, products and attention for one image, without computing them.

    Args:
        net: The net; it is copied to the meta device.
        size: Height and width of the image.

    Returns:
        Half the operations that torch counts; None for a net whose forward depends on values.
    """
    shadow = copy.deepcopy(net).to("meta").eval()
    counter = FlopCounterMode(display=False)
    try:
        with counter, torch.no_grad():
            shadow(torch.empty(1, 3, *size, device="meta"))
    except (RuntimeError, NotImplementedError):
        return None
    return int(counter.get_total_flops()) // 2
