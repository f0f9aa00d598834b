"""`--refine CLASSIFIER` of `predict` and `test`: the classifier out of its checkpoint, both thresholds, what changed.

Paper: the first of the five, whose classifier of patches removes regions from the segmentation. Deviation: both
thresholds are chosen on validation; those of the released code have a name.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from polybench.callbacks import AtomicCheckpointIO
from polybench.core.errors import ConfigError, DataError
from polybench.core.trainer import attributes_of
from polybench.core.wording import counted
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import SPLITS, split_folder
from polybench.data.splits import load_split
from polybench.experiments.session import Session
from polybench.methods.refinement.callback import RefinementCallback
from polybench.methods.refinement.refiner import RegionRefiner
from polybench.methods.refinement.table import Region
from polybench.methods.refinement.thresholds import RELEASED, Thresholds
from polybench.metrics import PER_IMAGE, Protocol, Rows
from polybench.metrics.protocols import KERAS_FCN, OBJECTS
from polybench.results.facts import Ancestor, RefinementFacts
from polybench.results.record import Record
from polybench.tasks import PatchClassificationTask, SegmentationTask
from polybench.tasks.lineage import lineage_of
from polybench.tasks.loading import build_task, run_facts

VALIDATION = "validation"
ORIGINS = {"validation": "chosen on validation", "released": "of Keras-FCN's code", "given": "as given"}
MASK_COLUMNS = frozenset(
    {"counts", "counts_in_view", "counts_eight_bit", "objects", "boundary", "instances", "surface", "size"}
)
"""Statistics of a mask at native size; a probability has others."""


class Refinement(NamedTuple):
    """What refines the predictions of a run.

    Attributes:
        callback: Refines in tests, and chooses the thresholds in a validation run; the trainer has it.
        refiner: Refines one image.
        lineage: The classifier and where its backbone came from, oldest first, the classifier last.
    """

    callback: RefinementCallback
    refiner: RegionRefiner
    lineage: tuple[Ancestor, ...]

    @property
    def thresholds(self) -> Thresholds:
        """Those that were given, or that the validation run has chosen."""
        assert self.callback.thresholds is not None
        return self.callback.thresholds

    @property
    def refined(self) -> Rows:
        """Rows of the refined masks of the last test."""
        assert self.callback.refined is not None
        return self.callback.refined


def refinement_of(session: Session) -> Refinement | None:
    """Build what the options ask for, and hand it to the trainer; None where nothing is to be refined.

    Raises:
        ConfigError: If the options contradict each other, or the classifier can't be used.
    """
    path, wanted = session.config.refine, session.config.refine_thresholds
    if path is None:
        if wanted is not None:
            raise ConfigError("--refine_thresholds is of no use without --refine, the checkpoint of a classifier.")
        return None
    if not isinstance(session.model, SegmentationTask):
        raise ConfigError(
            f"--refine removes regions of a segmentation, and '{session.config.name}' is none: leave it out."
        )
    thresholds = read_thresholds(wanted or VALIDATION)
    if Path(path).suffix == ".safetensors":
        raise ConfigError(f"'{path}' is a backbone alone: give --refine the checkpoint of a classifier, best.ckpt.")
    saved = AtomicCheckpointIO().load_checkpoint(path)
    said = _origin(saved, path)
    classifier = _classifier(saved, path).eval().to(session.trainer.strategy.root_device)
    classify = _classify(classifier, session.trainer.precision_plugin.forward_context)
    size, margin = int(said["size"][0]), float(said.get("margin", 0.0))
    refiner = RegionRefiner(classify, size, session.trainer.strategy.root_device, margin=margin)
    callback = RefinementCallback(refiner, thresholds)
    attributes_of(session.trainer).callbacks.append(callback)
    return Refinement(callback, refiner, lineage_of(saved, Path(path)))


def read_thresholds(text: str) -> Thresholds | None:
    """Read what `--refine_thresholds` says; None where validation is to choose.

    Raises:
        ConfigError: If it is none of the names and no two probabilities.
    """
    if text == VALIDATION:
        return None
    if text == "released":
        return RELEASED
    try:
        mask, region = (float(number) for number in text.split(","))
    except ValueError:
        mask = region = -1.0
    if not (0 <= mask <= 1 and 0 <= region <= 1):
        raise ConfigError(
            f"--refine_thresholds must be validation, released, or two numbers from 0 to 1 such as 0.35,0.2, not "
            f"'{text}'."
        )
    return Thresholds(mask, region, "given")


def in_words(thresholds: Thresholds) -> str:
    """Both thresholds, as the option takes them, and where they come from."""
    return f"{thresholds.mask:g},{thresholds.region:g} ({ORIGINS[thresholds.origin]})"


def choose_thresholds(session: Session, refinement: Refinement, checkpoint: str | None) -> None:
    """Have a run over the validation images choose the thresholds, unless they were given.

    Args:
        session: The command.
        refinement: What refines.
        checkpoint: The segmentation's; None for the weights in memory.

    Raises:
        DataError: If the validation images are not at hand.
        ConfigError: If none of them was evaluated.
    """
    if refinement.callback.thresholds is None:
        try:
            session.call("validate", checkpoint)
        except DataError as error:
            if session.command != "predict":
                raise
            raise DataError(
                f"Thresholds are chosen on validation images: {str(error).rstrip('.')}; or give --refine_thresholds "
                "released, or the two numbers that a test printed, which need no dataset."
            ) from error
    if refinement.callback.thresholds is None:
        raise ConfigError("No validation image was evaluated: leave out --trainer.limit_val_batches.")


def facts_of(refinement: Refinement, tested: Rows, ranked_by: Protocol) -> RefinementFacts:
    """What a test with refinement found, but for the refined scores.

    Args:
        refinement: What refined it.
        tested: Rows of the same predictions as any test takes them.
        ranked_by: The protocol that ranks the dataset.
    """
    callback, thresholds = refinement.callback, refinement.thresholds
    assert callback.thresholded is not None
    steps = {"tested": tested, "thresholded": callback.thresholded, "refined": refinement.refined}
    shown = shown_protocols(ranked_by)
    *ancestors, classifier = refinement.lineage
    return RefinementFacts(
        classifier=classifier,
        classifier_ancestors=tuple(ancestors),
        mask_threshold=thresholds.mask,
        region_threshold=thresholds.region,
        thresholds_from=thresholds.origin,
        regions=len(callback.regions),
        removed=removed(callback.regions),
        objects={step: _objects(rows) for step, rows in steps.items()},
        scores={
            step: {protocol.key: protocol.scores(rows) for protocol in shown}
            for step, rows in steps.items()
            if step != "refined"
        },
        milliseconds=dict(callback.milliseconds),
    )


def removed(regions: Sequence[Region]) -> int:
    """How many of them the classifier removed."""
    return sum(region.removed for region in regions)


def recorded_protocols(protocols: Sequence[Protocol], ranked_by: Protocol) -> tuple[Protocol, ...]:
    """Those protocols that a mask at native size can be scored by: the others read probabilities, or the net's size."""
    return tuple(one for one in protocols if MASK_COLUMNS.issuperset(one.columns) or one is ranked_by)


