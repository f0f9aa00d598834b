"""Train, test the checkpoint that validation chose, and write the record."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from polybench.callbacks.selected_file import refuse_replaced
from polybench.callbacks.selection import checkpoint_folder, selection_of
from polybench.core.disk import WriteError
from polybench.core.errors import ConfigError
from polybench.core.leftovers import sweep
from polybench.data.patch_module import PatchDataModule
from polybench.experiments.again import Again
from polybench.experiments.argv import without
from polybench.experiments.beginning import KnownStart, known_start, state_to_resume
from polybench.experiments.budget import budget_class, refuse_partial_test
from polybench.experiments.choice import Chosen, check_choice, choose, chooses, chosen_part
from polybench.experiments.dashboard import begin_with_training, end
from polybench.experiments.identity import folds_training_id, training_id
from polybench.experiments.needs import input_words, split_note
from polybench.experiments.occupied import occupied
from polybench.experiments.outputs import probe_leaderboard
from polybench.experiments.precision import precision_note
from polybench.experiments.process_checks import batch_norm_note
from polybench.experiments.record import RunContext, keep, trained_record, write_records
from polybench.experiments.scores import all_scores
from polybench.experiments.session import Session
from polybench.experiments.tiling import crop_of
from polybench.metrics import Rows
from polybench.results.config import portable_config
from polybench.results.facts import DatasetFacts, StartFacts
from polybench.results.record import Record


@dataclass(frozen=True)
class Fitted:
    """The outcome of a fit.

    Attributes:
        session: What was run.
        record: What is known of the run; None in processes other than the first, and where nothing was tested.
        path: The record's file; None where none was written.
        reason: Why none was written; None where one was.
        checkpoint: The checkpoint that validation chose.
    """

    session: Session
    record: Record | None = None
    path: Path | None = None
    reason: str | None = None
    checkpoint: Path | None = None


Show = Callable[[Session, Rows, DatasetFacts], None]
"""Shows the numbers of a test before anything is written."""


def show_nothing(session: Session, rows: Rows, data: DatasetFacts) -> None:
    """Show nothing."""


def fit(
    words: Sequence[str], *, show: Show = show_nothing, again: Again | None = None, shared_start: bool = False
) -> Fitted:
    """Train, test the checkpoint that validation chose, and write the record and the page.

    Args:
        words: The words of the command, such as `["--config", "conf/quickstart.yaml"]`.
        show: Takes the numbers before they are written.
        again: The command that reproduces the run and what it needs, where it is not that of the run itself.
        shared_start: Whether all seeds of the row start from the source of this run.

    Raises:
        UserError: If an option, the data or a file is wrong; what would forbid a record is found before the training.
        SIGTERMException: If SIGTERM ended the training; its state is saved.
    """
    session = Session("fit", words)
    context = describe(session, again, shared_start)
    with occupied(session):
        if chooses(session):
            chosen = choose(session, partial(_train, shared_start=shared_start))
            session = Session("fit", words, chosen_part(session, chosen))
            context = describe(session, again, shared_start)
            _say(session, chosen)
        session.call("fit", state_to_resume(session))
        best = best_checkpoint(session)
        session.call("test", str(best) if best else None)
        if not session.trainer.is_global_zero:
            return Fitted(session)
        return _finish(session, context, best, show)


def _train(session: Session, shared_start: bool) -> None:
    """Train what is no run of its own, and has no record."""
    describe(session, None, shared_start)
    with occupied(session):
        session.call("fit", state_to_resume(session))


def _say(session: Session, chosen: Chosen) -> None:
    """Say what was chosen and what that took, here and in the record."""
    images = session.trainer.max_steps * session.batch().total
    session.sections["choice"] = chosen.section(images)
    if session.trainer.is_global_zero:
        print(chosen.sentence(images))


def describe(session: Session, again: Again | None, shared_start: bool) -> RunContext:
    """Describe the run, and make sure that it can be recorded.

    Raises:
        ConfigError: If a value can't be recorded.
        DataError: If an earlier record of the dataset can't be read.
    """
    config, trainer = session.config, session.trainer
    if not config.no_leaderboard and not config.trainer.fast_dev_run and session.part is None:
        refuse_partial_test(config)
    session.check()
    if chooses(session):
        check_choice(session)
    plain = session.plain_config()
    known = known_start(session, shared_start)
    session.save_as_begun_with(known.path)
    found = again or _again(session, known)
    context = RunContext(
        name=config.name,
        variant=config.variant,
        seed=config.seed_everything,
        budget=budget_class(session, known.start),
        plain=plain,
        config={**portable_config(plain), "processes": trainer.world_size},
        command=found.command,
        needs=found.needs,
    )
    _prepare_checkpoints(session, context, known, shared_start)
    begin_with_training(session, context.name, context.variant, context.seed, context.budget)
    _sweep(session)
    if trainer.is_global_zero and session.part is None:
        net = session.model.net
        parameters = sum(parameter.numel() for parameter in net.parameters())
        data = session.datamodule
        print(f"{type(net).__name__}, {parameters:,} parameters; {data.short_name}, {input_words(data)}")
        norm_note = batch_norm_note(trainer, net, session.batch(), config.trainer.sync_batchnorm)
        notes = (split_note(data), precision_note(trainer), norm_note)
        session.note(*(note for note in notes if note is not None))
    if not config.no_leaderboard and not config.trainer.fast_dev_run:
        probe_leaderboard(Path(config.leaderboard), session.datamodule.short_name)
    return context


def _sweep(session: Session) -> None:
    """Remove temporary files of killed runs from the folders that this run, or one beside it, writes to."""
    if session.trainer.is_global_zero:
        root = Path(session.config.leaderboard)
        records = root / "records" / session.datamodule.short_name
        beside = session.run_folder.parent
        folders = (*beside.glob("*/"), *beside.glob("*/checkpoints"), checkpoint_folder(session.trainer), root, records)
        for folder in folders:
            sweep(folder)


def _again(session: Session, known: KnownStart) -> Again:
    """The command that reproduces the run; that of a resumed run is the command of an uninterrupted one."""
    words = without(session.args, "--ckpt_path") + (["--ckpt_path", known.path] if known.path else [])
    return session.again(words)


def _prepare_checkpoints(session: Session, context: RunContext, known: KnownStart, shared_start: bool) -> None:
    """Give the callbacks the entries of checkpoints."""
    data = session.datamodule
    session.resume.every = session.config.save_every
    session.resume.run = selection_of(session.trainer).run = session.mark(session.trainer.world_size)
    stage = "-".join(part for part in (context.name, context.variant) if part)
    session.resume.origin = {"task": session.model.kind, "dataset": data.short_name, "stage": stage}
    margin = data.margin if isinstance(data, PatchDataModule) else 0.0
    model = json.dumps(context.config["model"])
    built_from = {"model": model, "size": list(data.size), "margin": margin, **data.fitting.arguments}
    if (crop := crop_of(data)) is not None:
        built_from["crop"] = {**asdict(crop), "tiles_together": data.eval_batch_size}
    session.resume.built_from = built_from
    identity = session.identity
    identity.config = json.dumps(session.config_for_others())
    identity.seed, identity.shared = context.seed, shared_start
    identity.before, identity.ancestors, identity.start_path = known
    identity.identify = partial(_identify, session, context)


def _identify(session: Session, context: RunContext, start: StartFacts) -> tuple[str, str | None]:
    """Make the id of a training, and the one that the trainings on all folds share."""
    what = (context.plain, session.datamodule.facts(), session.batch(), start)
    return training_id(*what), folds_training_id(*what)


def best_checkpoint(session: Session) -> Path | None:
    """The checkpoint that validation chose; None in a try of a few batches (fast_dev_run), which saves nothing.

    Raises:
        ConfigError: If the training ended before a validation, or another file has taken the checkpoint's place.
    """
    selection = selection_of(session.trainer)
    if selection.best_model_path:
        refuse_replaced(Path(selection.best_model_path), selection.keys, selection.best_model_score, selection.run)
        return Path(selection.best_model_path)
    if session.config.trainer.fast_dev_run:
        return None
    raise ConfigError(
        "The training ended before its first validation, so that no checkpoint was selected and nothing is tested: let "
        "it go on longer (--trainer.max_time, --trainer.max_steps), or validate earlier with "
        "--trainer.val_check_interval."
    )


def _finish(session: Session, context: RunContext, best: Path | None, show: Show) -> Fitted:
    """Show the numbers and, where the test is complete, write the record and the page."""
    rows = session.model.rows
    if rows is None:
        return Fitted(session, reason="no test image was evaluated", checkpoint=best)
    data = session.datamodule.facts()
    show(session, rows, data)
    protocols = session.model.protocols
    reason = why_incomplete(session, best, rows.ids)
    if reason or best is None:
        end(session, rows)
        return Fitted(session, reason=reason, checkpoint=best)
    if not session.identity.training_id:
        session.identity.work_out(session.trainer)
    record = trained_record(context, session, best, data, all_scores(rows, protocols))
    record, kept = keep(record, rows, protocols, session.run_folder)
    if session.config.no_leaderboard:
        end(session, rows, record)
        return Fitted(session, record, reason="--no_leaderboard was given", checkpoint=best)
    from polybench.results.page import write_page  # imported when needed, so that fits start sooner

    root = Path(session.config.leaderboard)
    try:
        path = write_records(record, rows, session.baselines.rows, protocols, root)
        write_page(root, data.name)
    except OSError as error:
        further = f"{kept} The same command with --ckpt_path last writes the record without training again."
        raise WriteError(Path(error.filename or root), error, further.strip()) from error
    end(session, rows, record, path)
    return Fitted(session, record, path, checkpoint=best)


def why_incomplete(session: Session, best: Path | None, tested: Sequence[str]) -> str | None:
    """Why a run gets no record; None where it gets one."""
    if best is None:
        return "no checkpoint was saved (fast_dev_run)"
    expected = session.datamodule.ids("test")
    if set(tested) != set(expected):
        return f"only {len(set(tested) & set(expected))} of {len(expected)} test images were evaluated"
    return None


def the_record(fitted: Fitted) -> Record:
    """The record of a fit that has one.

    Raises:
        ConfigError: If it has none.
    """
    if fitted.record is None:
        raise ConfigError(f"The run has no record: {fitted.reason or 'this is not its first process'}.")
    return fitted.record
