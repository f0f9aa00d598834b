"""Region refinement in the commands `test` and `predict`.

Paper: the first of the five, whose classifier of patches removes regions from the segmentation. Deviation: both
thresholds are chosen on validation; those of the released code have a name.
"""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from polybench.core.errors import ConfigError, DataError
from polybench.core.trainer import attributes_of
from polybench.data.images import UInt8Array
from polybench.methods.base import Options, Session
from polybench.methods.refinement import options
from polybench.methods.refinement.callback import RefinementCallback
from polybench.methods.refinement.classifier import Classifier, load_classifier
from polybench.methods.refinement.record import (
    classifier_record,
    folds_identity,
    refinement_identity,
    refuse_seen_images,
)
from polybench.methods.refinement.regions import BoolArray
from polybench.methods.refinement.section import RefinedTest, refinement_section
from polybench.methods.refinement.table import Region, regions_csv, regions_of
from polybench.methods.refinement.thresholds import Thresholds
from polybench.metrics import Protocol, Rows
from polybench.metrics.protocols import columns_of
from polybench.results.record import Record
from polybench.results.sections import Section
from polybench.tasks import SegmentationTask

MASK_COLUMNS = frozenset(
    {"counts", "counts_in_view", "counts_eight_bit", "objects", "boundary", "instances", "surface", "size"}
)
"""Statistics of a mask at native size; a probability has others."""


class Refinement:
    """Refines the masks of a command, see `polybench.methods.base.Postprocessor`.

    Args:
        session: The command.
        classifier: Refines one image.
        callback: Refines in tests, and chooses the thresholds in a validation run; the trainer has it.
    """

    name = "refinement"
    label = "refined"
    option = "--refine"
    file = "regions.csv"
    bytes_per_pixel = 21

    def __init__(self, session: Session, classifier: Classifier, callback: RefinementCallback) -> None:
        self.session = session
        self.classifier = classifier
        self.callback = callback
        self.regions: list[Region] = []
        self.record: Record | None = None

    @property
    def thresholds(self) -> Thresholds:
        """Those that were given, or that the validation run has chosen."""
        assert self.callback.thresholds is not None
        return self.callback.thresholds

    def prepare(self, checkpoint: str | None) -> None:
        """Choose the thresholds on the validation images, unless they were given.

        Raises:
            DataError: If there are no validation images.
            ConfigError: If none of them was evaluated.
        """
        if self.callback.thresholds is None:
            try:
                self.session.call("validate", checkpoint)
            except DataError as error:
                if self.session.command != "predict":
                    raise
                raise DataError(
                    f"Thresholds are chosen on validation images: {str(error).rstrip('.')}; or give "
                    "--refine_thresholds released, or the two numbers that a test printed, which need no dataset."
                ) from error
        if self.callback.thresholds is None:
            raise ConfigError("No validation image was evaluated: leave out --trainer.limit_val_batches.")

    def probability(self, image: UInt8Array, predicted: Tensor) -> Tensor:
        """Return the prediction as it is."""
        return predicted

    def mask(self, image: UInt8Array, probability: Tensor, name: str) -> BoolArray:
        """Refine the mask of an image."""
        refined = self.classifier.refiner.refine(image, probability, self.thresholds)
        self.regions += regions_of(name, refined)
        return refined.after

    def table(self) -> str:
        """Write the regions of all images as CSV."""
        return regions_csv(self._found)

    def announcement(self) -> str:
        """Name the thresholds."""
        return f"Masks are refined at the thresholds {options.in_words(self.thresholds)}."

    def summary(self) -> str:
        """Count the regions that were removed."""
        return f"{self._removed} of {len(self._found)} regions were removed"

    @property
    def rows(self) -> Rows:
        """Rows of the refined masks of the last test."""
        assert self.callback.refined is not None
        return self.callback.refined

    def recorded(self, protocols: Sequence[Protocol], ranked_by: Protocol) -> tuple[tuple[Protocol, ...], Rows]:
        """Select the protocols that read masks at native size, the others read probabilities or the network's size."""
        kept = tuple(one for one in protocols if MASK_COLUMNS.issuperset(one.columns) or one is ranked_by)
        names = MASK_COLUMNS.union(columns_of(kept))
        columns = {name: column for name, column in self.rows.columns.items() if name in names}
        return kept, self.rows._replace(columns=columns)

    def section(self, tested: Rows) -> Section:
        """Describe the last test."""
        assert self.callback.thresholded is not None
        test = RefinedTest(
            lineage=self.classifier.lineage,
            thresholds=self.thresholds,
            regions=len(self._found),
            removed=self._removed,
            rows={"tested": tested, "thresholded": self.callback.thresholded, "refined": self.rows},
            milliseconds=self.callback.milliseconds,
            net=self.record.net if self.record else None,
        )
        return refinement_section(test, self.session.datamodule.ranked_by)

    def remarks(self, device: str) -> list[str]:
        """Sentences on the thresholds as an option, their choice, and the time."""
        found = [f"Thresholds of masks and regions: {options.in_words(self.thresholds)}."]
        if (choice := self.callback.choice) is not None:
            there = f"{choice.plain_dice:.4f} tested at 0.5, {choice.dice.max():.4f} refined"
            found.append(f"Mean Dice on validation: {there}.")
            if not choice.thresholds.region:
                found.append("Removing no region at all was best on validation.")
        milliseconds = self.callback.milliseconds
        parts = ", ".join(f"{part} {spent:.2f}" for part, spent in milliseconds.items())
        tiles = " tiles" if getattr(self.session.datamodule, "crop", None) is not None else ""
        where = (
            f"batches of {self.session.datamodule.eval_batch_size}{tiles} segmented, of at most "
            f"{self.classifier.refiner.batch_size} regions of an image classified, on {device}"
        )
        return [*found, f"Milliseconds for an image: {parts}, together {sum(milliseconds.values()):.2f} ({where})."]

    def check_records(self, root: Path) -> None:
        """Find the record of the classifier's training.

        Raises:
            ConfigError: If there is none, or the classifier has seen images of the test.
        """
        self.record = classifier_record(root, self.classifier.lineage[-1].sha256)
        refuse_seen_images(self.record, self.session.datamodule)

    def identity(self, trained: Record) -> Mapping[str, Any]:
        """Identify the classifier and the thresholds."""
        assert self.record is not None
        return refinement_identity(trained, self.record, self.classifier.lineage[-1], self.thresholds)

    def folds_identity(self, trained: Record) -> Mapping[str, Any]:
        """Identify the classifier of any fold and the thresholds."""
        assert self.record is not None
        return folds_identity(trained, self.record, self.classifier.lineage[-1], self.thresholds)

    @property
    def _found(self) -> list[Region]:
        return self.callback.regions if self.session.command == "test" else self.regions

    @property
    def _removed(self) -> int:
        return sum(region.removed for region in self._found)


