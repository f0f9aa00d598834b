"""The page of refined tests whose records are of schema 3, with a field of their own."""

from dataclasses import replace
from pathlib import Path

from polybench.results.facts import Ancestor, RefinementFacts
from polybench.results.page import render_page
from polybench.results.record import Record, read_records, write_record
from tests.results.factory import PROTOCOL, digest, table, trained

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


def refined(base: Record, facts: RefinementFacts = FACTS) -> Record:
    config = {**base.config, "refinement": {"thresholds": facts.thresholds_from}}
    facts = replace(facts, classifier_net=base.net)
    return replace(base, schema_version=3, variant="S3+C2", config=config, refinement=facts)


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
