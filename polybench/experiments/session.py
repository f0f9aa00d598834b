"""Task, data module and trainer of a parsed command line, built and run; errors in one sentence."""

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback, LearningRateMonitor, ProgressBar
from lightning.pytorch.cli import LightningCLI
from torch import nn

from polybench.callbacks import AtomicCheckpointIO, PreviewsCallback
from polybench.callbacks.dashboard import described
from polybench.callbacks.epoch_table import METRICS
from polybench.callbacks.progress_bar import LineProgressBar
from polybench.callbacks.selection import leave_out_averages, set_apart
from polybench.core.disk import probe
from polybench.core.errors import ConfigError
from polybench.core.peers import FOLDER, Peers
from polybench.core.start_anew import start_anew
from polybench.core.trainer import attributes_of
from polybench.data.resumable import ResumableDataModule
from polybench.experiments.again import Again
from polybench.experiments.callback_checks import refuse_blind, refuse_callbacks
from polybench.experiments.class_versions import resolve
from polybench.experiments.command import again, needed_file
from polybench.experiments.dashboard_variables import dashboard_project
from polybench.experiments.data_paths import folders_of, from_environment, relative_paths, roots_of
from polybench.experiments.fit_checks import refuse_absent_device, refuse_barebones, refuse_contradictions, refuse_rate
from polybench.experiments.identity import Batch
from polybench.experiments.image_budget import length_of, set_length
from polybench.experiments.metrics_log import STEPS, MetricsLogger, keep_earlier, log_file
from polybench.experiments.needs import random_start, weights_note
from polybench.experiments.parsed import ParsedSession
from polybench.experiments.parser import SaveConfig
from polybench.experiments.pretrained import Taken
from polybench.experiments.process_checks import refuse_processes
from polybench.experiments.raised import Made, sentence_for, why_not_built, why_not_restored
from polybench.experiments.recipes import HOME
from polybench.experiments.recorded_checkpoint import compare_with_record
from polybench.experiments.run_folder import RUN_FOLDER, choose_run_folder
from polybench.methods import found_methods
from polybench.results.sections import Section
from polybench.tasks.base import task_of
from polybench.tasks.loading import leave_out_start_weights, mismatch
from polybench.tasks.one_image import refuse_one_image
from polybench.tasks.tiled_evaluation import refuse_crops
from polybench.tasks.weights import weights_of


