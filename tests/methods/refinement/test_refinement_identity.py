"""Which refined tests are seeds of one row, and which classifier refined."""

from dataclasses import replace
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.experiments.further_test import further_record
from polybench.methods.refinement.record import classifier_record, folds_identity, refinement_identity
from polybench.methods.refinement.thresholds import RELEASED, Thresholds
from polybench.results.facts import Ancestor
from polybench.results.folds import PooledRecord, pooled
from polybench.results.record import Record, read_records, write_record
from polybench.results.sections import Section
from tests.results.factory import digest, provenance, table, trained
from tests.results.test_folds import data_of, rows_of, shared

BASE = trained(table([0.5, 1.0]))
CLASSIFIER = trained(table([0.5, 1.0]), task="classification", recipe="patches_toy")
FOREIGN = Ancestor(digest("classifier"), "classification", "toy", "patches_toy-C2")


def own(seed: int) -> Ancestor:
    """The checkpoint that the classifier's training with this seed selected."""
    return replace(FOREIGN, sha256=digest(f"seed {seed}"), training_id=digest("training"), seed=seed, point="selected")


def test_seeds_whose_classifiers_are_seeds_of_one_training_are_alike() -> None:
    one, two = (refinement_identity(replace(BASE, seed=seed), CLASSIFIER, own(seed), RELEASED) for seed in (0, 1))
    assert one == two
    shared = refinement_identity(replace(BASE, seed=1), CLASSIFIER, own(0), RELEASED)
    assert shared not in (one, refinement_identity(replace(BASE, seed=2), CLASSIFIER, own(1), RELEASED))


def test_thresholds_count_where_they_were_given() -> None:
    found = [
        refinement_identity(BASE, CLASSIFIER, FOREIGN, Thresholds(0.3, region, origin))
        for region, origin in ((0.1, "given"), (0.5, "given"), (0.1, "validation"), (0.5, "validation"))
    ]
    assert found[0] != found[1]
    assert found[2] == found[3] != found[0]


def test_another_classifier_is_another_row() -> None:
    longer = replace(CLASSIFIER, config_sha256=digest("longer"), identity=None)
    ids = [refinement_identity(BASE, one, FOREIGN, RELEASED) for one in (replace(CLASSIFIER, identity=None), longer)]
    assert ids[0] != ids[1]


def of_fold(fold: int) -> tuple[Record, Record, Ancestor]:
    """A segmentation and a classifier of a fold, and the classifier's selected checkpoint."""
    segmentation = trained(rows_of(fold), identity=shared(fold), dataset=data_of(fold), config={"split": fold})
    classifier = replace(segmentation, task="classification", identity=shared(fold, "patches"))
    return segmentation, classifier, replace(own(0), training_id=digest(f"patches {fold}"))


def test_refined_tests_of_all_folds_are_one_row_each_fold_with_its_classifier(tmp_path: Path) -> None:
    for fold in (1, 2, 3):
        segmentation, classifier, source = of_fold(fold)
        parts = segmentation, classifier, source, RELEASED
        ids = refinement_identity(*parts), folds_identity(*parts)
        how = {"variant": "refined", "command": "polybench test", "needs": (), "provenance": provenance()}
        section = Section(title="Refined", alters=True)
        refined = further_record(segmentation, "refinement", *ids, section, segmentation.metrics, **how)  # type: ignore[arg-type]
        for record in (segmentation, refined):
            write_record(record, rows_of(fold), tmp_path)
    found = pooled(read_records(tmp_path, "toy"))
    assert [len(one.folds) for one in found if isinstance(one, PooledRecord)] == [3, 3]
    assert sorted(one.record.variant or "" for one in found) == ["", "refined"]


def test_classifier_of_another_fold_is_itself(tmp_path: Path) -> None:
    segmentation, classifier, source = of_fold(1)
    other = replace(classifier, dataset=data_of(2))
    assert folds_identity(segmentation, classifier, source, RELEASED)["classifier"] == digest("patches")
    for one in (other, CLASSIFIER):
        parts = segmentation, one, source, RELEASED
        assert folds_identity(*parts) == refinement_identity(*parts)


def test_classifier_is_found_by_its_checkpoint(tmp_path: Path) -> None:
    rows = table([0.5, 1.0])
    segmentation = trained(rows, provenance=provenance(checkpoint_sha256=digest("classifier")))
    classifier = replace(segmentation, task="classification", recipe="patches_toy")
    for record in (segmentation, classifier):
        write_record(record, rows, tmp_path)
    found = classifier_record(tmp_path, digest("classifier"))
    assert replace(found, table_sha256=None, record_sha256=None) == classifier
    with pytest.raises(ConfigError, match="trained on is unknown"):
        classifier_record(tmp_path, digest("unknown"))
