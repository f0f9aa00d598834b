"""A run in Weights & Biases that is named as the rows are, quiet, and never the reason for a training to end."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

if TYPE_CHECKING:
    from wandb.sdk.wandb_run import Run

PROJECT, LIGHTNINGS_PROJECT = "polybench", "lightning_logs"
"""The project of runs that name none, here and in Lightning."""
OFFLINE_MODES = ("offline", "dryrun", "disabled")


class Dashboard(WandbLogger):
    """Lightning's `WandbLogger`, of which polybench fills in what the user left open.

    It is what `--trainer.logger WandbLogger` means, and takes the same options. W&B's own output is left out but for
    its errors; `settings` brings it back. Steps are those of the optimizer and never go back, so that a resumed run
    goes on in its own curves. Where there is no login, or W&B can't be reached, the run is written offline, and `note`
    says so.

    Attributes:
        own_name: Whether the run's name is polybench's own, and may be made that of the record.
        note: What the user should know of the run, once it has begun; None for nothing.
    """

    own_name: bool = False
    note: str | None = None
    _waits = False
    _last_step = 0

    def wait(self) -> None:
        """Begin no run before `describe`, although Lightning asks for it before any data are read."""
        self._waits = True

    def describe(self, config: Mapping[str, Any], **facts: Any) -> None:
        """Fill in what the user left open, before the run begins.

        Args:
            config: What runs are filtered by.
            facts: Arguments of `wandb.init`: `id`, `name`, `group`, `job_type`, `tags`.
        """
        self.own_name = self._wandb_init.get("name") is None
        for key, value in {**facts, "resume": "allow"}.items():
            if self._wandb_init.get(key) is None:
                self._wandb_init[key] = value
        if self._wandb_init.get("project") == LIGHTNINGS_PROJECT:
            self._wandb_init["project"] = self._project = PROJECT
        self._wandb_init["config"] = {**config, **(self._wandb_init.get("config") or {})}
        self._name, self._id = self._wandb_init.get("name"), self._wandb_init.get("id")
        self._waits = False

    @property
    @rank_zero_experiment
    def experiment(self) -> "Run":
        """The run of W&B, which begins when it is first asked for; None while its description is waited for."""
        if self._waits:
            return cast("Run", None)
        if self._experiment is None:
            self._begin()
        return cast("Run", super().experiment)

    def _begin(self) -> None:
        import wandb  # half a second, which runs without a dashboard can do without
        from wandb.errors import Error

        if self._wandb_init.get("settings") is None:
            self._wandb_init["settings"] = wandb.Settings(silent=True)
        self._wandb_init.pop("anonymous", None)  # which W&B has done away with
        if self._wandb_init.get("dir"):  # W&B's service keeps the working folder in which it was started
            self._wandb_init["dir"] = str(Path(self._wandb_init["dir"]).absolute())
        if self._offline:  # said to W&B alone, where Lightning would set an environment variable
            self._wandb_init["mode"], self._offline = "offline", False
        if not self.is_offline() and not wandb.login(prompt=False, verify=False):
            self._go_offline("there is no login on this machine (wandb login)")
        try:
            _ = super().experiment
        except Error as error:
            if self.is_offline():
                raise
            self._go_offline(f"it can't be reached ({' '.join(str(error).split())})")
            _ = super().experiment

    def is_offline(self) -> bool:
        """Check whether the options or the environment say that the run is written here alone."""
        chosen = self._wandb_init.get("mode") or os.environ.get("WANDB_MODE")
        return bool(self._offline) or chosen in OFFLINE_MODES

    def _go_offline(self, why: str) -> None:
        self._wandb_init["mode"] = "offline"
        self.note = f"The W&B run is written offline, since {why}."

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics, or pictures and tables, at a step of the optimizer; at the last one where none is given.

        Args:
            metrics: Name -> value.
            step: The step; one before the last one that was logged counts as the last.
        """
        self._last_step = max(self._last_step, step or 0)
        named = {
            f"{self._prefix}{self.LOGGER_JOIN_CHAR}{key}" if self._prefix else key: metrics[key] for key in metrics
        }
        self.experiment.log({**named, "trainer/global_step": self._last_step}, step=self._last_step)

    def fail(self) -> None:
        """End the run, if it has begun, as one that failed."""
        if self._experiment is not None:
            self._experiment.finish(exit_code=1)

    @property
    def url(self) -> str | None:
        """The address of the run; None of one that is written offline."""
        return None if self.is_offline() else self.experiment.url

    def place(self) -> str:
        """Where the run can be looked at: its address, or the folder and the command that sends it."""
        if (url := self.url) is not None:
            return url
        folder = Path(self.experiment.dir).parent
        folder = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
        return f"offline; 'wandb sync {shlex.quote(str(folder))}' sends it"


def described(logger: Any) -> Any:
    """A `Dashboard` in place of a `WandbLogger` whose run hasn't begun; any other logger as it is."""
    if not isinstance(logger, WandbLogger) or isinstance(logger, Dashboard):
        return logger
    found = Dashboard.__new__(Dashboard)
    found.__dict__.update(logger.__dict__)
    return found


def dashboards(trainer: Trainer) -> list[Dashboard]:
    """The W&B runs that a trainer logs to."""
    return [logger for logger in trainer.loggers if isinstance(logger, Dashboard)]
