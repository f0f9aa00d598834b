"""The start of a run, as far as its command determines it: new weights, its own checkpoint, or another run's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from polybench.core.errors import ConfigError
from polybench.core.start_anew import start_anew
from polybench.experiments.needs import random_start
from polybench.experiments.pretrained import pretrained_start
from polybench.experiments.session import Session
from polybench.experiments.start import INITIALISED, seeds_of, start_callbacks
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.strict import decode
from polybench.tasks.base import task_of
from polybench.tasks.checkpoint import AtomicCheckpointIO, mark_of, run_entry
from polybench.tasks.lineage import lineage_of, read_ancestors

TO_RESUME = frozenset({"callbacks", "loops", "lr_schedulers", "optimizer_states", "state_dict"})
"""Keys of a checkpoint that can be resumed from, beside its weights."""

KINDS: dict[str, type] = {"global_step": int, "epoch": int, "loops": dict, "callbacks": dict, "optimizer_states": list}
"""What a checkpoint that can be resumed from holds, by its key; the loops say how far it has come."""


class KnownStart(NamedTuple):
    """What is known of a run's start before it trains.

    Attributes:
        start: The start weights, without those that callbacks give.
        ancestors: The runs that they descend from, oldest first.
        path: The checkpoint of a warm start.
    """

    start: StartFacts = INITIALISED
    ancestors: tuple[Ancestor, ...] = ()
    path: str | None = None


def known_start(session: Session, shared: bool) -> KnownStart:
    """Work out the start of a run, as far as it is known before training.

    A run that is resumed to be longer or shorter than it was starts from the weights of its first part: a schedule that
    depends on the length has already taken another course.

    Args:
        session: The parsed and built command.
        shared: Whether all seeds of the row start from the source of this run.

    Raises:
        ConfigError: If both a checkpoint and a callback would give the net its weights, or those of a callback are not
            there or don't fit.
    """
    path = session.given_checkpoint
    if path is None:
        for callback in start_callbacks(session.trainer):
            callback.check_start(session.model)
        return _of_the_net(session)
    saved = AtomicCheckpointIO().load_checkpoint(path, map_location="meta")
    mark = mark_of(saved)
    resumes = session.is_of_run(mark)
    if resumes and mark == session.mark(session.trainer.world_size):
        said = run_entry(saved)
        return KnownStart(_start_of(said, path), read_ancestors(said.get("ancestors"), path), said.get("start_path"))
    others = [one for one in start_callbacks(session.trainer) if one.source is not None]
    if others and not resumes:
        raise ConfigError(
            f"The run would start from the weights of '{path}' and then take those of '{others[0].source}': leave out "
            f"--ckpt_path, or the {type(others[0]).__name__}."
        )
    ancestors = lineage_of(saved, Path(path))
    source = ancestors[-1]
    seeds = "shared" if shared else seeds_of(source, session.config.seed_everything)
    return KnownStart(StartFacts("weights", source, seeds), ancestors, str(Path(path).absolute()))


def _of_the_net(session: Session) -> KnownStart:
    """The start of a net that initialises itself, with the pretrained weights that its configuration asks for."""
    if random_start(session.plain_config()["model"]) is None:
        return KnownStart()
    start = pretrained_start(task_of(session.model).net)
    return KnownStart(start, (start.source,) if start.source is not None else ())


def _start_of(said: Mapping[str, Any], path: str) -> StartFacts:
    """The start of a run as its checkpoint has it.

    Raises:
        ConfigError: If the checkpoint has none, or a malformed one.
    """
    try:
        return decode(StartFacts, json.loads(said["start"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"What '{path}' says of the start of its run is not as polybench writes it ({error}): resume from "
            f"another checkpoint of the run, or {start_anew()}."
        ) from error


def state_to_resume(session: Session) -> str | None:
    """The checkpoint whose whole state is restored, one of this run; of another run's the weights are loaded, here.

    Raises:
        ConfigError: If the run had another number of processes, on which the order of samples depends, or the
            checkpoint holds weights alone.
    """
    path = session.given_checkpoint
    if path is None:
        return None
    saved = AtomicCheckpointIO().load_checkpoint(path, map_location="meta")
    mark = mark_of(saved)
    if mark is None or not session.is_of_run(mark):
        session.load_weights(Path(path))
        if session.trainer.is_global_zero:
            print(f"Starts from the weights of '{path}', which is of another run; all else starts afresh.")
        return None
    if mark.processes != session.trainer.world_size:
        raise ConfigError(
            f"'{path}' is of a run with {mark.processes} process(es), and this one has {session.trainer.world_size}: "
            f"resume it with as many (--trainer.devices {mark.processes})."
        )
    _refuse_no_state(saved, path)
    return path


def _refuse_no_state(saved: Mapping[str, Any], path: str) -> None:
    """Refuse a checkpoint that holds weights alone, or a state that no run saves.

    Raises:
        ConfigError: If it is one.
    """
    if absent := sorted(TO_RESUME - saved.keys()):
        raise ConfigError(
            f"'{path}' holds no state to go on from ('{absent[0]}' is absent): resume from another checkpoint of the "
            f"run, such as last.ckpt, or {start_anew()}."
        )
    for name, kind in KINDS.items():
        if not isinstance(saved.get(name), kind) or (name == "loops" and not _has_progress(saved[name])):
            raise ConfigError(
                f"'{path}' holds no state to go on from ('{name}' is not what a run saves): resume from another "
                f"checkpoint of the run, or {start_anew()}."
            )


def _has_progress(loops: Mapping[str, object]) -> bool:
    """Whether the state of the loops says how far the training has come."""
    fit_loop = loops.get("fit_loop")
    return isinstance(fit_loop, dict) and {"epoch_progress", "epoch_loop.batch_progress"} <= fit_loop.keys()
