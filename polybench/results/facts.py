"""The parts of a record: which images, what was trained, what it took, what came out and where it was run."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from polybench.core.errors import DataError
from polybench.results.fact_parts import CropFacts, FoldFacts, FoldsIdentity

Direction = Literal["higher", "lower"]

GENERATED = "generated images, none of them real"
OWN = "images of one's own, of which there is no official copy"
UNCHECKED = "counts and sizes agree with the official copy; contents unchecked"

UNOFFICIAL = "NOT the official copy"
KINDS_OF_COPY = {GENERATED: "generated images", OWN: "images of one's own", UNCHECKED: "contents unchecked"}
"""Note on a copy -> what it is therefore, in a few words; `UNOFFICIAL` where it has none of these notes."""


def kind_of_copy(copy_notes: Sequence[str]) -> str:
    """What a copy with these notes is, in a few words."""
    return next((kind for note, kind in KINDS_OF_COPY.items() if note in copy_notes), UNOFFICIAL)


@dataclass(frozen=True)
class Counts:
    """Images per subset that took part."""

    train: int
    val: int
    test: int


@dataclass(frozen=True)
class DatasetFacts:
    """Which images a run saw.

    Attributes:
        name: The dataset, which is also the folder of the record and the name of the page.
        manifest_sha256: Hash over the contents of the copy.
        official_copy: Whether the copy is known to be the one its authors released, file by file.
        copy_notes: How the copy differs from the official one, or why it is not known to be that one.
        split: Name of the split.
        split_sha256: Hash of the split's file.
        group_disjoint: Whether no group is in two subsets; None where groups are unknown.
        split_note: What a reader of the numbers must know about the split; may be empty.
        allow_missing: Whether the run was allowed to go on without some images of the split.
        missing: Ids of the split's images that the copy lacks.
        counts: Images per subset.
        size: Height and width that the net saw; None for a baseline that works at native size.
        ranked_by: Name of the protocol that the dataset's page ranks by.
        patches_sha256: Hash of the test patches, of their places and labels; None where whole images are tested.
        crop: How crops of that size were cut from frames; None where whole frames were resized to it.
        pad_value: Grey level that letterboxed frames are padded with; None where frames are stretched.
        fold: Which fold of how many the split is; None where it is none.
    """

    name: str
    manifest_sha256: str
    official_copy: bool
    copy_notes: tuple[str, ...]
    split: str
    split_sha256: str
    group_disjoint: bool | None
    split_note: str
    allow_missing: bool
    missing: tuple[str, ...]
    counts: Counts
    size: tuple[int, int] | None
    ranked_by: str = "per_image"
    patches_sha256: str | None = None
    crop: CropFacts | None = None
    pad_value: int | None = None
    fold: FoldFacts | None = None

    @property
    def copy(self) -> str:
        """What the images are, in a few words."""
        return "official copy" if self.official_copy else kind_of_copy(self.copy_notes)


@dataclass(frozen=True)
class Ancestor:
    """A checkpoint, or pretrained backbone, that other weights started from.

    Attributes:
        sha256: Of its file; of the tensors where it was no file of ours (ImageNet's weights).
        task: What it was trained for; None where its file doesn't record it.
        dataset: What it was trained on; None where its file doesn't record it.
        stage: Recipe, or stage of a plan, that trained it; None where its file doesn't record it.
        training_id: The `IdentityFacts.training_id` of the run that trained it; None where its file doesn't record it.
        seed: Seed of that run; None where its file doesn't record it.
        point: Whether it is the checkpoint that the run `selected`, or that of its `end`; None for any other.
        folds_id: The `FoldsIdentity.training_id` of that run; None where it was trained on no fold.
    """

    sha256: str
    task: str | None
    dataset: str | None
    stage: str | None
    training_id: str | None = None
    seed: int | None = None
    point: Literal["selected", "end"] | None = None
    folds_id: str | None = None


@dataclass(frozen=True)
class IdentityFacts:
    """What makes two runs seeds of one row, and what two rows need to be ranked together.

    Attributes:
        training_id: sha256 of everything that moves the weights, the seed excluded.
        evaluation_id: sha256 of evaluation batch, size, protocols with their versions, and thresholds.
        budget_id: Images that went through the net in training, and their size, such as "29280 images of 96x96"; None
            for baselines.
        folds: What the folds of one row share; None where the split is no fold.
    """

    training_id: str
    evaluation_id: str
    budget_id: str | None
    folds: FoldsIdentity | None = None

    @cached_property
    def row_id(self) -> str:
        """Eight hexadecimal digits that the seeds of one row share."""
        return hashlib.sha256(f"{self.training_id}{self.evaluation_id}".encode()).hexdigest()[:8]


@dataclass(frozen=True)
class StartFacts:
    """The start weights of a training.

    Attributes:
        kind: `initialised` by the net itself, all `weights` of a checkpoint (warm start), or those of a
            `backbone` alone.
        source: The run that they come from, or the pretrained weights of a net that initialised itself with such; None
            for random weights.
        seeds: Whether each seed has a source of its `own`, or all seeds have the same, `shared` one.
        matched: Tensors of the target that the source gave.
        missing: Tensors of the target that the source lacks.
        unexpected: Tensors of the source that the target lacks.
        misshaped: Tensors of both that differ in shape.
        share: Share of the target's tensors that matched.
    """

    kind: Literal["initialised", "weights", "backbone"]
    source: Ancestor | None = None
    seeds: Literal["own", "shared"] | None = None
    matched: int | None = None
    missing: int | None = None
    unexpected: int | None = None
    misshaped: int | None = None
    share: float | None = None


@dataclass(frozen=True)
class NetFacts:
    """What was trained.

    Attributes:
        class_path: Import path of the net.
        version: Version of the net's definition (for a library's net, of the library).
        parameters: Number of parameters.
        macs: Multiply-accumulate operations for one image at `DatasetFacts.size`.
        start_weights: Where the weights came from, such as "random" or "imagenet".
        lineage: sha256 of each checkpoint that the weights descend from, oldest first.
        summary: One line such as "EFEN widths 16-32-64-128".
        ancestors: What is known of the checkpoints that the backbone descends from, oldest first.
    """

    class_path: str
    version: str
    parameters: int
    macs: int | None
    start_weights: str
    lineage: tuple[str, ...]
    summary: str
    ancestors: tuple[Ancestor, ...] = ()


@dataclass(frozen=True)
class TrainingFacts:
    """What the training took; times in seconds, memory in bytes."""

    epochs_run: int
    best_epoch: int | None
    batch_size: int
    wall_seconds: float
    peak_memory_bytes: int | None
    images_per_second: float | None


@dataclass(frozen=True)
class MetricValue:
    """A metric of the test images, its 95 % interval (None where there is none) and which way is better."""

    value: float
    low: float | None
    high: float | None
    direction: Direction

    def __post_init__(self) -> None:
        """Refuse NaN and infinity."""
        low, high = self.low or 0.0, self.high or 0.0
        if not (math.isfinite(self.value) and math.isfinite(low) and math.isfinite(high)):
            raise DataError(f"A metric must be a finite number, not {self.value} [{self.low}, {self.high}].")


@dataclass(frozen=True)
class ProtocolScores:
    """All metrics of one protocol.

    Attributes:
        n: Test images.
        groups: Groups (videos, patients) that the images come from.
        empty_masks: Images with an empty mask; None where the protocol doesn't count them.
        false_positives_on_empty: Those of them in which something was predicted.
        values: Metric name -> value, in the order of tables.
        definition: What the protocol is, in a paragraph; None in records of schema 1.
        headline: The metric that rows are ranked by; None in records of schemas 1 and 2.
        shown: Metrics beside it in a ranked table.
        what: What `n` counts, such as images, patches or slices.
        compared: Metrics that represent the protocol beside others; those of one inner tuple share a column.
        means: Metrics that are means over the rows of the per-image table, which has a column for each.
    """

    n: int
    groups: int
    empty_masks: int | None
    false_positives_on_empty: int | None
    values: Mapping[str, MetricValue]
    definition: str | None = None
    headline: str | None = None
    shown: tuple[str, ...] = ()
    what: str = "images"
    compared: tuple[tuple[str, ...], ...] = ()
    means: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        git_commit: Commit of the source tree; None outside a repository.
        dirty: Whether the tree (`leaderboards/` aside) had uncommitted changes.
        polybench: Version of polybench.
        versions: Package -> version.
        python: Python's version.
        platform: Operating system and machine type.
        device: Name of the processor or accelerator.
        devices: How many of them.
        precision: The trainer's precision, such as "32-true".
        deterministic: Whether deterministic algorithms were asked for.
        checkpoint_sha256: Hash of the checkpoint that was tested.
        logger_url: The run's dashboard.
        finished_at: ISO date and time in UTC.
        threads: Threads of torch on the processor, on which the last bits of a sum depend; None in records of earlier
            versions.
    """

    git_commit: str | None
    dirty: bool | None
    polybench: str
    versions: Mapping[str, str]
    python: str
    platform: str
    device: str
    devices: int
    precision: str
    deterministic: bool
    checkpoint_sha256: str | None
    logger_url: str | None
    finished_at: str
    threads: int | None = None


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Classes of earlier versions, which `polybench.results.earlier` reads."""
        if name.endswith("Facts"):  # the import system asks for other names while modules are still being imported
            from polybench.results import earlier

            if name in earlier.CLASSES:
                return getattr(earlier, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
