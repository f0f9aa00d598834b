"""What a method of a paper offers to commands: options, and what it makes of a net's predictions.

A method that is a task or a callback needs none of this: a configuration names its class, and a task says in
`Task.sections` what a record holds of it. A method that changes predictions has an object `METHOD` of the interface
`Method` in its package, which `polybench.methods.found_methods` finds.
"""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from polybench.data.images import UInt8Array
from polybench.metrics import Protocol as ScoringProtocol
from polybench.metrics import Rows
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.record import Record
from polybench.results.sections import Section

BoolArray = npt.NDArray[np.bool_]


@runtime_checkable
class StartCallback(Protocol):
    """A callback that gives the net weights of another run before training."""

    source: str | None
    """Where they come from; None where the callback gives none."""

    ancestors: tuple[Ancestor, ...]
    """The runs that they descend from, oldest first; empty before training."""

    def check_start(self, module: LightningModule) -> None:
        """See that the weights are there and fit the net, before any data is read.

        Raises:
            ConfigError: If they aren't, or don't.
        """

    def start_facts(self) -> StartFacts | None:
        """Describe what the net was given; None where it was given nothing in this process."""

    def sections(self) -> Mapping[str, Section]:
        """Describe what the run was given, resumed or not, for its record: name of the method -> section."""


class Options(Protocol):
    """A parser, or a group of it."""

    def add_argument(self, *names: str, **details: Any) -> object:
        """Add an option."""

    def add_argument_group(self, title: str) -> Any:
        """Add a group of options."""


class Session(Protocol):
    """What a command has built, as a method sees it."""

    command: str
    """`test` or `predict`."""

    config: Namespace
    """The parsed configuration, the options of methods included."""

    model: LightningModule
    trainer: Trainer
    datamodule: Any

    def call(self, method: str, checkpoint: str | None) -> None:
        """Run `validate` or `test` of the trainer, with the weights of a checkpoint, or with those in memory."""


class Postprocessor(Protocol):
    """Changes the predictions of a net in a test, or in the prediction of a folder of images."""

    name: str
    """Of its section in a record, and of its entry in the record's configuration."""

    label: str
    """What changed predictions are called in names of files, rows and variants, such as `refined`."""

    option: str
    """The option that asks for it, for messages."""

    bytes_per_pixel: int
    """Memory that it takes for each pixel of an image that is decoded and predicted."""

    file: str
    """The name of the table that it writes beside masks; after a test, `test_` stands before it."""

    def prepare(self, checkpoint: str | None) -> None:
        """Do what a test or a prediction needs first, such as choosing thresholds on the validation subset.

        Args:
            checkpoint: The checkpoint that is evaluated; None for the weights in memory.
        """

    def probability(self, image: UInt8Array, predicted: Tensor) -> Tensor:
        """Change the prediction of an image before it is brought to native size.

        Args:
            image: The image as its file has it, (h, w, 3).
            predicted: Its foreground probability at the size of the net's input, (1, H, W).
        """

    def mask(self, image: UInt8Array, probability: Tensor, name: str) -> BoolArray:
        """Make the mask (h, w) of an image.

        Args:
            image: The image as its file has it, (h, w, 3).
            probability: Of the foreground, at that size, (h, w).
            name: What the table calls the image.
        """

    def table(self) -> str:
        """Write the table of what was changed in all images as CSV."""

    def announcement(self) -> str:
        """Say in a sentence how masks will be changed."""

    def summary(self) -> str:
        """Say in a few words what was changed in all images."""

    @property
    def rows(self) -> Rows:
        """Rows of the changed predictions of the last test."""

    def recorded(
        self, protocols: Sequence[ScoringProtocol], ranked_by: ScoringProtocol
    ) -> tuple[tuple[ScoringProtocol, ...], Rows]:
        """Select the protocols that changed predictions can be scored by, and the columns of the rows that stay.

        Args:
            protocols: Those of the task.
            ranked_by: The one that ranks the dataset.
        """

    def section(self, tested: Rows) -> Section:
        """Describe the last test for its record.

        Args:
            tested: Rows of the same predictions, unchanged.
        """

    def remarks(self, device: str) -> list[str]:
        """Sentences on the last test for the terminal, beside its section.

        Args:
            device: The name of the device, for times.
        """

    def check_records(self, root: Path) -> None:
        """See before a test that its record can say where the method's own parts come from.

        Args:
            root: The folder of the leaderboards.

        Raises:
            ConfigError: If a record is missing, or tells that the method's parts have seen test images.
        """

    def identity(self, trained: Record) -> Mapping[str, Any]:
        """What makes two changed tests of equal trainings seeds of one row, in plain values.

        Args:
            trained: The record of the training whose checkpoint is tested.
        """

    def folds_identity(self, trained: Record) -> Mapping[str, Any]:
        """What such tests on all folds share: `identity` with what trainings on folds share in place of their own.

        Args:
            trained: The record of the training whose checkpoint is tested.
        """


class Method(Protocol):
    """The options of a method, and what they ask for."""

    file_options: tuple[str, ...]
    """Those of its options that name a file."""

    option: str
    """The option that asks for it."""

    file: str
    """The name of the table that it writes beside masks."""

    def add_options(self, parser: Options, command: str) -> None:
        """Add the options of a command.

        Args:
            parser: The command's parser.
            command: Such as `fit` or `test`.
        """

    def check(self, config: Namespace) -> None:
        """Check the values of the options, before anything is built.

        Raises:
            ConfigError: If one is wrong.
        """

    def is_asked(self, config: Namespace) -> bool:
        """Whether the options of a command ask for the method."""

    def needs_data(self, value_of: Callable[[str], str | None]) -> bool:
        """Whether the prediction of a folder of images needs the dataset of the training.

        Args:
            value_of: Gives the text of an option of the command line; None where it isn't given.
        """

    def attach(self, session: Session) -> Postprocessor | None:
        """Build what the options of a command ask for, and hand it to the trainer; None where they ask for nothing.

        Raises:
            ConfigError: If the options contradict each other or what they name can't be used.
        """
