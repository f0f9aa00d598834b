"""The record of a refined test: that of the training whose checkpoint was tested, with the scores of refined masks."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError
from polybench.results.config import config_sha256
from polybench.results.facts import DatasetFacts, ProtocolScores, Provenance, RefinementFacts
from polybench.results.methods import is_altered
from polybench.results.record import Record, read_records


def trained_with(root: Path, data: DatasetFacts, checkpoint_sha256: str) -> Record:
    """Find the record of the training that left a checkpoint.

    Args:
        root: The folder of the leaderboards.
        data: The images that are tested now.
        checkpoint_sha256: Hash of the checkpoint.

    Raises:
        ConfigError: If there is none, or it was tested on other images.
    """
    found = [
        stored.record
        for stored in read_records(root, data.name)
        if stored.record.provenance.checkpoint_sha256 == checkpoint_sha256 and not is_altered(stored.record)
    ]
    if not found:
        raise ConfigError(
            f"No record of {data.name} in '{root}' is of the training that left this checkpoint "
            f"({checkpoint_sha256[:8]}...), so that its refined test can't be recorded: name the --leaderboard that "
            "`polybench fit` wrote to, or leave it out."
        )
    if all(record.dataset != data for record in found):
        raise ConfigError(
            "The training of this checkpoint is recorded with another split, copy or size of the images: give the "
            "options of its data, or leave out --leaderboard."
        )
    return next(record for record in found if record.dataset == data)


def classifier_with(root: Path, checkpoint_sha256: str) -> Record:
    """Find the record of the training that left the checkpoint of a classifier.

    Args:
        root: The folder of the leaderboards.
        checkpoint_sha256: Hash of the checkpoint.

    Raises:
        ConfigError: If there is none.
    """
    for stored in read_records(root):
        record = stored.record
        if record.task == "classification" and record.provenance.checkpoint_sha256 == checkpoint_sha256:
            return record
    raise ConfigError(
        f"No record in '{root}' is of the training of this classifier ({checkpoint_sha256[:8]}...), so that what it "
        "was trained on can't be told: name the --leaderboard that its `polybench fit` wrote to, or leave it out."
    )


def refined_record(
    trained: Record,
    classifier: Record,
    variant: str | None,
    facts: RefinementFacts,
    metrics: Mapping[str, ProtocolScores],
    command: str,
    provenance: Provenance,
) -> Record:
    """Describe a refined test.

    Args:
        trained: The record of the segmentation's training.
        classifier: That of the classifier's.
        variant: Name of the variation; None for that of the training with `-refined`.
        facts: How it was refined.
        metrics: `protocol@version` -> scores of the refined masks.
        command: The portable command line that gets it again.
        provenance: Where the test was run.
    """
    source = facts.classifier
    own = source.training_id is not None and source.point is not None and source.seed == trained.seed
    origin = classifier.identity.training_id if classifier.identity else classifier.config_sha256
    by: dict[str, Any] = {"classifier": origin, "thresholds": facts.thresholds_from}
    by["checkpoint"] = source.point if own else source.sha256
    if facts.thresholds_from == "given":
        by["thresholds"] = [facts.mask_threshold, facts.region_threshold]
    config = {**trained.config, "refinement": by}
    identity = trained.identity
    if identity is not None:
        evaluation = {"evaluation": identity.evaluation_id, "refinement": by}
        identity = replace(identity, evaluation_id=config_sha256(evaluation))
    return replace(
        trained,
        variant=variant or "-".join(part for part in (trained.variant, "refined") if part),
        config=config,
        config_sha256=config_sha256(config),
        command=command,
        metrics=metrics,
        provenance=provenance,
        passes=None,
        refinement=replace(facts, classifier_net=classifier.net),
        identity=identity,
    )
