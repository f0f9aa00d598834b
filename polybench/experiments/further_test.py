"""A further test of the checkpoint of a recorded training, with changed predictions: a row of its own."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.experiments.budget import is_limited
from polybench.experiments.outputs import probe_leaderboard
from polybench.experiments.session import Session
from polybench.methods import found_methods
from polybench.methods.base import Postprocessor
from polybench.results.config import config_sha256, first_difference, portable_config
from polybench.results.facts import DatasetFacts, ProtocolScores, Provenance
from polybench.results.lookup import records_naming
from polybench.results.methods import is_altered
from polybench.results.record import SCHEMA_VERSION, Record
from polybench.results.sections import Section
from polybench.tasks.loading import START_WEIGHTS, TRAINING_ONLY


def recorded_training(session: Session, checkpoint: str, by: Postprocessor | None) -> Record | None:
    """The record of the training of a checkpoint, where a record of the further test is asked for.

    Args:
        session: The test, before it is run.
        checkpoint: The checkpoint.
        by: What changes its predictions.

    Raises:
        ConfigError: If nothing changes them, only a part of the images is evaluated, there is no such record, the test
            has other options than the training, or the method's own records are missing.
    """
    config = session.config
    if config.leaderboard is None or not session.trainer.is_global_zero:
        return None
    if by is None:
        options = " or ".join(method.option for method in found_methods())
        raise ConfigError(f"--leaderboard needs {options}: the record of a plain test is written by `polybench fit`.")
    refuse_parts(config, ("val", "test"))
    session.datamodule.prepare_data()
    session.datamodule.setup("test")
    root = Path(config.leaderboard)
    trained = trained_with(root, session.datamodule.facts(), file_sha256(Path(checkpoint)))
    refuse_other_options(trained, portable_config(session.plain_config()))
    by.check_records(root)
    probe_leaderboard(root, session.datamodule.short_name)
    return trained


def refuse_parts(config: Any, subsets: Sequence[str]) -> None:
    """Refuse to record a test of a part of the images.

    Args:
        config: The parsed configuration.
        subsets: Those that are evaluated, `val` or `test`.

    Raises:
        ConfigError: If batches of one are limited.
    """
    for subset in subsets:
        if is_limited(config, (subset,)) or config.trainer.fast_dev_run:
            raise ConfigError(
                f"--leaderboard is for whole subsets: leave out --trainer.limit_{subset}_batches and fast_dev_run."
            )


def trainings_of(root: Path, dataset: str, checkpoint_sha256: str) -> list[Record]:
    """Find the records of the training that left a checkpoint, without those of its further tests.

    Args:
        root: The folder of the leaderboards.
        dataset: The dataset that it was tested on.
        checkpoint_sha256: Hash of the checkpoint.
    """
    named = records_naming(root, dataset, [checkpoint_sha256])
    return [
        stored.record
        for stored in named
        if stored.record.provenance.checkpoint_sha256 == checkpoint_sha256 and not is_altered(stored.record)
    ]


def trained_with(root: Path, data: DatasetFacts, checkpoint_sha256: str) -> Record:
    """Find the record of the training that left a checkpoint.

    Args:
        root: The folder of the leaderboards.
        data: The images that are tested now.
        checkpoint_sha256: Hash of the checkpoint.

    Raises:
        ConfigError: If there is none, or it was tested on other images.
    """
    found = trainings_of(root, data.name, checkpoint_sha256)
    if not found:
        raise ConfigError(
            f"No record of {data.name} in '{root}' is of the training that left this checkpoint "
            f"({checkpoint_sha256[:8]}...), so that a further test of it can't be recorded: name the --leaderboard "
            "that `polybench fit` wrote to, or leave it out."
        )
    if all(record.dataset != data for record in found):
        raise ConfigError(
            "The training of this checkpoint is recorded with another split, copy or size of the images: give the "
            "options of its data, or leave out --leaderboard."
        )
    return next(record for record in found if record.dataset == data)


def further_record(
    trained: Record,
    name: str,
    identity: Mapping[str, Any],
    folds_identity: Mapping[str, Any],
    section: Section,
    metrics: Mapping[str, ProtocolScores],
    *,
    variant: str,
    command: str,
    needs: Sequence[str],
    provenance: Provenance,
) -> Record:
    """Describe a further test.

    Args:
        trained: The record of the training.
        name: The method's name.
        identity: What makes two such tests of equal trainings seeds of one row.
        folds_identity: What such tests of the trainings on all folds share.
        section: How the method changed the predictions.
        metrics: `protocol@version` -> scores of the changed predictions.
        variant: Name of the variation.
        command: The portable command line that gets it again.
        needs: What that needs besides.
        provenance: Where the test was run.
    """
    config = {**trained.config, name: identity}
    ids = trained.identity
    if ids is not None:
        folds = ids.folds
        if folds is not None:
            folds = replace(
                folds, evaluation_id=config_sha256({"evaluation": folds.evaluation_id, name: folds_identity})
            )
        changed = config_sha256({"evaluation": ids.evaluation_id, name: identity})
        ids = replace(ids, evaluation_id=changed, folds=folds)
    return replace(
        trained,
        schema_version=SCHEMA_VERSION,
        variant=variant,
        config=config,
        config_sha256=config_sha256(config),
        command=command,
        needs=tuple(needs),
        metrics=metrics,
        provenance=provenance,
        sections={name: section},
        identity=ids,
    )


def refuse_other_options(trained: Record, config: Mapping[str, Any]) -> None:
    """Refuse a test whose predictions may be others than those of its training's test.

    Args:
        trained: The record of the training.
        config: The portable configuration of this test.

    Raises:
        ConfigError: If task, net, data or precision differ; the first such key is named.
    """
    key = first_difference(_of_predictions(trained.config), _of_predictions(config))
    if key is not None:
        raise ConfigError(
            f"The training of this checkpoint is recorded with another value of '{key}': give the options that it had, "
            "or leave out --leaderboard."
        )


def _of_predictions(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a portable configuration predictions may depend on, once there are weights."""
    model = copy.deepcopy(dict(config["model"]))
    for key in TRAINING_ONLY:
        model["init_args"].pop(key, None)
    for key in START_WEIGHTS:
        (model["init_args"]["net"].get("init_args") or {}).pop(key, None)
    return {
        "model": model,
        "data": _without_split(config["data"]),
        "trainer": {"precision": config["trainer"].get("precision")},
    }


def _without_split(data: Any) -> Any:
    """A copy of a data module's configuration without the path of the split, whose hash has been compared."""
    if isinstance(data, Mapping):
        return {key: _without_split(value) for key, value in data.items() if key != "split"}
    return data
