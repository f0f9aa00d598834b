"""The curves of a run as CSV: a resumed run appends to what it had logged before it stopped.

Of one checkpoint, any number of processes logs the same numbers of every protocol (`val/dice`, `test/pranet/max_dice`),
digit for digit: they are of the gathered rows. With one image a batch the same holds for `val/loss` and its terms; with
several, a loss that is no mean over images depends on which images share a batch. `train/loss` and its terms are means
of the processes in float32, equal to about six digits, as are the weights that several processes train.
"""

import csv
import io
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

from polybench.core.atomic import atomic_write_text
from polybench.core.disk import WriteError, make_folder, writing

METRICS = "metrics.csv"


class MetricsWriter(ExperimentWriter):
    """Lightning's writer, which keeps the rows of a file that is there.

    Rows from the first new step on are what the interrupted part logged after its last checkpoint; they are replaced by
    those of the resumed part, so that each step stands once.

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


def is_whole(row: Mapping[str | None, object]) -> bool:
    """Whether a row was not cut off while it was written."""
    return str(row.get("step")).isdigit() and None not in row and None not in row.values()


class MetricsLogger(CSVLogger):
    """Writes losses and metrics into one file of the run's folder.

    Args:
        save_dir: The run's folder.
        file: Name of the file in it.
    """

    def __init__(self, save_dir: str, file: str = METRICS) -> None:
        super().__init__(save_dir, name="", version="")
        self.file = file

    @property
    @rank_zero_experiment
    def experiment(self) -> MetricsWriter:
        """The writer; made by the first process when it logs first."""
        if self._experiment is None:
            make_folder(Path(self.root_dir))
            self._experiment = MetricsWriter(self.log_dir, self.file)
        writer: MetricsWriter = self._experiment  # type: ignore[assignment]
        return writer

    def finalize(self, status: str) -> None:
        """Write what is left; after a failure, where the disk takes it, since the failure itself is what is to be said.

        Args:
            status: How the run ended, `success` or something else.

        Raises:
            WriteError: If a run that succeeded can't write the file.
        """
        with nullcontext() if status == "success" else suppress(WriteError):
            super().finalize(status)


@rank_zero_only
def keep_earlier(path: Path) -> None:
    """Move a file aside, to `<stem>-<n><suffix>`, before another run starts it anew."""
    if path.exists():
        number = 1 + sum(1 for _ in path.parent.glob(f"{path.stem}-*{path.suffix}"))
        with writing(path):
            path.rename(path.with_name(f"{path.stem}-{number}{path.suffix}"))
