"""What the weights of a run begin with: the net's own initialisation, a checkpoint's weights, or another's backbone."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from lightning.pytorch import Callback, Trainer

from polybench.callbacks.checkpoint import KEY, AtomicCheckpointIO
from polybench.callbacks.resume import run_of
from polybench.callbacks.transfer import TransferCallback, lineage_of
from polybench.errors import ConfigError
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.strict import decode, encode

if TYPE_CHECKING:
    from polybench.experiments.session import Session

INITIALISED = StartFacts("initialised")


class Begun(NamedTuple):
    """What is known of a run's start before it trains.

    Attributes:
        start: What the weights begin with, but for a backbone that is transferred.
        ancestors: The runs that they descend from, oldest first.
        path: The checkpoint of a warm start.
    """

    start: StartFacts = INITIALISED
    ancestors: tuple[Ancestor, ...] = ()
    path: str | None = None


def begin(session: "Session", shared: bool) -> Begun:
    """Work out what a run begins with, as far as that is known before training.

    A run that is resumed to be longer or shorter than it was begins with the weights of its first part: a schedule that
    depends on the length has already taken another course.

    Args:
        session: The parsed and built command.
        shared: Whether all seeds of the row begin with the very source of this run.

    Raises:
        ConfigError: If both a checkpoint and a transfer would give the backbone.
    """
    path = session.given_checkpoint
    if path is None:
        return Begun()
    saved = AtomicCheckpointIO().load_checkpoint(path, map_location="meta")
    resumes = session.resumes(Path(path))
    if resumes and run_of(Path(path)) == session.mark(session.trainer.world_size):
        said = saved[KEY]
        return Begun(
            decode(StartFacts, json.loads(said["start"])),
            tuple(decode(Ancestor, one) for one in json.loads(said["ancestors"])),
            said["start_path"],
        )
    transfers = [one for one in transfers_of(session.trainer) if one.source is not None]
    if transfers and not resumes:
        raise ConfigError(
            f"The run would begin with the weights of '{path}' and then take the backbone of "
            f"'{transfers[0].source}': leave out --ckpt_path, or the TransferCallback."
        )
    ancestors = lineage_of(saved, Path(path))
    source = ancestors[-1]
    seeds = "shared" if shared else seeds_of(source, session.config.seed_everything)
    return Begun(StartFacts("weights", source, seeds), ancestors, str(Path(path).absolute()))


def start_of(trainer: Trainer, before: StartFacts, seed: int, shared: bool) -> StartFacts:
    """What a run has begun with, once its callbacks have transferred what they transfer.

    Args:
        trainer: The trainer, in fit.
        before: What was known before training.
        seed: The run's seed.
        shared: Whether all seeds of the row begin with the very source of this run.
    """
    done = [one for one in transfers_of(trainer) if one.match is not None]
    if not done:
        return before
    transfer, source = done[-1], done[-1].ancestors[-1]
    assert transfer.match is not None
    match = transfer.match
    return StartFacts(
        kind="backbone",
        source=source,
        seeds="shared" if shared else seeds_of(source, seed),
        matched=len(match.matched),
        missing=len(match.missing),
        unexpected=len(match.unexpected),
        misshaped=len(match.misshaped),
        share=match.share,
    )


def seeds_of(source: Ancestor, seed: int) -> Literal["own", "shared"]:
    """Whether a run's source is that of its own seed, or one that all seeds of its row share.

    A file that names no seed, or another, is the same for all of them.
    """
    return "own" if source.training_id is not None and source.seed == seed else "shared"


def transfers_of(trainer: Trainer) -> list[TransferCallback]:
    """The callbacks that transfer a backbone."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return [callback for callback in callbacks if isinstance(callback, TransferCallback)]


def to_json(start: StartFacts) -> str:
    """What a checkpoint keeps of a start."""
    return json.dumps(encode(start))


def state_to_resume(session: "Session") -> str | None:
    """The checkpoint whose whole state is restored, one of this run; of another run's the weights are loaded, here.

    Raises:
        ConfigError: If the run had another number of processes, on which the order of samples depends.
    """
    path = session.given_checkpoint
    if path is None:
        return None
    mark = run_of(Path(path))
    if mark is None or not session.resumes(Path(path)):
        session.load_weights(Path(path))
        if session.trainer.is_global_zero:
            print(f"Starts from the weights of '{path}', which is of another run; everything else begins anew.")
        return None
    if mark.processes != session.trainer.world_size:
        raise ConfigError(
            f"'{path}' is of a run with {mark.processes} process(es), and this one has {session.trainer.world_size}: "
            f"resume it with as many (--trainer.devices {mark.processes})."
        )
    return path