class Session(ParsedSession):
    """Builds the task, the data module and the trainer of a command line, and runs them."""

    def _set_seed(self) -> None:
        """Seed the random numbers of this process."""
        LightningCLI._set_seed(self)

    def before_instantiate_classes(self) -> None:
        """Choose the folder of the run and the place of each logger in it."""
        config = self.config
        if self.command == "fit":
            self._look_for_files()
        if self.command != "fit":
            leave_out_start_weights(config.model)
        elif (note := weights_note(self.plain_config()["model"])) is not None:
            self.note(note)
        self._as_given = (config.trainer.default_root_dir, config.checkpoint.dirpath, config.trainer.logger)
        self.run_folder, resumed = choose_run_folder(self)
        folder = str(self.run_folder)
        if self.part is None:
            os.environ[RUN_FOLDER] = folder
        config.trainer.default_root_dir = folder
        config.checkpoint.dirpath = config.checkpoint.dirpath or str(self.run_folder / "checkpoints")
        file = log_file(self.command, self.command)
        self._earlier = [] if resumed else [self.run_folder / name for name in _written(self.command)]
        if config.trainer.logger in (None, True):
            config.trainer.logger = self._loggers(file)
        for logger in config.trainer.logger if isinstance(config.trainer.logger, list) else [config.trainer.logger]:
            if logger and logger.init_args.get("save_dir") in (None, "."):
                logger.init_args.save_dir = folder

    def _look_for_files(self) -> None:
        """Let the data module look for the files that it is given.

        Raises:
            UserError: If one is missing.
        """
        data = self.plain_config()["data"]
        found = resolve(data["class_path"])
        if isinstance(found, type) and issubclass(found, ResumableDataModule):
            found.look_for_files(data.get("init_args") or {})

    def after_instantiate_classes(self) -> None:
        """Restore the given folders, so that a saved configuration starts a run of its own."""
        trainer, checkpoint = self.config.trainer, self.config.checkpoint
        trainer.default_root_dir, checkpoint.dirpath, trainer.logger = self._as_given

    def _loggers(self, file: str) -> Any:
        """Polybench's own logger, and W&B's where a plan sends its runs there, as the parser has them."""
        init_args = {"save_dir": ".", "file": file}
        loggers = [{"class_path": "polybench.experiments.metrics_log.MetricsLogger", "init_args": init_args}]
        if (project := dashboard_project()) is not None and self.part is None and self.command in ("fit", "test"):
            init_args = {"save_dir": ".", "project": project}
            loggers.append({"class_path": "lightning.pytorch.loggers.WandbLogger", "init_args": init_args})
        chosen = loggers if len(loggers) > 1 else loggers[0]
        return self.parser.parse_object({"trainer": {"logger": chosen}}, cfg_base=self.config).trainer.logger

    def instantiate_classes(self) -> None:
        """Build task, data and trainer.

        Raises:
            ConfigError: If a class refuses its arguments or start weights can't be loaded, in the class's own words.
        """
        taken = Taken.of(self.config.model)
        try:
            with taken.replaced() if taken is not None else nullcontext():
                LightningCLI.instantiate_classes(self)
            if taken is not None:
                taken.fill(self.model.net)
        except Exception as error:
            raise why_not_built(error, random_start(self.plain_config()["model"])) from error
        self.previews: PreviewsCallback = self.config_init.previews
        self.sections: dict[str, Section] = {}

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Build the trainer with safe checkpoints."""
        refuse_absent_device(self.config.trainer.accelerator)
        refuse_barebones(self.config.trainer)
        plugins = self.config_init.trainer.plugins or []
        plugins = plugins if isinstance(plugins, list) else [plugins]
        self.checkpoint_io = AtomicCheckpointIO()
        if self.config.get("scale_batch"):
            self.datamodule.scale_batch()
        counts = self.command == "fit" and self.config.images is not None
        kwargs |= {"max_epochs": -1} if counts else {}
        trainer = super().instantiate_trainer(plugins=[*plugins, self.checkpoint_io], **kwargs)
        callbacks: list[Callback] = attributes_of(trainer).callbacks
        set_apart(callbacks, Path(self.config.checkpoint.dirpath))
        if trainer.strategy.root_device.type == "mps":
            raise ConfigError("Evaluation needs float64, which MPS lacks: add --trainer.accelerator cpu.")
        if counts and not self.config.trainer.fast_dev_run:
            self._set_length(trainer)
        return trainer

    def _set_length(self, trainer: Any) -> None:
        """Let the trainer spend the images that the run may see.

        Raises:
            ConfigError: If they are too few.
        """
        length = length_of(self.config.images, self._batch_of(trainer).total, self.config.validations)
        self.checks.counts_images = True
        if (note := length.note(self.config.images)) is not None:
            self.note(note)
        set_length(trainer, length)

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Any]) -> Any:
        """Watch the learning rate where something logs it, and show the progress on one line."""
        logger = config.get("logger")
        config["logger"] = [described(one) for one in logger] if isinstance(logger, list) else described(logger)
        if config.get("logger"):
            callbacks = [*callbacks, LearningRateMonitor(logging_interval="epoch")]
        given = config.get("callbacks") or []
        given = given if isinstance(given, list) else [given]
        shows = config.get("enable_progress_bar") is not False and not config.get("barebones")
        if shows and not any(isinstance(callback, ProgressBar) for callback in given):
            callbacks = [*callbacks, LineProgressBar()]
        return super()._instantiate_trainer(config, callbacks)

    def required_checkpoint(self) -> str:
        """The checkpoint that the command evaluates.

        Raises:
            ConfigError: If none was given.
        """
        path: str | None = self.config.ckpt_path
        if path is None:
            raise ConfigError(f"{self.command} needs --ckpt_path, the checkpoint to use.")
        compare_with_record(path)
        return path

    def load_weights(self, checkpoint: Path) -> None:
        """Load the weights of another run, and nothing else of it.

        Raises:
            ConfigError: If the file is no checkpoint, or belongs to another net.
        """
        state = weights_of(AtomicCheckpointIO().load_checkpoint(checkpoint), checkpoint)
        try:
            self.model.load_state_dict(state)
        except RuntimeError as error:
            raise ConfigError(mismatch(str(checkpoint), error)) from error

    def call(self, method: str, checkpoint: str | None) -> None:
        """Run a method of the trainer.

        Args:
            method: fit, validate or test.
            checkpoint: Where the weights (in fit, the whole state) come from; None for those in memory.

        Raises:
            ConfigError: If the trainer finds a contradiction in the configuration, or the checkpoint belongs to
                another net.
            WriteError: If the folder of the run takes no files.
        """
        probe(self.run_folder)
        while self._earlier:
            keep_earlier(self._earlier.pop())
        for logger in self.trainer.loggers:
            if isinstance(logger, MetricsLogger):
                logger.start_file(log_file(self.command, method))
        self.checkpoint_io.callbacks = None
        if method != "fit":
            callbacks = attributes_of(self.trainer).callbacks
            leave_out_averages(callbacks)
            self.checkpoint_io.callbacks = frozenset(callback.state_key for callback in callbacks)
            checkpoint = self._loadable(checkpoint)
        quiet = {} if method == "fit" else {"verbose": False}
        run = getattr(self.trainer, method)
        peers = Peers(self.run_folder / FOLDER, self.trainer.global_rank, self.trainer.world_size)
        with self.peers.among(peers):
            self._run(run, checkpoint, quiet)

    def _run(self, run: Callable[..., Any], checkpoint: str | None, quiet: dict[str, Any]) -> None:
        """Run a method of the trainer, and say what it raises in one sentence."""
        try:
            run(self.model, datamodule=self.datamodule, ckpt_path=checkpoint, **quiet)
        except SystemExit as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # Lightning's way to end an interrupted run
                raise KeyboardInterrupt from error
            raise
        except RuntimeError as error:
            if "loading state_dict" in str(error):
                raise ConfigError(mismatch(str(checkpoint), error)) from error
            self._refuse(error, checkpoint)
            raise
        except Exception as error:
            self._refuse(error, checkpoint)
            raise

    def check(self) -> None:
        """Check that task, net, optimizer, schedule, callbacks and trainer fit each other, before any data is read.

        Raises:
            ConfigError: If they don't.
        """
        refuse_contradictions(self.config.trainer)
        refuse_rate(self.config.model.init_args.get("optimizer"))
        refuse_processes(self.trainer, self.config.trainer.sync_batchnorm, self.given_folder)
        self.datamodule.process_batch(self.trainer.world_size)
        refuse_callbacks(attributes_of(self.trainer).callbacks, self.trainer.world_size)
        try:
            task = task_of(self.model)
            refuse_crops(self.datamodule, task)
            task.check(self.datamodule.size)
            refuse_one_image(task, self.datamodule.size, self.batch().normalised_over)
            if not self.config.trainer.fast_dev_run:
                refuse_blind(self.trainer, self.model, self.datamodule.ranked_by)
        except Exception as error:
            self._refuse(error)
            raise

    def _refuse(self, error: Exception, checkpoint: str | None = None) -> None:
        """Raise the sentence for what a class of the configuration raised; do nothing for an error of polybench."""
        trainer, model = self.trainer, self.model
        if checkpoint and (reason := why_not_restored(error)):
            raise ConfigError(
                f"The state in '{checkpoint}' can't be restored ({reason}): resume from another checkpoint of the run, "
                f"or {start_anew()}."
            ) from error
        made = [Made("model", model), Made("model.net", model.net), Made("data", self.datamodule)]
        if isinstance(getattr(model, "loss", None), nn.Module):
            made.append(Made("model.loss", model.loss))
        made += [Made("model.optimizer", one) for one in trainer.optimizers]
        made += [Made("model.lr_scheduler", config.scheduler) for config in trainer.lr_scheduler_configs]
        made += [Made("attributes_of(trainer).callbacks", one) for one in attributes_of(trainer).callbacks]
        made += [Made("trainer.logger", one) for one in trainer.loggers]
        made.append(Made("attributes_of(trainer).profiler", attributes_of(trainer).profiler))
        sentence = sentence_for(error, made)
        if sentence is not None and sentence is not error:
            raise sentence from error

    def _loadable(self, checkpoint: str | None) -> str | None:
        """The checkpoint that an evaluation's trainer loads; None where it can't, and its weights are loaded here.

        Raises:
            ConfigError: If it holds no weights.
        """
        if checkpoint is None:
            return None
        saved = AtomicCheckpointIO().load_checkpoint(checkpoint, map_location="meta")
        weights_of(saved, checkpoint)
        if "pytorch-lightning_version" in saved:
            return checkpoint
        self.load_weights(Path(checkpoint))
        return None

    def again(self, words: Sequence[str], also: Sequence[str] = ()) -> Again:
        """The command that reproduces a number of this session from any folder.

        Args:
            words: The words after the command.
            also: Words at the end that are kept whatever they are.
        """
        relative = relative_paths(self.plain_config())
        files = [option for method in found_methods() for option in method.file_options]
        found = again([self.command, *words], self.own_modules(), self._data_from_environment(), also, relative, files)
        read = (needed_file(path) for path in self.files if not path.resolve().is_relative_to(HOME))
        return Again(found.command, tuple(dict.fromkeys((*found.needs, *read))))

    def _data_from_environment(self) -> str | None:
        """The folders of the dataset where POLYBENCH_DATA leads to them; None where the recipe or an option does."""
        roots = roots_of(self.plain_config()["data"])
        folders = folders_of(self.datamodule)
        return "' and '".join(folders) if folders and any(map(from_environment, roots)) else None

    def save_as_begun_with(self, checkpoint: str | None) -> None:
        """Save the configuration with the checkpoint that the whole run began with, not the one that it resumed from.

        Args:
            checkpoint: The checkpoint of a warm start; None where there was none.
        """
        callbacks: list[Callback] = attributes_of(self.trainer).callbacks
        for callback in callbacks:
            if isinstance(callback, SaveConfig):
                callback.config = self.config.clone()
                callback.config.ckpt_path = checkpoint

    def batch(self) -> Batch:
        """Images in each step of the optimizer, and in each average of a batch norm."""
        return self._batch_of(self.trainer)

    def _batch_of(self, trainer: Any) -> Batch:
        return Batch.of(self.plain_config(), trainer.world_size)


def _written(command: str) -> tuple[str, ...]:
    """The files with numbers that a command writes into the folder of its run."""
    return (METRICS, STEPS, log_file(command, "test")) if command == "fit" else (log_file(command, command),)
