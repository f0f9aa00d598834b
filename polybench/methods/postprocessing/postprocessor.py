"""Post-processing in the commands `test` and `predict`, for every segmentation net."""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.data.images import UInt8Array
from polybench.data.sample import Batch
from polybench.methods.base import BoolArray, Options, Session
from polybench.methods.postprocessing import options
from polybench.methods.postprocessing.callback import PostprocessingCallback
from polybench.methods.postprocessing.crf import CRF
from polybench.methods.postprocessing.flips import FLIPS, mean_over_flips
from polybench.methods.postprocessing.lattice import BYTES_PER_POINT
from polybench.methods.postprocessing.section import WORDS, postprocessing_section, summary
from polybench.methods.postprocessing.table import Changed, change, changed_csv
from polybench.metrics import THRESHOLD, Protocol, Rows
from polybench.metrics.protocols import columns_of
from polybench.results.record import Record
from polybench.results.sections import Section
from polybench.tasks import SegmentationTask
from polybench.tasks.images import as_input, at_native_size
from polybench.tasks.tiled_evaluation import as_tiled_batch

NETWORK_COLUMNS = frozenset({"counts_network", "soft_sums", "network_histograms"})
"""Statistics at the network's size, which a map of native size hasn't."""


class Postprocessing:
    """Changes the predictions of a command, see `polybench.methods.base.Postprocessor`.

    Args:
        session: The command.
        task: Its task.
        callback: Applies the steps in tests; the trainer has it.
    """

    name = "postprocessing"
    option = options.OPTION
    file = "postprocessed.csv"

    def __init__(self, session: Session, task: SegmentationTask, callback: PostprocessingCallback) -> None:
        self.session = session
        self.task = task
        self.callback = callback
        self.label = "-".join(callback.steps)
        self.bytes_per_pixel = BYTES_PER_POINT if "crf" in callback.steps else 30
        self._predicted: list[Changed] = []
        self._plain: Tensor | None = None

    def prepare(self, checkpoint: str | None) -> None:
        """Nothing is needed first."""

    def probability(self, image: UInt8Array, predicted: Tensor) -> Tensor:
        """Average the prediction over flips, where they are asked for."""
        self._plain = predicted
        if "flips" not in self.callback.steps:
            return predicted
        data = self.session.datamodule
        if data.crop is not None:
            batch = as_tiled_batch(image, data.crop, data.eval_batch_size, self.task.device)
        else:
            batch = cast(Batch, {"image": as_input(image, data.size, data.fitting).to(self.task.device)})
        with torch.inference_mode(), self.session.trainer.precision_plugin.forward_context():
            return mean_over_flips(self.task, batch, predicted[None])[0]

    def mask(self, image: UInt8Array, probability: Tensor, name: str) -> BoolArray:
        """Apply the CRF, where it is asked for, and threshold at 0.5."""
        assert self._plain is not None
        plain = at_native_size(self._plain, image, self.session.datamodule.fitting)
        after = self.callback.crf.of_native(image, probability) if "crf" in self.callback.steps else probability
        self._predicted.append(change(name, plain.cpu(), after.cpu()))
        mask: BoolArray = (after >= THRESHOLD).cpu().numpy()
        return mask

    def table(self) -> str:
        """Write what changed in each image as CSV."""
        return changed_csv(self._changed)

    def announcement(self) -> str:
        """Name the steps."""
        return f"Predictions are post-processed: {', '.join(WORDS[step] for step in self.callback.steps)}."

    def summary(self) -> str:
        """Count the pixels that changed."""
        return summary(self._changed)

    @property
    def rows(self) -> Rows:
        """Rows of the predictions of the last test after all steps."""
        return self.callback.rows[self.callback.steps[-1]]

    def recorded(self, protocols: Sequence[Protocol], ranked_by: Protocol) -> tuple[tuple[Protocol, ...], Rows]:
        """Select all protocols; after a CRF, those that read native size."""
        if "crf" not in self.callback.steps:
            return tuple(protocols), self.rows
        kept = tuple(one for one in protocols if NETWORK_COLUMNS.isdisjoint(one.columns) or one is ranked_by)
        left_out = NETWORK_COLUMNS.difference(columns_of(kept))
        columns = {name: column for name, column in self.rows.columns.items() if name not in left_out}
        return kept, self.rows._replace(columns=columns)

    def section(self, tested: Rows) -> Section:
        """Describe the last test."""
        steps = {"tested": tested, **{step: self.callback.rows[step] for step in self.callback.steps}}
        return postprocessing_section(steps, self._changed, self.callback.crf, self.session.datamodule.ranked_by)

    def remarks(self, device: str) -> list[str]:
        """Say what changed."""
        return [f"Post-processing: {self.summary()}."]

    def check_records(self, root: Path) -> None:
        """No further record is needed."""

    def identity(self, trained: Record) -> Mapping[str, Any]:
        """Identify the steps by their numbers."""
        known = {"flips": [list(axes) for axes in FLIPS], "crf": self.callback.crf.identity}
        return {step: known[step] for step in self.callback.steps}

    def folds_identity(self, trained: Record) -> Mapping[str, Any]:
        """The same on each fold."""
        return self.identity(trained)

    @property
    def _changed(self) -> list[Changed]:
        return self.callback.changed if self.session.command == "test" else self._predicted


class PostprocessingMethod:
    """The option `--postprocess`, see `polybench.methods.base.Method`."""

    option = options.OPTION
    file_options: tuple[str, ...] = ()
    file = Postprocessing.file

    def add_options(self, parser: Options, command: str) -> None:
        """Add the option to the commands that have it."""
        options.add_options(parser, command)

    def check(self, config: Namespace) -> None:
        """Check the steps.

        Raises:
            ConfigError: If one is unknown.
        """
        options.steps_of(config)

    def is_asked(self, config: Namespace) -> bool:
        """Whether steps are given."""
        return getattr(config, "postprocess", None) is not None

    def needs_data(self, value_of: Callable[[str], str | None]) -> bool:
        """A prediction needs none of the dataset."""
        return False

    def attach(self, session: Session) -> Postprocessing | None:
        """Let the trainer post-process; None without the option.

        Raises:
            ConfigError: If nothing is segmented.
        """
        steps = options.steps_of(session.config)
        if not steps:
            return None
        if not isinstance(session.model, SegmentationTask):
            raise ConfigError(
                f"{self.option} changes the predictions of a segmentation, and '{session.config.name}' is none: leave "
                "it out."
            )
        callback = PostprocessingCallback(steps, CRF())
        attributes_of(session.trainer).callbacks.append(callback)
        return Postprocessing(session, session.model, callback)
