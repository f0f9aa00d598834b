"""The identity of a run, which makes it a seed of its row, worked out when training begins and kept in checkpoints."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.experiments.start import INITIALISED, ancestors_of, start_of, to_json
from polybench.results.facts import Ancestor, StartFacts
from polybench.tasks.checkpoint import KEY


class IdentityCallback(Callback):
    """Works out the identity of a run once its data are read and its start weights are there.

    Attributes:
        config: The resolved configuration as JSON, for those who use a checkpoint without its recipe.
        seed: The run's seed.
        shared: Whether all seeds of the row start from the source of this run.
        before: The start weights, as far as they are known before training.
        start: The start weights.
        ancestors: The runs that the weights descend from, oldest first.
        identify: Makes the training's id of that start, and the id that its folds share; None for commands that don't
            train.
        training_id: The training's id; empty before training.
        folds_id: What the trainings on all folds share; None where the split is no fold.
        start_path: The checkpoint of a warm start.
    """

    def __init__(self) -> None:
        self.config = ""
        self.seed = 0
        self.shared = False
        self.before: StartFacts = INITIALISED
        self.start: StartFacts = INITIALISED
        self.ancestors: tuple[Ancestor, ...] = ()
        self.identify: Callable[[StartFacts], tuple[str, str | None]] | None = None
        self.training_id = ""
        self.folds_id: str | None = None
        self.start_path: str | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Work out the identity; every process does the same."""
        self.work_out(trainer)

    def work_out(self, trainer: Trainer) -> None:
        """Work out the identity, for a trainer whose data are set up; a finished run that is resumed trains nothing."""
        self.start = start_of(trainer, self.before, self.seed, self.shared)
        self.ancestors = ancestors_of(trainer) or self.ancestors
        if self.identify is not None:
            self.training_id, self.folds_id = self.identify(self.start)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write the identity into the checkpoint."""
        checkpoint.setdefault(KEY, {}).update(
            config=self.config,
            training_id=self.training_id,
            folds_id=self.folds_id,
            seed=self.seed,
            start=to_json(self.start),
            ancestors=json.dumps([asdict(one) for one in self.ancestors]),
            start_path=self.start_path,
        )
