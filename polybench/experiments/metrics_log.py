"""The log of a command as CSV: the losses of single steps in training, the numbers of a test or a validation.

What a training logs of each epoch is in `metrics.csv`, which `MetricsCallback` writes with any logger. A resumed run
appends to what it had logged before it stopped.
"""

import csv
import io
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import cast

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from torch import Tensor

from polybench.callbacks.epoch_table import METRICS, is_whole
from polybench.core.atomic import atomic_write_text
from polybench.core.disk import WriteError, make_folder, writing

STEPS = "steps.csv"
"""The losses of single steps."""


class MetricsWriter(ExperimentWriter):
    """Lightning's writer, which keeps the rows of a file that is there.

    Rows from the first new step on are what the interrupted part logged after its last checkpoint; they are replaced by
    those of the resumed part, so that the file has each step once.

    Args:
        folder: The folder of the file.
        name: The file's name.
    """

    def __init__(self, folder: str, name: str) -> None:
        self.NAME_METRICS_FILE = name
        super().__init__(log_dir=folder)
        self._path = Path(self.metrics_file_path)
        self._continues = self._path.is_file()
        if self._continues:
            with self._path.open(newline="") as file:
                self.metrics_keys = list(csv.DictReader(file).fieldnames or [])

    def _check_log_dir_exists(self) -> None:
        """Delete nothing."""

    def save(self) -> None:
        """Append what was logged since the last call."""
        if self._continues and self.metrics:
            self._continues = False
            self._drop_from(int(self.metrics[0]["step"]))
        with writing(self._path):
            super().save()

    def _drop_from(self, step: int) -> None:
        with self._path.open(newline="") as file:
            kept = [row for row in csv.DictReader(file) if is_whole(row) and int(row["step"]) < step]
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=self.metrics_keys, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        atomic_write_text(self._path, text.getvalue())


class MetricsLogger(CSVLogger):
    """Writes what is logged into one file of the run's folder.

    Args:
        save_dir: The run's folder.
        file: Name of the file in it. Into `steps.csv` go the values of single steps alone, without the suffix `_step`.
    """

    def __init__(self, save_dir: str, file: str = STEPS) -> None:
        super().__init__(save_dir, name="", version="")
        self.file = file

    @property
    @rank_zero_experiment
    def experiment(self) -> MetricsWriter:
        """The writer; made by the first process when it logs first."""
        if self._experiment is None:
            make_folder(Path(self.root_dir))
            self._experiment = MetricsWriter(self.log_dir, self.file)
        return cast(MetricsWriter, self._experiment)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Tensor | float], step: int | None = None) -> None:
        """Log numbers of a step.

        Args:
            metrics: Name -> number.
            step: The step.
        """
        chosen = of_steps(metrics) if self.file == STEPS else dict(metrics)
        if chosen.keys() - {"epoch"}:
            super().log_metrics(chosen, step)

    def start_file(self, file: str) -> None:
        """Write what is logged from now on into another file of the folder.

        Args:
            file: Its name.
        """
        if file != self.file:
            self.save()
            self._experiment, self.file = None, file

    def finalize(self, status: str) -> None:
        """Write the rest; after a failure only where the disk takes it, so that the failure itself is reported.

        Args:
            status: How the run ended, `success` or something else.

        Raises:
            WriteError: If a run that succeeded can't write the file.
        """
        with nullcontext() if status == "success" else suppress(WriteError):
            super().finalize(status)


def of_steps(metrics: Mapping[str, Tensor | float]) -> dict[str, Tensor | float]:
    """What is logged of a single step; nothing of what is logged of a whole epoch, which `metrics.csv` has."""
    if any(name.startswith(("val/", "test/", "lr-")) or name.endswith("_epoch") for name in metrics):
        return {}
    return {name.removesuffix("_step"): value for name, value in metrics.items()}


def log_file(command: str, method: str) -> str:
    """The file that a logger of a command writes: in training `steps.csv`, else `test_metrics.csv` and so on.

    Args:
        command: fit, validate, test or predict.
        method: The trainer's method that runs; a fit ends with a test.
    """
    return STEPS if command == method == "fit" else f"{method}_{METRICS}"


@rank_zero_only
def keep_earlier(path: Path) -> None:
    """Rename a file to `<stem>-<n><suffix>`, before another run writes one of its name."""
    if path.exists():
        number = 1 + sum(1 for _ in path.parent.glob(f"{path.stem}-*{path.suffix}"))
        with writing(path):
            path.rename(path.with_name(f"{path.stem}-{number}{path.suffix}"))
