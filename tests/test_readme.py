"""Numbers that are written by hand in the project's texts, against the records and the tool's page."""

import re
from pathlib import Path

import pytest

from polybench.results.compare.compared import compare
from polybench.results.compare.rows import Rows
from polybench.results.ranking import Standing, standings
from polybench.results.record import read_records
from polybench.results.statistics.trust import COVERAGE
from polybench.results.table import groups_of

ROOT = Path(__file__).parents[1]
BOARDS = ROOT / "leaderboards"


@pytest.fixture(scope="module")
def kvasir() -> Standing:
    groups = groups_of(read_records(BOARDS, "kvasir_seg"))
    group = next(one for one in groups if one.dataset.split == "official_880_120")
    return next(found for found in standings(group, "per_image@2", "reduced") if len(found.rows) > 1)


@pytest.mark.parametrize("text", ["README.md", "leaderboards/README.md"])
@pytest.mark.parametrize(
    ("other", "apart"), [("deeplabv3plus_lite0_kvasir_seg", True), ("fpn_lite0_kvasir_seg", False)]
)
def test_the_example_of_two_rows_is_that_of_the_board(text: str, other: str, apart: bool, kvasir: Standing) -> None:
    names = {row.anchor: row.first.record.recipe for row in kvasir.rows}
    best = kvasir.rows[0].anchor
    (pair,) = (one for one in kvasir.pairs if one.method == best and names[one.other] == other)
    assert names[best] == "unet_lite0_kvasir_seg"
    assert pair.told_apart == apart
    assert pair.ends is not None
    assert kvasir.detectable is not None
    written = " ".join((ROOT / text).read_text().split())
    numbers = (
        f"{pair.difference:.4f}.{{1,60}}{pair.ends.low:.4f}(, | to ){pair.ends.high:.4f}.{{1,20}} {pair.adjusted:.2g}"
    )
    assert re.search(numbers, written)
    assert f"{kvasir.detectable.difference():.4f}" in written
    assert len(kvasir.pairs) == 28


@pytest.mark.parametrize(
    ("dataset", "row", "other", "several"),
    [
        ("kvasir_seg", "unet_lite0_kvasir_seg-3836119a", "unet_lite0_kvasir_seg-random", True),
        ("clinicdb", "unet_lite0_clinicdb_folds", "unet_lite0_clinicdb_folds-random", True),
        ("isic2018", "unet_lite0_isic2018", "unet_lite0_isic2018-random", True),
        ("drive", "unet_lite0_drive_crops", "unet_lite0_drive_crops-random", True),
        ("chase", "unet_lite0_chase_crops", "unet_lite0_chase_crops-random", False),
        ("drive", "unet_lite0_drive_crops", "unet_lite0_drive_whole128", True),
        ("kvasir_seg", "unet_lite0_kvasir_seg-3836119a", "fpn_lite0_kvasir_seg", True),
        ("isic2018", "fpn_lite0_isic2018", "unet_lite0_isic2018", True),
        ("drive", "unet_lite0_drive_crops", "fpn_lite0_drive_crops", True),
        ("kvasir_seg", "unet_lite0_kvasir_seg-random", "fanet_half_kvasir_seg", True),
        ("kvasir_seg", "unet_lite0_kvasir_seg-random", "bsan_small_kvasir_seg", True),
        ("kvasir_seg", "unet_vgg19_half_kvasir_seg", "unet_lite0_kvasir_seg-random", True),
    ],
)
def test_what_the_boards_say_is_what_their_rows_give(dataset: str, row: str, other: str, several: bool) -> None:
    known = Rows(BOARDS, dataset)
    rows = [known.named(row), known.named(other)]
    (pair,) = compare(rows, against=rows[1].name).pairs
    ends = f" [{pair.ends.low:.4f}, {pair.ends.high:.4f}]" if pair.ends and several else " in "
    assert f"{pair.difference:+.4f}{ends}" in " ".join((BOARDS / "README.md").read_text().split())


def test_the_long_run_has_the_dice_of_its_record() -> None:
    run = Rows(BOARDS, "kvasir_seg").named("unet_lite0_kvasir_seg-c9b6a759").runs[0]
    dice = run.metrics["fanet@2"].values["dice"].value
    assert f"{dice:.4f}" in (BOARDS / "README.md").read_text()


TRANSFER = BOARDS / "plans" / "transfer_kvasir_seg_lite0.md"


@pytest.mark.parametrize("other", ["S1", "S1_long"])
def test_what_transfer_is_worth_is_what_its_page_says(other: str) -> None:
    (found,) = re.findall(rf"^\| S3 \| {other} \| (\S+) \| (\[.+?\]) ", TRANSFER.read_text(), re.MULTILINE)
    assert " ".join(found) in " ".join((BOARDS / "README.md").read_text().split())


@pytest.mark.parametrize("masks", ["at the mask threshold", "refined"])
def test_what_refinement_is_worth_is_what_its_page_says(masks: str) -> None:
    row = next(line for line in TRANSFER.read_text().splitlines() if f"| {masks} |" in line).split("|")
    invented, dice = (row[column].split()[0] for column in (5, 11))
    written = " ".join((BOARDS / "README.md").read_text().split())
    assert invented in written
    assert dice in written


def test_pages_warn_by_what_the_tool_measured() -> None:
    text = (BOARDS / "statistics.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (0\.\d+) \| (0\.\d+) \|", text, re.MULTILINE)
    assert {int(groups): (float(low), float(high)) for groups, low, high in rows} == COVERAGE
