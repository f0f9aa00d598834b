"""Areas of validation after few mini-batches, for curves of convergence on a logarithmic axis.

Paper: Tajbakhsh et al., IEEE TMI 2016, Figure 10, which validates a net after 1 to 1,000 mini-batches. A validation
after each epoch can't show it.
"""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.tasks.base import Task, task_of
from polybench.tasks.evaluating import evaluating

DECADE = (1, 2, 5)


def is_due(batches: int) -> bool:
    """Whether a number of mini-batches is 1, 2 or 5 times a power of ten.

    Example:
        >>> [batches for batches in range(1, 250) if is_due(batches)]
        [1, 2, 5, 10, 20, 50, 100, 200]
    """
    digits = str(batches)
    return int(digits[0]) in DECADE and set(digits[1:]) <= {"0"}


class Snapshots(Callback):
    """Validates after 1, 2, 5, 10, 20, 50 ... mini-batches and writes the areas into the run's record.

    The training is the same as without it: no random number is drawn, and nothing that is logged is changed. In several
    processes a mini-batch is that of each of them.

    Attributes:
        points: Mini-batches and the area under the ROC curve of validation, in their order.
    """

    def __init__(self) -> None:
        self.points: list[tuple[int, float]] = []
        self._batches = 0
        self._loader: DataLoader[Any] | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a task without an area.

        Raises:
            ConfigError: If there is none.
        """
        if task_of(pl_module).kind != "classification":
            raise ConfigError(f"Snapshots needs a classifier, not {type(pl_module).__name__}: leave it out.")
        self._loader = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Validate where a snapshot is due."""
        self._batches += 1
        if is_due(self._batches):
            self.points.append((self._batches, self._area(trainer, task_of(pl_module))))

    def _area(self, trainer: Trainer, task: Task) -> float:
        """The area of validation of the weights as they are."""
        with torch.random.fork_rng(devices=[]):
            self._loader = self._loader or attributes_of(trainer).datamodule.val_dataloader()
            trainer.validating = True  # so that no patch is augmented
            try:
                with evaluating(task), torch.inference_mode(), trainer.precision_plugin.forward_context():
                    for number, batch in enumerate(self._loader):
                        task.validation_step(trainer.strategy.batch_to_device(batch, task.device, 0), number)
                rows = task.collected.compute()
            finally:
                trainer.training = True
                task.collected.reset()
                task.val_loss.reset()
                task.val_terms.compute()
        return task.protocols[0].scores(rows)["auc"]

    def state_dict(self) -> dict[str, Any]:
        """The points, for a resumed run."""
        return {"points": [list(point) for point in self.points], "batches": self._batches}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the points."""
        self.points = [(int(batches), float(area)) for batches, area in state_dict["points"]]
        self._batches = int(state_dict["batches"])


def find_snapshots(trainer: Trainer) -> list[tuple[int, float]]:
    """The points of a trainer's snapshots; empty where it takes none."""
    found: list[Callback] = attributes_of(trainer).callbacks
    return next((one.points for one in found if isinstance(one, Snapshots)), [])
