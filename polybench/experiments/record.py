"""Records of a test: one for the trained net, one for each trivial baseline that has none yet."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Timer
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import deform_conv2d as _registered  # noqa: F401 - the operation that is counted below

from polybench.core.atomic import atomic_write_text
from polybench.core.disk import WriteError
from polybench.core.trainer import attributes_of
from polybench.experiments.identity import budget_id, evaluation_id, folds_evaluation_id
from polybench.experiments.pretrained import packages_needed, pretrained_sections
from polybench.experiments.provenance import net_summary, net_version, provenance, start_in_words, start_weights
from polybench.experiments.run_folder import KEPT_RECORD, KEPT_TABLE
from polybench.experiments.scores import all_scores
from polybench.experiments.session import Session
from polybench.experiments.set_scores import set_sections
from polybench.experiments.start import start_sections
from polybench.metrics import Protocol, Rows
from polybench.metrics.panel import image_table
from polybench.results.config import config_sha256
from polybench.results.fact_parts import FoldsIdentity
from polybench.results.facts import DatasetFacts, IdentityFacts, NetFacts, ProtocolScores, TrainingFacts
from polybench.results.lock import lock_of
from polybench.results.lookup import records_naming
from polybench.results.methods import is_altered
from polybench.results.record import SCHEMA_VERSION, Budget, Record, sealed, write_record


@dataclass(frozen=True)
class RunContext:
    """What is known of a run before it trains.

    Attributes:
        name: The recipe.
        variant: Variation of the recipe.
        seed: The run's seed.
        budget: Budget class.
        plain: The resolved configuration.
        config: The same without what belongs to one machine, with the number of processes.
        command: The command line that reproduces the run.
        needs: What it needs in addition.
    """

    name: str
    variant: str | None
    seed: int
    budget: Budget
    plain: Mapping[str, Any]
    config: Mapping[str, Any]
    command: str
    needs: tuple[str, ...]


def trained_record(
    context: RunContext,
    session: Session,
    checkpoint: Path,
    data: DatasetFacts,
    metrics: Mapping[str, ProtocolScores],
) -> Record:
    """Describe a run whose best checkpoint has just been tested.

    Args:
        context: What was known before it trained.
        session: What was run.
        checkpoint: The file that was tested.
        data: Which images.
        metrics: `protocol@version` -> scores of the test.
    """
    task, identity = session.model, session.identity
    folds = None
    if identity.folds_id is not None:
        folds = FoldsIdentity(identity.folds_id, folds_evaluation_id(context.plain, data, list(metrics)))
    return Record(
        schema_version=SCHEMA_VERSION,
        kind="trained",
        task=task.kind,
        recipe=context.name,
        variant=context.variant,
        seed=context.seed,
        budget=context.budget,
        dataset=data,
        config=context.config,
        config_sha256=config_sha256(context.config),
        command=context.command,
        net=_net_facts(context, session, data),
        training=_training_facts(session, checkpoint),
        metrics=metrics,
        provenance=provenance(session.trainer, checkpoint),
        sections={
            **session.sections,
            **pretrained_sections(task.net),
            **start_sections(session.trainer),
            **set_sections(session.datamodule, task.rows),
            **task.sections(),
        },
        identity=IdentityFacts(
            training_id=identity.training_id,
            evaluation_id=evaluation_id(context.plain, data, list(metrics)),
            budget_id=budget_id(session.meter.images, session.datamodule.size),
            folds=folds,
        ),
        start=identity.start,
        needs=(*context.needs, *packages_needed(task.net), *_ended_by_the_clock(session.trainer)),
    )


def _ended_by_the_clock(trainer: Trainer) -> list[str]:
    """A sentence where a time limit ended the training, since the same command may end elsewhere."""
    callbacks: list[Callback] = attributes_of(trainer).callbacks
    left = [callback.time_remaining() for callback in callbacks if isinstance(callback, Timer)]
    if not any(seconds is not None and seconds <= 0 for seconds in left):
        return []
    return [
        f"A machine of the same speed: the time limit ended the training in step {trainer.global_step}, in epoch "
        f"{trainer.current_epoch + 1}."
    ]


def _net_facts(context: RunContext, session: Session, data: DatasetFacts) -> NetFacts:
    """What was trained, and where its weights came from."""
    net: nn.Module = session.model.net
    config = context.config["model"]["init_args"]["net"]
    start = session.identity.start
    ancestors = session.identity.ancestors
    return NetFacts(
        class_path=config["class_path"],
        version=net_version(config["class_path"]),
        parameters=sum(p.numel() for p in net.parameters()),
        macs=count_macs(net, data.size) if data.size else None,
        start_weights=start_in_words(start) or start_weights(config),
        lineage=tuple(one.sha256 for one in ancestors),
        summary=net_summary(config),
        ancestors=ancestors if start.kind == "backbone" else (),
    )


def _training_facts(session: Session, checkpoint: Path) -> TrainingFacts:
    """What the training took."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    meter = session.meter
    return TrainingFacts(
        epochs_run=meter.epochs_run,
        best_epoch=int(saved["epoch"]) + 1,
        batch_size=session.batch().total,
        wall_seconds=meter.wall_seconds,
        peak_memory_bytes=meter.peak_memory_bytes,
        images_per_second=meter.images_per_second,
    )


