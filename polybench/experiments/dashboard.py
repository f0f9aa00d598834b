"""What the W&B run of an experiment is told: its name and group, what runs are filtered by, and at its end the record.

Runs are grouped by dataset and recipe, or by the plan that they are cells of. A run that is resumed in its folder goes
on under its id.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.callbacks.dashboard import Dashboard, dashboards
from polybench.callbacks.epoch_pictures import EpochPictures
from polybench.core.trainer import attributes_of
from polybench.experiments.dashboard_facts import filters_of, summary_of
from polybench.experiments.dashboard_variables import dashboard_group
from polybench.experiments.provenance import start_in_words, start_weights
from polybench.experiments.scores import protocol_scores
from polybench.experiments.session import Session
from polybench.metrics import Rows
from polybench.metrics.panel import image_table
from polybench.results.record import Record, row_name


class BeginDashboard(Callback):
    """Begins the W&B run once the identity of the training is known, or the test begins."""

    def __init__(self, describe: Callable[[Dashboard], None], say: Callable[[str], None]) -> None:
        self._describe: Callable[[Dashboard], None] | None = describe
        self._say = say

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin it; every process knows the same."""
        self._begin(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin it where nothing was trained."""
        self._begin(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End a run that fails, or is interrupted, as one that may be resumed."""
        for dashboard in dashboards(trainer):
            dashboard.fail()

    def _begin(self, trainer: Trainer) -> None:
        describe, self._describe = self._describe, None
        if describe is None or not trainer.is_global_zero:
            return
        for dashboard in dashboards(trainer):
            describe(dashboard)
            _ = dashboard.experiment
            if dashboard.note is not None:
                self._say(dashboard.note)


def begin_with_training(session: Session, name: str, variant: str | None, seed: int, budget: str) -> None:
    """Let the W&B run of a fit begin with its training, and show pictures after each validation.

    Args:
        session: What will be run; nothing is done where it has no W&B run.
        name: The recipe.
        variant: Variation of the recipe.
        seed: The run's seed.
        budget: Budget class.
    """
    if not dashboards(session.trainer):
        return
    title = "-".join(part for part in (name, variant, f"s{seed}") if part)

    def describe(dashboard: Dashboard) -> None:
        if not session.identity.training_id:
            session.identity.work_out(session.trainer)
        dashboard.describe(
            {**_config(session, name, variant, seed), "budget": budget},
            id=_run_id(session.identity.training_id, seed, session.run_folder),
            name=title,
            group=dashboard_group() or f"{session.datamodule.short_name}/{name}",
            job_type="fit",
            tags=[session.datamodule.short_name, session.model.kind, budget],
        )

    _wait_for(session, BeginDashboard(describe, session.note), EpochPictures())


def begin_with_test(session: Session) -> None:
    """Let the W&B run of a test begin with it.

    Args:
        session: What will be run.
    """
    if not dashboards(session.trainer):
        return
    config = session.config

    def describe(dashboard: Dashboard) -> None:
        dashboard.describe(
            _config(session, config.name, config.variant, config.seed_everything),
            name="-".join(part for part in (config.name, config.variant, "test") if part),
            group=dashboard_group() or f"{session.datamodule.short_name}/{config.name}",
            job_type="test",
            tags=[session.datamodule.short_name, session.model.kind],
        )

    _wait_for(session, BeginDashboard(describe, session.note))


def end(session: Session, rows: Rows, record: Record | None = None, path: Path | None = None) -> None:
    """Send tables, summary and record to the W&B run, end it, and say where it is.

    Args:
        session: What was run.
        rows: Rows of its test.
        record: Its record; None where there is none.
        path: The record's file.
    """
    for dashboard in dashboards(session.trainer):
        _send_tables(dashboard, session, rows)
        run = dashboard.experiment
        if record is not None:
            run.summary.update(summary_of(record))
            if dashboard.own_name:
                run.name = f"{row_name(record)}-s{record.seed}"
            _send_record(dashboard, session, record, path)
        place = dashboard.place()
        run.finish()
        print(f"W&B: {place}")


def _config(session: Session, name: str, variant: str | None, seed: int) -> dict[str, Any]:
    """What a person filters runs by."""
    plain, data = session.plain_config(), session.datamodule
    net: Mapping[str, Any] = (plain["model"].get("init_args") or {}).get("net") or {}
    return filters_of(
        plain,
        recipe=name,
        variant=variant,
        seed=seed,
        dataset=data.short_name,
        split=data.facts().split,
        task=session.model.kind,
        parameters=sum(parameter.numel() for parameter in session.model.net.parameters()),
        start_weights=start_in_words(session.identity.start) or start_weights(net),
        size=list(data.size),
        batch_size=session.batch().total,
        precision=str(session.trainer.precision),
        processes=session.trainer.world_size,
        training_id=session.identity.training_id or None,
    )


def _run_id(training_id: str, seed: int, folder: Path) -> str:
    """The id of a run in W&B: the same one when it is resumed in its folder, another one in another folder."""
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:6]
    return f"{training_id[:12]}-s{seed}-{place}"


def _wait_for(session: Session, *added: Callback) -> None:
    """Add callbacks, the first of which begins the W&B runs."""
    for dashboard in dashboards(session.trainer):
        dashboard.wait()
    callbacks: list[Callback] = attributes_of(session.trainer).callbacks
    callbacks.extend(added)


def _send_tables(dashboard: Dashboard, session: Session, rows: Rows) -> None:
    """The net beside the trivial baselines under the first protocol and the one that ranks, and each image's values."""
    protocols = session.model.protocols
    ranked_by = session.datamodule.facts().ranked_by
    for protocol in (one for one in protocols if one is protocols[0] or one.name == ranked_by):
        everything = {session.config.name: rows, **session.baselines.rows}
        scores = {name: protocol_scores(found, protocol).values for name, found in everything.items()}
        metrics = list(scores[session.config.name])
        lines = [[name, *(values[metric].value for metric in metrics)] for name, values in scores.items()]
        dashboard.log_table(f"test/{protocol.key}", columns=["row", *metrics], data=lines)
    dashboard.log_table("test/images", dataframe=image_table(rows, protocols))


def _send_record(dashboard: Dashboard, session: Session, record: Record, path: Path | None) -> None:
    """Record, table and configuration as an artifact, with the lineage of the start weights."""
    import wandb  # half a second, which runs without a dashboard can do without

    ancestors = record.net.ancestors if record.net is not None else ()
    artifact = wandb.Artifact(
        f"record-{row_name(record)}-s{record.seed}",
        type="record",
        metadata={
            "training_id": session.identity.training_id,
            "command": record.command,
            "start_weights": record.net.start_weights if record.net is not None else None,
            "ancestors": [one.sha256 for one in ancestors],
        },
    )
    files = [session.run_folder / "config.yaml"]
    files += [path, path.with_suffix(".csv")] if path is not None else []
    for file in files:
        if file.is_file():
            artifact.add_file(str(file))
    dashboard.experiment.log_artifact(artifact)
