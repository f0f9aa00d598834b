"""The record of a classifier's training: what it was trained on, and what identifies a row that it refines."""

from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError
from polybench.core.wording import counted
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import SPLITS, split_folder
from polybench.data.splits import load_split
from polybench.methods.refinement.thresholds import Thresholds
from polybench.results.facts import Ancestor
from polybench.results.record import Record, read_records


def classifier_record(root: Path, checkpoint_sha256: str) -> Record:
    """Find the record of the training of a classifier.

    Args:
        root: The folder of the leaderboards.
        checkpoint_sha256: Hash of the classifier's checkpoint.

    Raises:
        ConfigError: If there is none.
    """
    for stored in read_records(root):
        record = stored.record
        if record.task == "classification" and record.provenance.checkpoint_sha256 == checkpoint_sha256:
            return record
    raise ConfigError(
        f"No record in '{root}' is of the training of this classifier ({checkpoint_sha256[:8]}...), so that what it "
        "was trained on is unknown: name the --leaderboard that its `polybench fit` wrote to, or leave it out."
    )


def refuse_seen_images(classifier: Record, data: SegmentationDataModule) -> None:
    """Refuse a classifier that was trained, or selected, on images of the test.

    Args:
        classifier: The record of its training.
        data: The data of the test.

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


def refinement_identity(
    trained: Record, classifier: Record, source: Ancestor, thresholds: Thresholds
) -> dict[str, Any]:
    """What makes two refined tests of equal trainings seeds of one row.

    Args:
        trained: The record of the segmentation's training.
        classifier: That of the classifier's.
        source: The classifier's checkpoint.
        thresholds: By which it refines; those that were given are part of the identity, chosen ones differ by seed.
    """
    own = source.training_id is not None and source.point is not None and source.seed == trained.seed
    given = thresholds.origin == "given"
    return {
        "classifier": classifier.identity.training_id if classifier.identity else classifier.config_sha256,
        "thresholds": [thresholds.mask, thresholds.region] if given else thresholds.origin,
        "checkpoint": source.point if own else source.sha256,
    }


def folds_identity(trained: Record, classifier: Record, source: Ancestor, thresholds: Thresholds) -> dict[str, Any]:
    """What refined tests on all folds share: `refinement_identity` with a classifier of the same fold as that of any.

    Args:
        trained: The record of the segmentation's training.
        classifier: That of the classifier's.
        source: The classifier's checkpoint.
        thresholds: By which it refines.
    """
    identity = refinement_identity(trained, classifier, source, thresholds)
    folds = classifier.identity.folds if classifier.identity is not None else None
    one, other = trained.dataset.fold, classifier.dataset.fold
    if folds is None or one is None or other is None or (one.number, one.of) != (other.number, other.of):
        return identity
    return {**identity, "classifier": folds.training_id}