def refuse_seen_images(classifier: Record, data: SegmentationDataModule) -> None:
    """Refuse a classifier that was trained, or selected, on images of the test.

    Args:
        classifier: The record of its training.
        data: What is tested now.

    Raises:
        ConfigError: If it saw the same groups under another split; groups have one name in all datasets.
    """
    facts = classifier.dataset
    if facts.split_sha256 == data.split.sha256:
        return
    folder = split_folder(type(data)) if facts.name == data.short_name else SPLITS / facts.name
    split = load_split(folder, facts.split) if (folder / f"{facts.split}.csv").is_file() else None
    if split is None or split.sha256 != facts.split_sha256:
        if facts.name != data.short_name:
            return
        raise ConfigError(
            f"The classifier was trained under another split of {facts.name}, '{facts.split}', and may have seen test "
            "images: train it under this one, or leave out --leaderboard."
        )
    tested = {data.split.groups[image_id] for image_id in data.split.ids("test")}
    seen = {split.groups[image_id] for subset in ("train", "val") for image_id in split.ids(subset)}
    if shared := sorted(tested & seen):
        raise ConfigError(
            f"The classifier was trained or selected on images of {counted(len(shared), 'group')} of this test, "
            f"'{shared[0]}' first (split '{facts.split}' of {facts.name}): train it under a split that keeps them "
            "apart, or leave out --leaderboard."
        )


def shown_protocols(ranked_by: Protocol) -> tuple[Protocol, ...]:
    """The protocols whose numbers are compared before and after: Tables I to III, ours, and what ranks the dataset."""
    shown = (OBJECTS, KERAS_FCN, PER_IMAGE)
    return shown if ranked_by in shown else (*shown, ranked_by)


def _objects(rows: Rows) -> tuple[int, int, int]:
    tp, fp, fn = (int(count) for count in rows.integers("objects").sum(axis=0))
    return tp, fp, fn


def _origin(saved: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """What a classifier's checkpoint says of itself.

    Raises:
        ConfigError: If it is of something else, or says nothing.
    """
    said = run_facts(saved, path)
    task = (said.get("origin") or {}).get("task")
    if task not in (None, PatchClassificationTask.kind):
        raise ConfigError(
            f"'{path}' is the checkpoint of a {task}: give --refine that of a patch classifier, such as "
            "conf/patches_kvasir_seg.yaml trains."
        )
    return said


def _classifier(saved: Mapping[str, Any], path: str) -> PatchClassificationTask:
    """Build a classifier and give it its weights.

    Raises:
        ConfigError: If its class can't be built, or is no classifier, or the weights belong to another.
    """
    task = build_task(saved, path)
    if not isinstance(task, PatchClassificationTask):
        raise ConfigError(f"'{path}' holds a {type(task).__name__}: give --refine the checkpoint of a classifier.")
    return task


def _classify(task: PatchClassificationTask, context: Callable[[], Any]) -> Callable[[Tensor], Tensor]:
    """Probabilities (N,) of patches (N, 3, S, S), at the trainer's precision."""

    def classify(patches: Tensor) -> Tensor:
        with context():
            return task.predict_probability(patches)

    return classify
