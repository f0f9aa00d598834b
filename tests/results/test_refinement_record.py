"""The record of a refined test, and what the page says of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.results.facts import Ancestor, IdentityFacts, RefinementFacts
from polybench.results.page import render_page
from polybench.results.record import Record, read_records, write_record
from polybench.results.refinement import classifier_with, refined_record, trained_with
from tests.results.factory import PROTOCOL, dataset, digest, provenance, table, trained

FACTS = RefinementFacts(
    classifier=Ancestor(digest("classifier"), "classification", "toy", "patches_toy-C2"),
    classifier_ancestors=(Ancestor(digest("S1"), "segmentation", "toy", "S1"),),
    mask_threshold=0.2,
    region_threshold=0.1,
    thresholds_from="released",
    regions=247,
    removed=25,
    objects={"tested": (159, 88, 23), "thresholded": (160, 90, 22), "refined": (158, 64, 24)},
    scores={
        "tested": {PROTOCOL: {"dice": 0.7, "iou": 0.6}, "keras_fcn@2": {"miou_0.5": 0.78}},
        "thresholded": {PROTOCOL: {"dice": 0.71}},
    },
    milliseconds={"segmentation": 4.35, "regions": 1.5, "classification": 1.26},
)


def refined(base: Record, facts: RefinementFacts = FACTS, variant: str | None = "S3+C2") -> Record:
    classifier = trained(table([0.5, 1.0]), task="classification", recipe="patches_toy", seed=base.seed)
    return refined_record(
        base, classifier, variant, facts, base.metrics, "polybench test --refine C2.ckpt", provenance()
    )


def test_refined_record_can_be_read_again(tmp_path: Path) -> None:
    base = trained(table([0.5, 1.0]))
    path = write_record(refined(base), table([0.5, 1.0]), tmp_path)
    assert path.name.startswith("unet_toy-S3+C2-")
    [stored] = read_records(tmp_path)
    assert replace(stored.record, table_sha256=None, record_sha256=None) == refined(base)
    classifier = trained(table([0.5, 1.0]), task="classification", recipe="patches_toy")
    assert stored.record.refinement == replace(FACTS, classifier_net=classifier.net)


def test_rows_of_several_seeds_share_a_configuration() -> None:
    base = trained(table([0.5, 1.0]))
    own = replace(FACTS.classifier, training_id=digest("training"), point="selected")
    facts = [
        replace(FACTS, mask_threshold=0.3, classifier=replace(own, sha256=digest(f"seed {seed}"), seed=seed))
        for seed in (0, 1)
    ]
    one, two = (refined(replace(base, seed=seed), facts[seed]).config_sha256 for seed in (0, 1))
    assert one == two != base.config_sha256
    shared = [refined(replace(base, seed=seed), facts[0]).config_sha256 for seed in (1, 2)]
    assert shared[0] == shared[1] != one
    assert refined(replace(base, seed=2), facts[1]).config_sha256 != shared[1]


def test_other_thresholds_by_hand_are_another_configuration() -> None:
    base, given = trained(table([0.5, 1.0])), replace(FACTS, thresholds_from="given")
    assert refined(base, given).config_sha256 != refined(base, replace(given, region_threshold=0.5)).config_sha256


def test_training_is_found_by_the_checkpoint_that_it_left(tmp_path: Path) -> None:
    rows = table([0.5, 1.0])
    base = trained(rows)
    for record in (base, refined(base), trained(rows, seed=1, provenance=provenance(checkpoint_sha256=digest("else")))):
        write_record(record, rows, tmp_path)
    found = trained_with(tmp_path, base.dataset, digest("checkpoint"))
    assert replace(found, table_sha256=None, record_sha256=None) == base
    with pytest.raises(ConfigError, match="is of the training that left this checkpoint"):
        trained_with(tmp_path, base.dataset, digest("unknown"))
    with pytest.raises(ConfigError, match="another split, copy or size"):
        trained_with(tmp_path, dataset(size=(64, 64)), digest("checkpoint"))


def test_page_shows_objects_pixels_and_time_of_each_step(tmp_path: Path) -> None:
    base = trained(table([0.5, 1.0]))
    write_record(refined(base), table([0.5, 1.0]), tmp_path)
    page = render_page("toy", read_records(tmp_path))
    lines = [line.split(" | ", 1)[1] for line in page.splitlines() if " at 0." in line and line.count("|") > 8]
    assert lines == [
        "0 | tested at 0.5 | 159 | 88 | 23 | 0.6000 | 0.7000 | 0.7800 | \N{EM DASH} | 4.35 |",
        "0 | masks at 0.2 | 160 | 90 | 22 | \N{EM DASH} | 0.7100 | \N{EM DASH} | \N{EM DASH} | \N{EM DASH} |",
        "0 | masks at 0.2, refined | 158 | 64 | 24 | \N{EM DASH} | 0.7500 | \N{EM DASH} | \N{EM DASH} | 7.11 |",
    ]
    assert "masks at 0.2, regions kept above 0.1, those of the released code: 25 of 247 regions removed" in page


def test_page_tells_the_size_of_both_nets(tmp_path: Path) -> None:
    write_record(refined(trained(table([0.5, 1.0]))), table([0.5, 1.0]), tmp_path)
    page = render_page("toy", read_records(tmp_path))
    assert " | 31.04 M + 31.04 M | " in page
    assert "patches_toy-C2, classification, toy, 31,043,521 parameters, 54,000,000,000 multiply-accumulates" in page


def test_another_classifier_is_another_configuration() -> None:
    base = trained(table([0.5, 1.0]))
    other = trained(table([0.5, 1.0]), task="classification", config_sha256=digest("longer"))
    assert refined_record(base, other, "S3+C2", FACTS, base.metrics, "", provenance()).config_sha256 != (
        refined(base).config_sha256
    )


def test_refined_test_is_another_evaluation_of_the_same_training() -> None:
    base = trained(table([0.5, 1.0]), identity=IdentityFacts("a" * 64, "b" * 64, "10 images of 64x64"))
    found = refined(base).identity
    other = refined(base, replace(FACTS, thresholds_from="validation")).identity
    assert found is not None
    assert other is not None
    assert {one.training_id for one in (found, other)} == {"a" * 64}
    assert len({found.evaluation_id, other.evaluation_id, "b" * 64}) == 3


def test_classifier_is_found_by_its_checkpoint(tmp_path: Path) -> None:
    rows = table([0.5, 1.0])
    segmentation = trained(rows, provenance=provenance(checkpoint_sha256=digest("classifier")))
    classifier = replace(segmentation, task="classification", recipe="patches_toy")
    for record in (segmentation, classifier):
        write_record(record, rows, tmp_path)
    found = classifier_with(tmp_path, digest("classifier"))
    assert replace(found, table_sha256=None, record_sha256=None) == classifier
    with pytest.raises(ConfigError, match="trained on can't be told"):
        classifier_with(tmp_path, digest("unknown"))


def test_every_seed_of_a_row_has_its_own_thresholds(tmp_path: Path) -> None:
    for seed, threshold in ((0, 0.4), (1, 0.6)):
        facts = replace(FACTS, mask_threshold=threshold)
        write_record(refined(trained(table([0.5, 1.0]), seed=seed), facts), table([0.5, 1.0]), tmp_path)
    page = render_page("toy", read_records(tmp_path))
    assert "seed 0: masks at 0.4, regions" in page
    assert "seed 1: masks at 0.6, regions" in page


def test_page_of_unrefined_runs_has_no_such_table(tmp_path: Path) -> None:
    write_record(trained(table([0.5, 1.0])), table([0.5, 1.0]), tmp_path)
    assert "refinement" not in render_page("toy", read_records(tmp_path))