class RefinementMethod:
    """The options `--refine` and `--refine_thresholds`, see `polybench.methods.base.Method`."""

    option = Refinement.option
    file_options = (Refinement.option,)
    file = Refinement.file

    def add_options(self, parser: Options, command: str) -> None:
        """Add the options to the commands that have them."""
        options.add_options(parser, command)

    def check(self, config: Namespace) -> None:
        """Check the thresholds.

        Raises:
            ConfigError: If they are none.
        """
        options.thresholds_of(config)

    def is_asked(self, config: Namespace) -> bool:
        """Whether a classifier is given."""
        return getattr(config, "refine", None) is not None

    def needs_data(self, value_of: Callable[[str], str | None]) -> bool:
        """Whether a prediction chooses thresholds on the validation subset."""
        return options.needs_data(value_of)

    def attach(self, session: Session) -> Refinement | None:
        """Load the classifier and let the trainer refine; None without `--refine`.

        Raises:
            ConfigError: If the options contradict each other, or the classifier can't be used.
        """
        path: str | None = getattr(session.config, "refine", None)
        if path is None:
            if getattr(session.config, "refine_thresholds", None) is not None:
                raise ConfigError(
                    "--refine_thresholds has no effect without --refine: give the checkpoint of a classifier."
                )
            return None
        if not isinstance(session.model, SegmentationTask):
            raise ConfigError(
                f"--refine removes regions of a segmentation, and '{session.config.name}' is none: leave it out."
            )
        classifier = load_classifier(path, session.trainer)
        callback = RefinementCallback(classifier.refiner, options.thresholds_of(session.config))
        attributes_of(session.trainer).callbacks.append(callback)
        return Refinement(session, classifier, callback)
