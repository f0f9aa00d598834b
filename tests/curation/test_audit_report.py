import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.curation.audit import AuditReport, SplitAudit, audit
from polybench.curation.audit_report import (
    HEIGHT,
    ROWS,
    render_csv,
    render_json,
    render_markdown,
    write_pictures,
    write_report,
)
from polybench.curation.duplicates import Pair, Search
from polybench.curation.object_sizes import ObjectSizes
from polybench.data.images import UInt8Array
from polybench.data.splits import Split, Subset

SUBSETS: dict[str, Subset] = {"a": "train", "b|c": "train", "d": "val", "e": "test", "f": "test", "g": "test"}
GROUPS = {"a": "p1", "b|c": "p2", "d": "p3", "e": "p1", "f": "p4", "g": "p5"}
PAIRS = (
    Pair("a", "e", "exact", 1.0, 0, same_mask=False),
    Pair("b|c", "f", "duplicate", 0.91234, 4, "turned by 180°"),
    Pair("a", "b|c", "scene", 0.7, 9),
)
SIZES = ObjectSizes((0.01, 0.05), 2, 0)


def make_report(pairs: tuple[Pair, ...] = PAIRS, *, group_disjoint: bool | None = False) -> AuditReport:
    search = Search(pairs, 0.61, 0.66)
    result = audit(search, SUBSETS, GROUPS)
    split = Split("random_6", "b" * 64, SUBSETS, GROUPS, group_disjoint, "Made | by hand.")
    return AuditReport("clinicdb", "a" * 64, ("6 of 612 images",), 6, search, (SplitAudit(split, result, SIZES),))


def table_cells(page: str, start: str) -> list[list[str]]:
    lines = [line for line in page.splitlines() if line.startswith(start)]
    return [[cell.strip() for cell in line.replace("\\|", "/").strip("|").split("|")] for line in lines]


def test_the_page_says_which_images_split_and_thresholds() -> None:
    page = render_markdown(make_report())
    assert page.startswith("# Duplicates in clinicdb\n")
    for fact in ("6 images, NOT the official copy: 6 of 612 images", "`" + "a" * 64 + "`", "`" + "b" * 64 + "`"):
        assert fact in page
    assert "1 exact, 1 near-duplicate, 1 same scene" in page
    assert "correlation of details is at least 0.8" in page
    assert "0.66, since images here resemble other ones' mirror images by up to 0.61" in page
    assert "Made \\| by hand." in page


def test_a_copy_of_which_only_counts_and_sizes_are_known_is_not_called_official() -> None:
    unchecked = "counts and sizes agree with the official copy; contents unchecked"
    page = render_markdown(replace(make_report(), copy_notes=(unchecked,)))
    assert f"6 images, {unchecked}. Manifest" in page
    assert "NOT" not in page


def test_groups_that_cross_are_counted() -> None:
    # Of p1 to p5, p1 has an image in train and one in test.
    assert "6 images, 5 groups, 1 of them in several subsets." in render_markdown(make_report())
    report = make_report()
    apart = {**GROUPS, "e": "p6"}
    result = audit(report.search, SUBSETS, apart)
    [split] = report.splits
    page = render_markdown(replace(report, splits=(replace(split, result=result),)))
    assert "6 images, 6 groups, none of them in several subsets." in page


def test_a_part_of_a_list_that_is_not_here_is_named() -> None:
    report = make_report()
    [split] = report.splits
    here = {image: subset for image, subset in SUBSETS.items() if subset != "test"}
    partial = replace(report, splits=(replace(split, result=audit(report.search, here, GROUPS)),))
    assert "3 of 6 images" in render_markdown(partial)
    assert "**Its 3 test images are not here: that part was not audited.**" in render_markdown(partial)
    [numbers] = json.loads(render_json(partial))["splits"]
    assert numbers["listed"] == {"train": 2, "val": 1, "test": 3}


def test_an_official_copy_is_called_so() -> None:
    report = make_report()
    official = AuditReport(report.dataset, report.manifest_sha256, (), 6, report.search, report.splits)
    assert "6 images, official copy." in render_markdown(official)


def test_the_page_gives_the_share_of_test_images_with_a_partner_in_train() -> None:
    val, test = table_cells(render_markdown(make_report()), "| `random_6` ")
    assert val == ["`random_6`", "val", "1", "0.0% (0)", "0.0% (0)", "0.0% (0)", "0.0% (0)"]
    # Of e, f and g, e equals a (same group), f resembles b.
    assert test == ["`random_6`", "test", "3", "33.3% (1)", "66.7% (2)", "66.7% (2)", "33.3% (1)"]


