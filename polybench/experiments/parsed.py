"""LightningCLI as polybench uses it: one flat parser per command, late interpolation, errors in one sentence."""

import json
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from polybench.callbacks import (
    ArtifactsCallback,
    BaselinesCallback,
    BestCheckpoint,
    MeterCallback,
    MetricsCallback,
    PeersCallback,
    PreviewsCallback,
    ProgressFileCallback,
    ResumeCallback,
    SigtermCallback,
)
from polybench.core.errors import ConfigError
from polybench.core.own_code import make_importable
from polybench.core.place import is_first
from polybench.experiments.argv import FILE_OPTIONS, has, value_of, with_log_folder
from polybench.experiments.checkpoints import NAMES, begun_choice, config_of, named_checkpoint, named_run
from polybench.experiments.compose import Composed, compose
from polybench.experiments.config_checks import check_printed, parsing_errors, settle
from polybench.experiments.data_paths import class_paths, whole_paths
from polybench.experiments.fit_checks import FitChecks
from polybench.experiments.for_parser import for_parser
from polybench.experiments.identity import config_id
from polybench.experiments.identity_callback import IdentityCallback
from polybench.experiments.local_modules import own_modules
from polybench.experiments.logging_filters import quieten
from polybench.experiments.needs import size_note
from polybench.experiments.option_help import take_all
from polybench.experiments.options import SUMMARIES, add_options, all_options
from polybench.experiments.parser import BenchmarkParser, SaveConfig
from polybench.experiments.recipes import with_recipes
from polybench.experiments.run_folder import Part
from polybench.experiments.yaml_text import dump
from polybench.methods import found_methods, import_all
from polybench.results.record import Budget
from polybench.tasks.checkpoint import RunMark, refuse_no_file, run_of

OF_FIT = {"choose", "ckpt_path", "images", "leaderboard", "validations"}
"""Keys of a file for the start and length of a fit and where its record went; an evaluation has its own options."""


