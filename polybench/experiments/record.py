"""After a test, the record: one for the trained net, one for each trivial baseline that has none yet."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from polybench.callbacks.meter import MeterCallback
from polybench.callbacks.transfer import ancestors_of
from polybench.experiments.provenance import net_summary, net_version, provenance, start_weights, transferred_from
from polybench.experiments.scores import all_scores
from polybench.metrics import Protocol, Rows
from polybench.metrics.panel import image_table
from polybench.results.config import config_sha256
from polybench.results.facts import DatasetFacts, NetFacts, PassFacts, ProtocolScores, TrainingFacts
from polybench.results.record import SCHEMA_VERSION, Budget, Record, read_records, write_record


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


def trained_record(
    context: RunContext,
    trainer: Trainer,
    task: LightningModule,
    data: DatasetFacts,
    meter: MeterCallback,
    checkpoint: Path,
    metrics: Mapping[str, ProtocolScores],
) -> Record:
    """Describe a run whose best checkpoint has just been tested.

    Args:
        context: What the command line knows.
        trainer: The trainer that fitted and tested.
        task: The task, with its net.
        data: Which images.
        meter: What the training took.
        checkpoint: The file that was tested.
        metrics: `protocol@version` -> scores of the test.
    """
    net_config = context.config["model"]["init_args"]["net"]
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    net: nn.Module = task.net  # type: ignore[assignment]
    ancestors = ancestors_of(trainer)
    passes: PassFacts | None = task.pass_facts()  # type: ignore[operator]
    return Record(
        schema_version=SCHEMA_VERSION,
        kind="trained",
        task=task.kind,  # type: ignore[arg-type]
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
            start_weights=transferred_from(ancestors) or start_weights(net_config),
            lineage=(*(one.sha256 for one in ancestors), *context.lineage),
            summary=net_summary(net_config),
            ancestors=ancestors,
        ),
        training=TrainingFacts(
            epochs_run=meter.epochs_run,
            best_epoch=int(saved["epoch"]) + 1,
            batch_size=trainer.datamodule.batch_size * trainer.world_size * trainer.accumulate_grad_batches,  # type: ignore[attr-defined]
            wall_seconds=meter.wall_seconds,
            peak_memory_bytes=meter.peak_memory_bytes,
            images_per_second=meter.images_per_second,
        ),
        metrics=metrics,
        provenance=provenance(trainer, checkpoint),
        passes=passes,
    )


def baseline_identity(trained: Record, name: str) -> dict[str, Any]:
    """What makes a baseline the same on the images of a trained record, in the place of a configuration."""
    patches = trained.dataset.patches_sha256
    return {
        **({"patches": patches} if patches else {}),
        "baseline": name,
        "size": list(trained.dataset.size or ()),
        "split": trained.dataset.split_sha256,
        "manifest": trained.dataset.manifest_sha256,
        "protocols": list(trained.metrics),
    }


def baseline_record(trained: Record, name: str, metrics: Mapping[str, ProtocolScores]) -> Record:
    """Describe a trivial baseline on the images of a trained record.

    Args:
        trained: The record whose test the baseline shared.
        name: The baseline.
        metrics: `protocol@version` -> scores of the baseline.
    """
    identity = baseline_identity(trained, name)
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
        metrics=metrics,
        passes=None,
        identity=None,
        start=None,
        needs=(),
        sections={},
        provenance=replace(trained.provenance, checkpoint_sha256=None, logger_url=None),
    )


def write_records(
    trained: Record, rows: Rows, baselines: Mapping[str, Rows], protocols: Sequence[Protocol], root: Path
) -> Path:
    """Write a run's record, and those baselines that the folder lacks for these images and protocols.

    Args:
        trained: The run.
        rows: Its rows.
        baselines: Baseline -> its rows.
        protocols: The protocols of the test.
        root: The folder of the leaderboards.

    Returns:
        The run's JSON file.
    """
    path = write_record(trained, image_table(rows, protocols), root)
    known = {stored.record.config_sha256 for stored in read_records(root, trained.dataset.name)}
    for name, found in baselines.items():
        if config_sha256(baseline_identity(trained, name)) not in known:
            record = baseline_record(trained, name, all_scores(found, protocols))
            write_record(record, image_table(found, protocols), root)
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