def test_shares_of_groups_are_left_open_where_groups_are_unknown() -> None:
    page = render_markdown(make_report(group_disjoint=None))
    assert [row[-1] for row in table_cells(page, "| `random_6` ")] == ["—", "—"]
    assert "groups not known" in page


def test_the_page_lists_the_worst_pairs_with_their_ids_and_places() -> None:
    rows = table_cells(render_markdown(make_report()), "| ")
    first, second, third = rows[-3:]
    assert first[:4] == ["1", "`b/c`", "`f`", "near-duplicate"]
    assert first[4:] == ["0.9123", "4", "turned by 180°", "two", "train, test"]
    assert second[1:4] == ["`a`", "`b/c`", "same scene"]
    assert third[1:4] == ["`a`", "`e`", "exact, masks differ"]
    assert third[-2:] == ["the same", "train, test"]


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    page = render_markdown(make_report())
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3
    for lines in tables:
        assert len({line.replace("\\|", "/").count("|") for line in lines}) == 1


def test_a_clean_dataset_says_so() -> None:
    page = render_markdown(make_report(()))
    assert "No pair." in page
    assert "None was found." in page


def test_the_numbers_are_the_audits() -> None:
    numbers = json.loads(render_json(make_report()))
    assert numbers["pairs"] == {"exact": 1, "duplicate": 1, "scene": 1}
    assert numbers["thresholds"]["scene"] == 0.66
    [split] = numbers["splits"]
    assert split["split_sha256"] == "b" * 64
    assert split["object_sizes"] == {"cuts": [0.01, 0.05], "images": 2, "without_object": 0}
    assert split["leaks"][1] == {"subset": "test", "images": 3, "exact": 1, "duplicate": 2, "scene": 2, "group": 1}
    assert {"subsets": ["train", "test"], "kind": "exact", "within_groups": 1, "across_groups": 0} in split["counts"]


def test_the_table_of_pairs_holds_all_of_them() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(make_report()))))
    assert [(row["first"], row["second"]) for row in rows] == [("b|c", "f"), ("a", "b|c"), ("a", "e")]
    assert rows[0]["correlation"] == "0.9123"
    assert [row["same_mask"] for row in rows] == ["", "", "false"]
    assert [row["random_6"] for row in rows] == ["train-test", "train-train", "train-test"]
    assert (rows[2]["first_group"], rows[2]["second_group"]) == ("p1", "p1")


def test_a_report_is_written_and_the_same_bytes_again(tmp_path: Path) -> None:
    paths = write_report(make_report(), tmp_path / "audits")
    assert [path.name for path in paths] == ["clinicdb.md", "clinicdb.json", "clinicdb.csv"]
    before = [path.read_bytes() for path in paths]
    write_report(make_report(), tmp_path / "audits")
    assert [path.read_bytes() for path in paths] == before
    assert not any(b"\r" in content for content in before)


def grey(image_id: str) -> UInt8Array:
    """A picture 20 pixels high and 40 wide, as grey as its id says."""
    return np.full((20, 40, 3), {"a": 60, "b|c": 120, "e": 180}.get(image_id, 240), np.uint8)


def test_pictures_show_both_images_of_each_pair(tmp_path: Path) -> None:
    [path] = write_pictures(make_report(), grey, tmp_path)
    picture = np.asarray(Image.open(path).convert("L"))
    assert picture.shape[0] == 3 * (HEIGHT + 72)
    middle = 62 + HEIGHT // 2
    # First b|c and f; each is twice as wide as high.
    assert (picture[middle, HEIGHT], picture[middle, 3 * HEIGHT]) == (120, 240)
    third = 2 * (HEIGHT + 72) + middle
    assert (picture[third, HEIGHT], picture[third, 3 * HEIGHT]) == (60, 180)
    assert picture[:60].min() == 0


@pytest.mark.parametrize(("n", "files"), [(0, 0), (1, 1), (ROWS, 1), (ROWS + 1, 2)])
def test_pictures_hold_a_few_pairs_each_and_replace_older_ones(tmp_path: Path, n: int, files: int) -> None:
    (tmp_path / "pairs-09.png").write_bytes(b"old")
    pairs = tuple(Pair("a", "b|c", "scene", 0.9 - k / 100, 0) for k in range(n))
    paths = write_pictures(make_report(pairs), grey, tmp_path)
    assert sorted(tmp_path.iterdir()) == paths
    assert len(paths) == files