def baseline_identity(trained: Record, name: str) -> dict[str, Any]:
    """The identity of a baseline on the images of a trained record, recorded as its configuration."""
    patches, crop, pad = trained.dataset.patches_sha256, trained.dataset.crop, trained.dataset.pad_value
    return {
        **({"patches": patches} if patches else {}),
        **({"scale": crop.scale} if crop else {}),
        **({"letterbox": pad} if pad is not None else {}),
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

    Processes may write at the same time: each one reads and writes under the lock of the dataset.

    Args:
        trained: The run.
        rows: Its rows.
        baselines: Baseline -> its rows.
        protocols: The protocols of the test.
        root: The folder of the leaderboards.

    Returns:
        The run's JSON file; that of an earlier record where it is of the same test of the same checkpoint.
    """
    with lock_of(root, trained.dataset.name):
        configs = {name: config_sha256(baseline_identity(trained, name)) for name in baselines}
        checkpoint = trained.provenance.checkpoint_sha256
        named = [*configs.values(), *([checkpoint] if checkpoint else [])]
        before = records_naming(root, trained.dataset.name, named)
        written = next((stored.path for stored in before if _same_test(stored.record, trained)), None)
        path = written or write_record(trained, image_table(rows, protocols), root)
        known = {stored.record.config_sha256 for stored in before}
        for name, found in baselines.items():
            if configs[name] not in known:
                record = baseline_record(trained, name, all_scores(found, protocols))
                write_record(record, image_table(found, protocols), root)
        return path


def keep(trained: Record, rows: Rows, protocols: Sequence[Protocol], folder: Path) -> tuple[Record, str]:
    """Write a run's record and table into its own folder first, in case the leaderboards take no files.

    Returns:
        The record with the hash of its table, and a sentence that says where both are; empty where that folder takes
        no files either.
    """
    record, csv = sealed(trained, image_table(rows, protocols))
    try:
        atomic_write_text(folder / KEPT_TABLE, csv)
        atomic_write_text(folder / KEPT_RECORD, record.to_json())
    except WriteError:
        return record, ""
    return record, f"The numbers are in '{folder / KEPT_RECORD}' and '{KEPT_TABLE}' beside it."


def _same_test(one: Record, other: Record) -> bool:
    """Whether two records are of the same test of the same checkpoint, as after a run that was killed at its end."""
    return (
        one.provenance.checkpoint_sha256 == other.provenance.checkpoint_sha256
        and one.identity == other.identity
        and not is_altered(one)
        and one.kind == other.kind
        and (one.recipe, one.variant, one.seed) == (other.recipe, other.variant, other.seed)
    )


def count_macs(net: nn.Module, size: tuple[int, int]) -> int | None:
    """Multiply-accumulate operations of convolutions, products and attention for one image, without computing them.

    Args:
        net: The net; it is copied to the meta device.
        size: Height and width of the image.

    Returns:
        Half the operations that torch counts; None for a net whose forward depends on values.
    """
    shadow = copy.deepcopy(net).to("meta").eval()
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.torchvision.deform_conv2d: _deformable_flops})
    try:
        with counter, torch.no_grad():
            shadow(torch.empty(1, 3, *size, device="meta"))
    except (RuntimeError, NotImplementedError):
        return None
    return int(counter.get_total_flops()) // 2


def _deformable_flops(
    images: Sequence[int], weight: Sequence[int], *others: object, out_shape: Sequence[int], **options: object
) -> int:
    """Operations of torchvision's deformable convolution: those of an ordinary one, without its sampling."""
    return 2 * out_shape[0] * math.prod(out_shape[2:]) * math.prod(weight)
