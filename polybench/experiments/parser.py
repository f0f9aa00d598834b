"""LightningCLI's parser with errors of one sentence and a short help, and the saved configuration."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback

from polybench.core.disk import writing
from polybench.core.errors import ConfigError
from polybench.core.own_code import explain
from polybench.experiments.compose import Composed
from polybench.experiments.diagnosis import find_faults
from polybench.experiments.messages import one_sentence
from polybench.experiments.option_help import SECTIONS, short_help

yaml.SafeDumper.add_multi_representer(  # an interval of Timer, for example, has no form in YAML otherwise
    Enum, lambda dumper, member: dumper.represent_str(str(member.value))
)


class BenchmarkParser(LightningArgumentParser):
    """LightningCLI's parser with `ConfigError`s of one sentence and a help on a few screens."""

    words: Sequence[str] = ()
    composed: Composed | None = None
    command: str | None = None
    shows_all = False

    def format_help(self, *args: Any, **kwargs: Any) -> str:
        """Write the options that most people use, or all of them; nested parsers write the options of their class."""
        if self.command is not None and not self.shows_all:
            return short_help(self, self.command)
        for section, group in (self.groups or {}).items() if self.shows_all else ():
            group.title = SECTIONS.get(section, group.title)
        return str(super().format_help(*args, **kwargs))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise one sentence instead of printing forty lines of usage.

        Raises:
            ConfigError: At the top; parsers nested in it answer with the exception that jsonargparse expects.
        """
        if not self.exit_on_error:
            super().error(message, ex)
        options = [action.dest for action in self._actions if action.dest != "help"]
        if (own := explain(ex)) is not None:
            raise ConfigError(own) from ex
        faults = find_faults(self, self.composed) if self.composed is not None else ()
        raise ConfigError(one_sentence(faults, message, self.words, options)) from ex


class SaveConfig(SaveConfigCallback):
    """Saves the resolved configuration as `config.yaml` in the run's folder."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save it before the first step.

        Raises:
            WriteError: If the folder takes no files.
        """
        with writing(Path(trainer.default_root_dir) / self.config_filename):
            super().setup(trainer, pl_module, stage)
