"""Files of a task about its test, such as a picture of a curve, in the run's folder."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.core.atomic import atomic_writer
from polybench.core.trainer import written_folder
from polybench.tasks.base import task_of


class ArtifactsCallback(Callback):
    """After a test, writes what the task's `test_artifacts()` gives.

    Attributes:
        paths: The files of the last test.
    """

    def __init__(self) -> None:
        self.paths: list[Path] = []

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write them, in the first process."""
        self.paths = []
        folder = written_folder(trainer)
        if folder is None or not trainer.is_global_zero:
            return
        for name, content in task_of(pl_module).test_artifacts().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_writer(path) as file:
                file.write(content)
            self.paths.append(path)
