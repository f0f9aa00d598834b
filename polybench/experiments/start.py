"""What the weights of a run begin with: the net's own initialisation, a checkpoint's weights, or another's backbone."""

import json
from typing import Literal

from lightning.pytorch import Callback, Trainer

from polybench.core.trainer import attributes_of
from polybench.methods.transfer.callback import TransferCallback
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.strict import encode

INITIALISED = StartFacts("initialised")


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
    callbacks: list[Callback] = attributes_of(trainer).callbacks
    return [callback for callback in callbacks if isinstance(callback, TransferCallback)]


def to_json(start: StartFacts) -> str:
    """What a checkpoint keeps of a start."""
    return json.dumps(encode(start))
