"""What the page says of single rows: their identity, what they began with, what their command needs."""

import re
from dataclasses import replace
from pathlib import Path

from polybench.results.facts import Ancestor, NetFacts, StartFacts
from polybench.results.page import render_page
from polybench.results.record import read_records
from tests.results.factory import digest, identity, provenance, store, table
from tests.results.test_page import score_rows

WIDE = [0.0, 1.0] * 50
SOURCE = Ancestor(digest("encoder"), "segmentation", "toy", "S1", training_id=digest("S1"), seed=0)
BACKBONE = StartFacts("backbone", SOURCE, "own", matched=23, missing=21, unexpected=2, misshaped=0, share=0.523)


def page_of(root: Path) -> str:
    return render_page("toy", read_records(root))


def start_cells(page: str) -> list[str]:
    """The column of start weights."""
    lines = page.split("| Recipe | Net |", 1)[1].split("\n\n")[0].splitlines()[2:]
    return [line.strip("| ").split(" | ")[4] for line in lines]


def test_rows_without_identity_say_so_and_are_not_ranked(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), recipe="new")
    store(tmp_path, table([0.99] * 100), recipe="earlier", identity=None)
    page = page_of(tmp_path)
    assert [cells[:2] for cells in score_rows(page)] == [["1 of 1", "new"], ["identity 1", "earlier"]]
    assert page.count("Rows of identity 1 are not ranked:") == 1


def _top(page: str) -> str:
    """What a page leads with, up to the explanations."""
    return page.split("## How to read the tables")[0]


def test_a_page_leads_with_what_is_ranked_and_lists_the_rest_in_the_details(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), recipe="ranked")
    store(tmp_path, table(WIDE), recipe="tried", budget="smoke")
    store(tmp_path, table(WIDE), recipe="earlier", budget="reduced", identity=None)
    page = page_of(tmp_path)
    top = _top(page)
    assert [cells[1] for cells in score_rows(top)] == ["ranked"]
    assert [cells[1] for cells in score_rows(page)] == ["ranked", "earlier", "tried"]
    place = re.findall(r'<a id="(details-\w+)"', page)[0]
    assert f"Not ranked, and listed in [the details](#{place}): rows of budget reduced, all of identity 1.\n" in top
    assert f"Not ranked, and listed in [the details](#{place}): rows of budget smoke.\n" in top
    assert page.count("Rows of identity 1 are not ranked:") == 1


def test_a_table_with_one_row_that_is_ranked_stays_whole(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), recipe="ranked")
    store(tmp_path, table(WIDE), recipe="earlier", identity=None)
    assert [cells[1] for cells in score_rows(_top(page_of(tmp_path)))] == ["ranked", "earlier"]


def test_a_page_that_has_nothing_else_leads_with_what_it_has(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), recipe="earlier", identity=None)
    store(tmp_path, table(WIDE), recipe="tried", budget="smoke")
    page = page_of(tmp_path)
    assert [cells[1] for cells in score_rows(_top(page))] == ["earlier", "tried"]
    assert page.count("| Rank |") == 2


def test_a_page_of_new_rows_says_nothing_of_earlier_ones(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE))
    assert "identity 1" not in page_of(tmp_path)


def test_what_a_row_saw_in_training_stands_beside_it(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), identity=identity("a", budget_id="29280 images of 96x96"))
    assert [cells[2] for cells in score_rows(page_of(tmp_path))] == ["29280 images of 96x96"]


def test_the_share_of_a_transferred_backbone_stands_in_the_table_and_its_counts_in_the_details(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), start=BACKBONE)
    page = page_of(tmp_path)
    assert start_cells(page) == ["backbone of S1, segmentation, toy, 52.3 % of tensors"]
    assert "tensors: 23 matched, 21 missing in the source, 2 unexpected in the source, 0 of another shape" in page
    assert "each seed from a source of its own" in page


def test_a_warm_start_is_not_called_random(tmp_path: Path) -> None:
    net = NetFacts("some.Unet", "1", 1000, None, "random", (), "U-Net")
    store(tmp_path, table(WIDE), net=net, start=StartFacts("weights", replace(SOURCE, stage="unet_toy"), "shared"))
    page = page_of(tmp_path)
    assert start_cells(page) == ["all weights of unet_toy, segmentation, toy"]
    assert "all seeds from one source" in page


def test_a_source_that_says_nothing_of_itself_is_named_by_its_hash(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), start=StartFacts("weights", Ancestor(digest("foreign"), None, None, None)))
    assert start_cells(page_of(tmp_path)) == [f"all weights of {digest('foreign')[:8]}"]


def test_what_a_command_needs_besides_stands_under_it(tmp_path: Path) -> None:
    for seed in (0, 1):
        store(tmp_path, table(WIDE), seed=seed, needs=("It needs the file 'mynet.py' (sha256 ab12) beside it.",))
    assert "```\n\nIt needs the file 'mynet.py' (sha256 ab12) beside it.\n\n| Run |" in page_of(tmp_path)


def test_seeds_of_several_versions_of_torch_are_noted(tmp_path: Path) -> None:
    for seed, version in ((0, "2.6.0"), (1, "2.7.0")):
        store(
            tmp_path, table(WIDE), seed=seed, provenance=provenance(versions={"torch": version, "lightning": "2.5.0"})
        )
    page = page_of(tmp_path)
    assert "Its seeds mix versions of torch: 2.6.0, 2.7.0." in page
    assert "versions of lightning" not in page


def test_two_rows_of_one_recipe_are_told_apart_by_their_digits(tmp_path: Path) -> None:
    rows = [identity("from scratch"), identity("warm start")]
    for one in rows:
        store(tmp_path, table(WIDE), recipe="unet", identity=one)
    store(tmp_path, table(WIDE), recipe="other")
    page = page_of(tmp_path)
    named = {cells[1] for cells in score_rows(page)}
    assert named == {"other", *(f"unet `{one.row_id}`" for one in rows)}
    places = re.findall(r'<a id="([^"]+)"', page)
    assert len(places) == len(set(places)) == 3
