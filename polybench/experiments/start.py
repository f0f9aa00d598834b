"""The start weights of a run: the net's own initialisation, those of a checkpoint, or those that callbacks give."""

import json
from dataclasses import replace
from typing import Literal

from lightning.pytorch import Trainer

from polybench.core.trainer import attributes_of
from polybench.methods.base import StartCallback
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.sections import Section
from polybench.results.strict import encode

INITIALISED = StartFacts("initialised")


def start_of(trainer: Trainer, before: StartFacts, seed: int, shared: bool) -> StartFacts:
    """The start of a run, once its callbacks have given the net their weights.

    Args:
        trainer: The trainer, in fit.
        before: What was known before training.
        seed: The run's seed.
        shared: Whether all seeds of the row start from the source of this run.
    """
    given = [facts for one in start_callbacks(trainer) if (facts := one.start_facts()) is not None]
    if not given:
        return before
    start = given[-1]
    assert start.source is not None
    return replace(start, seeds="shared" if shared else seeds_of(start.source, seed))


def seeds_of(source: Ancestor, seed: int) -> Literal["own", "shared"]:
    """Whether a run's source is that of its own seed, or one that all seeds of its row share.

    A file that names no seed, or another, is the same for all of them.
    """
    return "own" if source.training_id is not None and source.seed == seed else "shared"


def start_callbacks(trainer: Trainer) -> list[StartCallback]:
    """The callbacks that give the net weights of another run."""
    return [callback for callback in attributes_of(trainer).callbacks if isinstance(callback, StartCallback)]


def ancestors_of(trainer: Trainer) -> tuple[Ancestor, ...]:
    """The runs that the weights given by callbacks descend from, oldest first; empty where none were given."""
    return tuple(one for callback in start_callbacks(trainer) for one in callback.ancestors)


def start_sections(trainer: Trainer) -> dict[str, Section]:
    """Sections of the record in which callbacks describe the weights that they gave."""
    return {name: section for one in start_callbacks(trainer) for name, section in one.sections().items()}


def to_json(start: StartFacts) -> str:
    """A start as a checkpoint keeps it."""
    return json.dumps(encode(start))
