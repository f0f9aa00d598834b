"""Records of schema 3, which describe methods in fields of their own, and the pages of them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from polybench.core.errors import RecordError
from polybench.methods.refinement.section import COLUMNS, STEPS
from polybench.results.earlier import PassFacts, RefinementFacts, sections_of
from polybench.results.facts import Ancestor
from polybench.results.page import render_page
from polybench.results.record import Record, read_records, record_name, sealed, write_record
from polybench.results.record_text import seal_of
from polybench.results.strict import encode
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


PASSES = PassFacts(2, 60, 10, 2.5, {PROTOCOL: {"dice": (0.4, 0.5), "iou": (0.3, 0.4)}})


def write_earlier(root: Path, record: Record, fields: Mapping[str, object]) -> None:
    """Write a record as schema 3 had it."""
    rows = table([0.5, 1.0])
    sealed_record, csv = sealed(replace(record, schema_version=3), rows)
    data = json.loads(sealed_record.to_json()) | {name: encode(value) for name, value in fields.items()}
    data["record_sha256"] = seal_of(data)
    folder = root / "records" / "toy"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record_name(record)}.json"
    path.write_text(json.dumps(data))
    path.with_suffix(".csv").write_text(csv)


def write_refined(root: Path, base: Record, facts: RefinementFacts = FACTS) -> None:
    facts = replace(facts, classifier_net=base.net)
    write_earlier(root, replace(base, variant="S3+C2"), {"passes": None, "refinement": facts})


def test_page_shows_objects_pixels_and_time_of_each_step(tmp_path: Path) -> None:
    base = trained(table([0.5, 1.0]))
    write_refined(tmp_path, base)
    page = render_page("toy", read_records(tmp_path))
    lines = [line.split(") | ", 1)[1] for line in page.splitlines() if line.startswith("| [") and line.count("|") == 15]
    assert lines == [
        "0 | tested at 0.5 | 159 | 88 | 23 | — | — | — | 0.6000 | 0.7000 | 0.7800 | — | 4.35 |",
        "0 | at the mask threshold | 160 | 90 | 22 | — | — | — | — | 0.7100 | — | — | — |",
        "0 | refined | 158 | 64 | 24 | — | — | — | — | 0.7500 | — | — | 7.11 |",
    ]
    assert "masks at 0.2, regions kept above 0.1, those of the released code: 25 of 247 regions removed" in page


def test_page_tells_the_size_of_both_nets(tmp_path: Path) -> None:
    write_refined(tmp_path, trained(table([0.5, 1.0])))
    page = render_page("toy", read_records(tmp_path))
    assert " | 31.04 M + 31.04 M | " in page
    assert "patches_toy-C2, classification, toy, 31,043,521 parameters, 54,000,000,000 multiply-accumulates" in page


def test_every_seed_of_a_row_has_its_own_thresholds(tmp_path: Path) -> None:
    for seed, threshold in ((0, 0.4), (1, 0.6)):
        facts = replace(FACTS, mask_threshold=threshold)
        write_refined(tmp_path, trained(table([0.5, 1.0]), seed=seed), facts)
    page = render_page("toy", read_records(tmp_path))
    assert "seed 0: masks at 0.4, regions" in page
    assert "seed 1: masks at 0.6, regions" in page


def test_page_of_unrefined_runs_has_no_such_table(tmp_path: Path) -> None:
    write_record(trained(table([0.5, 1.0])), table([0.5, 1.0]), tmp_path)
    assert "refinement" not in render_page("toy", read_records(tmp_path))


def test_details_show_the_curve_over_iterations(tmp_path: Path) -> None:
    write_earlier(tmp_path, trained(table([0.5, 1.0])), {"passes": PASSES, "refinement": None})
    page = render_page("toy", read_records(tmp_path))
    assert "**Dice after each iteration, per_image@1:** 0.4000, 0.5000" in page
    assert "reported is iteration 2; 60 of 2 images reached a fixed point, 10 a cycle; iterations computed" in page
    assert "54.00 G \N{MULTIPLICATION SIGN} 2.5 evaluations" in page


def test_fields_are_read_as_sections_and_written_so(tmp_path: Path) -> None:
    write_earlier(tmp_path, trained(table([0.5, 1.0])), {"passes": PASSES, "refinement": FACTS})
    [stored] = read_records(tmp_path)
    found = stored.record.sections
    assert list(found) == ["feedback", "refinement"]
    assert (found["feedback"].data["mean_iterations"], found["feedback"].alters) == (2.5, False)
    assert (found["refinement"].data["removed"], found["refinement"].alters) == (25, True)
    write_record(stored.record, stored.rows(), tmp_path / "again")
    [again] = read_records(tmp_path / "again")
    assert again.record.sections == found


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"passes": encode(PASSES) | {"curve": {PROTOCOL: {"dice": []}}}}, "passes.curve must have a number for each"),
        ({"passes": encode(PASSES) | {"cycles": "ten"}}, "passes.cycles is 'ten', not int"),
        ({"refinement": encode(FACTS) | {"scores": {"tested": {}}}}, "refinement.scores lacks 'thresholded'"),
    ],
)
def test_fields_that_are_wrong_are_named(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    write_earlier(tmp_path, trained(table([0.5, 1.0])), fields)
    with pytest.raises(RecordError, match=words):
        read_records(tmp_path)


def test_records_of_schema_4_have_no_such_fields(tmp_path: Path) -> None:
    data = json.loads(trained(table([0.5, 1.0])).to_json()) | {"passes": None}
    with pytest.raises(RecordError, match="the top level has the unknown key 'passes'"):
        Record.from_json(json.dumps(data), "x.json")


def test_their_classes_can_be_imported_from_where_they_were() -> None:
    from polybench.results import facts

    assert (facts.PassFacts, facts.RefinementFacts) == (PassFacts, RefinementFacts)
    assert not hasattr(facts, "ResponseFacts")


def test_earlier_and_present_records_share_one_table() -> None:
    found = sections_of({"refinement": encode(FACTS)}, trained(table([0.5, 1.0])).metrics)["refinement"]
    assert found.columns == COLUMNS
    assert [row["masks"] for row in found.rows] == list(STEPS.values())