class ParsedSession(LightningCLI):
    """Parses a command line and stops there: no class is built, no folder made, no seed set.

    Args:
        command: fit, validate, test, predict or profile.
        args: The words after the command.
        part: What makes it a part of a run, which then says nothing that the run has said; None for one of its own.

    Raises:
        ConfigError: If anything in the configuration is wrong; before any data is read.
    """

    def __init__(self, command: str, args: Sequence[str], part: Part | None = None) -> None:
        self.command, self.part = command, part
        self.place = part.folder if part is not None else None
        words, self.shows_all_options = take_all(args)
        self.args, self._found = with_recipes(words)
        self.run_folder = Path()
        self._marks: dict[Path, RunMark | None] = {}
        self._plain: tuple[Namespace, dict[str, Any]] | None = None
        quieten()
        make_importable()
        import_all()
        with parsing_errors():
            super().__init__(
                LightningModule,
                LightningDataModule,
                subclass_mode_model=True,
                subclass_mode_data=True,
                run=False,
                args=self.args,
                seed_everything_default=0,
                auto_configure_optimizers=False,
                save_config_callback=SaveConfig,
                save_config_kwargs={"overwrite": True},
                trainer_defaults={
                    "callbacks": self._standing_callbacks(),
                    "num_sanity_val_steps": 0,
                    "log_every_n_steps": 10,
                    "enable_model_summary": False,
                },
                parser_class=BenchmarkParser,
                parser_kwargs={
                    "parser_mode": "omegaconf+",
                    "allow_abbrev": False,
                    "prog": f"polybench {command}",
                    "usage": f"polybench {command} --config conf/RECIPE.yaml [--OPTION VALUE ...]",
                    "description": SUMMARIES[command],
                },
            )

    def _standing_callbacks(self) -> list[Any]:
        """The callbacks of every run; metrics come before what saves checkpoints, which then know their rows."""
        self.meter, self.baselines = MeterCallback(), BaselinesCallback()
        self.resume, self.identity, self.checks = ResumeCallback(), IdentityCallback(), FitChecks()
        self.peers = PeersCallback()
        measuring = [self.meter, MetricsCallback(self.meter), ProgressFileCallback(self.meter), self.baselines]
        return [self.peers, *measuring, self.resume, self.identity, ArtifactsCallback(), SigtermCallback(), self.checks]

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """Make the parser, with the command line for its messages."""
        parser = super().init_parser(**kwargs)
        assert isinstance(parser, BenchmarkParser)
        parser.words = self.args
        parser.command, parser.shows_all = self.command, self.shows_all_options
        return parser

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what every command has beside task, data and trainer."""
        parser.add_argument("--name", type=str, default="unnamed", help="Name of the recipe.")
        parser.add_argument("--variant", type=str | None, default=None, help="Name of a variation of the recipe.")
        parser.add_argument(
            "--budget",
            type=Budget,
            default="reduced",
            help="'published' for a paper's settings, 'reduced' for less, 'smoke' for a try. A recipe that is changed "
            "on the command line is 'reduced' at most, one with limited batches 'smoke'.",
        )
        parser.add_argument(
            "--ckpt_path",
            type=str | None,
            default=None,
            help="A checkpoint to start from: a file, or 'last' or 'best' for that of this recipe's latest run.",
        )
        parser.add_lightning_class_args(BestCheckpoint, "checkpoint")
        parser.add_lightning_class_args(PreviewsCallback, "previews")
        parser.link_arguments("seed_everything", "data.init_args.seed")
        add_options(parser, self.command)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the words given, without regard to `sys.argv`.

        Raises:
            ConfigError: If a checkpoint is named that does not exist, a name can't be part of a file name, the seed is
                out of bounds, or the precision is too low for evaluation.
        """
        known = {action.dest.partition(".")[0] for action in parser._actions}
        of_fit = OF_FIT if self.command in {"validate", "test", "predict"} else set()
        words = with_log_folder([*self._words(), *(self.part.words if self.part is not None else ())])
        composed = compose(words, known - of_fit, all_options() | of_fit)
        self.note(*self._found, *composed.notes)
        self.recipe, self.published, self.files = composed.recipe, composed.published, composed.files
        assert isinstance(parser, BenchmarkParser)
        parser.composed = composed
        self.note(*check_printed(parser, composed, self.args))
        self.config = self._parse(parser, composed)
        parser.composed = None
        for key, value in self.config.items():
            if value == "None":  # jsonargparse makes this text of a null given to a nested class
                self.config[key] = None
        self.note(*settle(self.config, self.args))
        if self.command == "fit" and (note := size_note(self.config.data, self.args)) is not None:
            self.note(note)
        self.config.ckpt_path = self._checkpoint()

    def _parse(self, parser: BenchmarkParser, composed: Composed) -> Any:
        """Parse a composed command line."""
        return parser.parse_args(composed.words())

    def _words(self) -> list[str]:
        """The command line; where it has no recipe, with that of the checkpoint to be evaluated.

        Raises:
            ConfigError: If the checkpoint holds no recipe.
        """
        path = value_of(self.args, "--ckpt_path")
        evaluates = self.command in ("validate", "test", "predict")
        if evaluates and not has(self.args, *FILE_OPTIONS, "--print_config", "--help", "-h", "--data", "--model"):
            if path is None or path in NAMES:
                raise ConfigError(
                    f"{self.command} needs the file of a checkpoint, which says what it holds, such as --ckpt_path "
                    "runs/.../best.ckpt; or a recipe with --config."
                )
            refuse_no_file(path)
        if self.command == "fit" or has(self.args, *FILE_OPTIONS) or path is None or not Path(path).is_file():
            return self.args
        with_data = self.command != "predict" or self._predicts_with_data()
        return ["--config", config_of(path, with_data=with_data), *self.args]

    def _predicts_with_data(self) -> bool:
        """Whether a prediction needs the dataset: for a method, or since an option names it."""
        given = partial(value_of, self.args)
        named = any(word.startswith("--data") for word in self.args)
        return named or any(method.needs_data(given) for method in found_methods())

    def _checkpoint(self) -> str | None:
        """The checkpoint asked for, looked up where it was asked for by name; None where only a choice has begun."""
        path: str | None = self.config.ckpt_path
        if path is None or path not in NAMES:
            if path is not None:
                refuse_no_file(path)
            return path
        try:
            return named_checkpoint(path, self.config, self.command, self.runs, self.resumes)
        except ConfigError:
            chooses = self.command == "fit" and self.config.choose is not None
            self.place = begun_choice(named_run(self.config), self.runs, self.mark().recipe) if chooses else None
            if self.place is None:
                raise
            return None

    def mark(self, processes: int = 1) -> RunMark:
        """Which run this is.

        Args:
            processes: How many processes share a batch.
        """
        config = self.plain_config()
        length = {key: config["trainer"].pop(key, None) for key in ("max_epochs", "max_steps")}
        length |= {"images": images} if (images := config.pop("images", None)) is not None else {}
        return RunMark(f"{config_id(config)}-s{self.config.seed_everything}", json.dumps(length), processes)

    def resumes(self, checkpoint: Path) -> bool:
        """Whether a checkpoint is of this very run, or of a shorter or longer one; else only its weights are of use."""
        if checkpoint not in self._marks:
            self._marks[checkpoint] = run_of(checkpoint)
        return self.is_of_run(self._marks[checkpoint])

    def is_of_run(self, mark: RunMark | None) -> bool:
        """Whether the mark of a checkpoint is that of this run, or of a shorter or longer one."""
        return mark is not None and mark.recipe == self.mark().recipe

    @property
    def given_folder(self) -> str | None:
        """The folder that the user named for the run."""
        folder: str | None = self.config.trainer.default_root_dir
        return folder

    @property
    def given_checkpoint(self) -> str | None:
        """The checkpoint that the user named."""
        path: str | None = self.config.ckpt_path
        return path

    @property
    def runs(self) -> Path:
        """Where the runs of this recipe, variant and seed are kept."""
        label = "-".join(part for part in (self.config.name, self.config.variant) if part)
        return Path("runs") / f"{label}-s{self.config.seed_everything}"

    def config_for_others(self) -> dict[str, Any]:
        """The configuration as a checkpoint keeps it, for commands that are given no recipe.

        Folders and lists of the data are whole paths, but for what POLYBENCH_DATA gives; the checkpoint that the run
        began with is left out.
        """
        return {**whole_paths(self.plain_config()), "ckpt_path": None}

    def own_modules(self) -> list[Path]:
        """The user's own modules that the configuration is made of."""
        return own_modules(class_paths(self.plain_config()))

    def note(self, *sentences: str) -> None:
        """Print sentences that a user should read, each once; in the first process alone."""
        if is_first() and self.part is None:
            for sentence in dict.fromkeys(sentences):
                print(f"Note: {sentence}", file=sys.stderr)

    def parsed(self, config: Mapping[str, Any]) -> Any:
        """Parse another configuration as one file would be; None where it is none by itself."""
        try:
            found = self.parser.parse_args(["--config", dump(for_parser(config))])
            settle(found, ())
        except ConfigError:
            return None
        return found

    def plain_config(self, config: Any = None) -> dict[str, Any]:
        """The resolved configuration (or another parsed one) as plain values, without what is linked to the seed."""
        if config is not None:
            return self._dumped(config)
        if self._plain is None or self._plain[0] != self.config:  # a dump takes as long as an epoch of a small dataset
            self._plain = self.config.clone(), self._dumped(self.config)
        return deepcopy(self._plain[1])

    def _dumped(self, config: Any) -> dict[str, Any]:
        text = self.parser.dump(config, skip_link_targets=True, skip_none=False, format="yaml")
        plain: dict[str, Any] = yaml.safe_load(text)
        return plain

    def _set_seed(self) -> None:
        """Set no seed."""

    def before_instantiate_classes(self) -> None:
        """Choose no folder."""

    def instantiate_classes(self) -> None:
        """Build nothing."""

    def after_instantiate_classes(self) -> None:
        """Restore nothing: nothing was changed."""
