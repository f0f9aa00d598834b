"""Which refined tests are seeds of one row, and which classifier refined."""

from dataclasses import replace
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.methods.refinement.record import classifier_record, refinement_identity
from polybench.methods.refinement.thresholds import RELEASED, Thresholds
from polybench.results.facts import Ancestor
from polybench.results.record import write_record
from tests.results.factory import digest, provenance, table, trained

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
