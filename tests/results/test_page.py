import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from polybench.results.facts import Ancestor, NetFacts, StartFacts
from polybench.results.page import render_page
from polybench.results.record import read_records, write_record
from tests.results.factory import baseline, dataset, digest, provenance, store, table, trained

WIDE = [0.0, 1.0] * 50


def page_of(root: Path) -> str:
    return render_page("toy", read_records(root))


def score_rows(page: str) -> list[list[str]]:
    """Cells of the rows of all score tables, without tie groups, links and marks."""
    rows = []
    for block in page.split("| Rank |")[1:]:
        tied = block.startswith(" Tie group |")
        for line in block.split("\n\n")[0].splitlines()[2:]:
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            del cells[1 : 1 + tied]
            rows.append([re.sub(r"\[([^]]*)\]\(#[^)]*\)", r"\1", cell) for cell in cells])
    return rows


def section(page: str, title: str) -> str:
    return re.split(r"\n#{2,4} ", page.split(title, 1)[1], maxsplit=1)[0]


def listing_of(page: str, protocol: str) -> str:
    """Every metric of a protocol that is not ranked."""
    return page.split(f"<summary>Protocol <code>{protocol}</code>", 1)[1].split("</details>", 1)[0]


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Three nets of one group (two of them not told apart), a smoke run and two baselines."""
    store(tmp_path, table([0.9] * 50 + [0.8] * 50), recipe="best")
    store(tmp_path, table([0.95] * 50 + [0.74] * 50), recipe="second", variant="wide")
    store(tmp_path, table([0.4] * 100), recipe="third")
    store(tmp_path, table([0.99] * 100), recipe="toy_run", budget="smoke")
    for name, value in (("all_background", 0.01), ("otsu_threshold", 0.995)):
        rows = table([value] * 100)
        write_record(baseline(rows, name), rows, tmp_path)
    return tmp_path


def test_ranks_are_intervals_and_only_of_ranked_budgets(board: Path) -> None:
    # Means .85, .845, .4; the first two differ by -.05 or .06 an image: half an interval is 1.98 * .055 / 10 = .0109.
    ranks = [(cells[1].split(" <")[0], cells[0]) for cells in score_rows(page_of(board))]
    baselines = [("*Otsu threshold*", "—"), ("*All background*", "—")]
    published = [
        ("best", "1\N{EN DASH}2 of 3"),
        ("second (wide)", "1\N{EN DASH}2 of 3"),
        ("third", "3 of 3"),
        *baselines,
    ]
    assert ranks == [*published, ("toy_run", "—"), *baselines]


def test_trained_rows_that_score_no_better_than_a_baseline_are_named(board: Path) -> None:
    notes = [line for line in page_of(board).splitlines() if "learns nothing" in line]
    ranked, smoke = (line.count("](#") for line in notes)
    assert (ranked, smoke) == (3, 1)  # nets of .4 to .85, and one of .99, below Otsu's .995
    assert "score no better than *Otsu threshold* (0.9950), which" in notes[0]
    assert "scores no better than *Otsu threshold* (0.9950), which" in notes[1]


def test_a_single_run_shows_its_value_and_interval(tmp_path: Path) -> None:
    store(tmp_path, table([0.25] * 60))
    [cells] = score_rows(page_of(tmp_path))
    assert cells[3] == "0.2500 [0.2500, 0.2500]"
    assert cells[-2:] == ["60 (60)", "0"]


def test_several_seeds_show_mean_and_spread(tmp_path: Path) -> None:
    for seed, value in ((0, 0.7), (1, 0.8), (4, 0.9)):
        store(tmp_path, table([value] * 60), seed=seed)
    [cells] = score_rows(page_of(tmp_path))
    assert cells[3] == "0.8000 ± 0.1000 [0.8000, 0.8000]"
    assert cells[-1] == "3 (0, 1, 4)"


def test_repeats_are_noted_and_not_averaged(tmp_path: Path) -> None:
    store(tmp_path, table([0.5] * 60))
    store(tmp_path, table([0.5123] * 60))
    page = page_of(tmp_path)
    [cells] = score_rows(page)
    assert cells[3].startswith("0.5000 ")
    assert "Re-run 2x, max \\|Δ Dice\\| = 0.0123" in page


def test_other_copies_stand_in_a_section_of_their_own(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), recipe="a")
    facts = dataset(official_copy=False, manifest_sha256=digest("k"), copy_notes=("40 images are JPEGs",))
    store(tmp_path, table(WIDE), recipe="b", dataset=facts)
    page = page_of(tmp_path)
    assert [cells[:2] for cells in score_rows(page)] == [["1 of 1", "a"], ["1 of 1", "b"]]
    assert page.index("official copy. Manifest") < page.index("**NOT the official copy**: 40 images are JPEGs.")


@pytest.mark.parametrize(
    ("note", "heading", "consequence"),
    [
        (
            "counts and sizes agree with the official copy; contents unchecked",
            "contents unchecked",
            "- Whether the images are the official ones, byte for byte, is not known:",
        ),
        (
            "generated images, none of them real",
            "generated images",
            "- The images are generated: the numbers say nothing",
        ),
        ("images of one's own, of which there is no official copy", "images of one's own", None),
    ],
)
def test_copies_that_are_neither_official_nor_another_are_called_what_they_are(
    tmp_path: Path, note: str, heading: str, consequence: str | None
) -> None:
    store(tmp_path, table(WIDE), dataset=dataset(official_copy=False, copy_notes=(note,)))
    page = page_of(tmp_path)
    assert f"`, {heading} `" in page
    assert f"- **Images:** {note}. Manifest" in page
    assert "NOT the official copy" not in page
    assert (consequence in page) if consequence else ("- The images are" not in page)


@pytest.mark.parametrize(
    ("disjoint", "words"),
    [(True, "No group (video, patient) is in two"), (False, "are in more than one subset"), (None, "not known")],
)
def test_the_split_says_whether_groups_are_disjoint(tmp_path: Path, disjoint: bool | None, words: str) -> None:
    store(tmp_path, table(WIDE), dataset=dataset(group_disjoint=disjoint))
    assert words in section(page_of(tmp_path), "### Images and split")


def test_few_images_missing_images_and_dirty_code_are_noted(tmp_path: Path) -> None:
    facts = dataset(allow_missing=True, missing=("i900", "i901"))
    store(tmp_path, table([0.5] * 20), dataset=facts, provenance=provenance(dirty=True))
    page = page_of(tmp_path)
    assert "**Only 20 images:" in page
    assert "lacks 2 image(s) of the split: `i900`, `i901`." in page
    assert "<sup>a</sup> Run with uncommitted changes" in page


def test_enough_images_of_the_official_copy_need_no_note(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE))
    page = page_of(tmp_path)
    assert "<sup>" not in page
    assert "Only" not in page


def test_another_version_of_a_net_is_noted(tmp_path: Path) -> None:
    for version in ("1", "2"):
        net = NetFacts("some.Unet", version, 1000, None, "random", (), "U-Net")
        store(tmp_path, table(WIDE), recipe=f"unet_v{version}", net=net)
    page = page_of(tmp_path)
    assert "Net version 1; other rows" in page
    assert "Net version 2; other rows" in page


def test_empty_masks_have_their_own_column(tmp_path: Path) -> None:
    rows = table([1.0, 0.0, 0.5]).assign(**{"per_image@1/tp": [0, 0, 4], "per_image@1/fp": [0, 3, 4]})
    store(tmp_path, rows.assign(**{"per_image@1/fn": [0, 0, 4]}))
    [cells] = score_rows(page_of(tmp_path))
    assert cells[10] == "1 of 2"


def test_the_details_say_how_to_get_a_row_again(tmp_path: Path) -> None:
    path = store(tmp_path, table(WIDE), command="polybench fit --config conf/unet_toy.yaml --model.lr 0.1")
    page = page_of(tmp_path)
    details = page.split("<summary><b>unet_toy</b>", 1)[1].split("</details>", 1)[0]
    assert "```sh\npolybench fit --config conf/unet_toy.yaml --model.lr 0.1\n```" in details
    assert f"records/toy/{path.name}" in details
    for words in (
        "`0123456789`",
        digest("checkpoint"),
        trained(table(WIDE)).config_sha256,
        "1 h 2 min",
        "31,043,521",
        "torch 2.6.0",
        "Some GPU",
        "4 threads",
    ):
        assert words in details


def test_every_link_inside_the_page_leads_somewhere_and_no_place_stands_twice(board: Path) -> None:
    page = page_of(board)
    places = re.findall(r'<a id="([^"]+)"', page)
    assert len(places) == len(set(places)) == 7  # of the rows, and of the details with the smoke run
    assert set(re.findall(r"\(#([^)]+)\)", page)) == set(places)


def test_the_place_of_a_row_does_not_depend_on_other_records(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), recipe="a")
    [before] = re.findall(r'<a id="([^"]+)"', page_of(tmp_path))
    store(tmp_path, table(WIDE), recipe="b")
    assert before in re.findall(r'<a id="([^"]+)"', page_of(tmp_path))


def test_free_text_can_not_break_a_table_or_open_a_tag(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), provenance=provenance(device="A|B <script>\nC"))
    page = page_of(tmp_path)
    assert "A\\|B &lt;script&gt; C" in page
    assert "<script>" not in page


def test_rows_of_a_table_have_as_many_cells_as_its_head(board: Path) -> None:
    for block in re.findall(r"(?:^\|.*\n)+", page_of(board), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_further_protocols_are_listed_unranked(tmp_path: Path) -> None:
    rows = table(WIDE).assign(**{"pranet@2/mae": [0.125] * 100})
    protocols = {"per_image@1": {"dice": "higher"}, "pranet@2": {"mae": "lower"}}
    write_record(trained(rows, protocols), rows, tmp_path)
    listing = listing_of(page_of(tmp_path), "pranet@2")
    assert "| Recipe | Budget | mae ↓ |" in listing
    assert "| published | 0.1250 |" in listing


def test_an_older_version_of_the_protocol_is_not_ranked(tmp_path: Path) -> None:
    store(tmp_path, table(WIDE), recipe="old")
    rows = table(WIDE, protocol="per_image@2")
    write_record(trained(rows, {"per_image@2": {"dice": "higher"}}, recipe="new"), rows, tmp_path)
    page = page_of(tmp_path)
    assert [cells[1] for cells in score_rows(page)] == ["new"]
    assert "<code>per_image@1</code> (an older version)" in page
    assert "| old | published | 0.5000 |" in listing_of(page, "per_image@1")


def test_a_table_comes_first_and_explanations_follow(board: Path) -> None:
    lines = [line for line in page_of(board).splitlines() if line and line[0] not in "#<"]
    assert lines[0].startswith("| Rank | Tie group | Recipe |")
    page = page_of(board)
    places = [
        page.index(part) for part in ("| Rank |", "## How to read the tables", "## Details", "### Images and split")
    ]
    assert places == sorted(places)


def test_the_command_of_baselines_is_shown_once(tmp_path: Path) -> None:
    for name, value, command in (("otsu", 0.3, "polybench fit a"), ("noise", 0.1, "polybench fit b")):
        for size in (32, 64):
            changes = {
                "command": command,
                "config_sha256": digest(f"{name} {size}"),
                "dataset": dataset(size=(size,) * 2),
            }
            rows = table([value + size / 1000] * 60)
            write_record(baseline(rows, name, **changes), rows, tmp_path)
    page = page_of(tmp_path)
    assert [page.count(f"\npolybench fit {name}\n") for name in "ab"] == [1, 1]
    assert page.count("<summary><b>Otsu</b>") == 2


def test_baselines_alone_make_a_page(tmp_path: Path) -> None:
    rows = table(WIDE)
    write_record(baseline(rows, "otsu"), rows, tmp_path)
    assert [cells[:2] for cells in score_rows(page_of(tmp_path))] == [["—", "*Otsu*"]]


def test_the_page_does_not_depend_on_the_order_of_reading(board: Path) -> None:
    records = read_records(board)
    page = render_page("toy", records)
    for seed in range(5):
        random.Random(seed).shuffle(records)
        assert render_page("toy", records) == page


def test_texts_of_a_record_make_no_links_and_no_tags(tmp_path: Path) -> None:
    evil = "\\[q](http://evil/) [q](http://evil/) <img src=x> `|` \\| <!-- \x1b[2J ``` http://evil/"
    rows = table([0.5] * 60)
    record = trained(
        rows,
        command=f"```\n{evil}",
        needs=(evil, f"# {evil}"),
        dataset=dataset(split=evil, split_note=evil, official_copy=False, copy_notes=(evil,), missing=(evil,)),
        net=NetFacts(evil, evil, 1, 1, evil, (evil,), evil),
        start=StartFacts("backbone", Ancestor(evil, evil, evil, evil), "own"),
        provenance=provenance(
            device=evil, precision=evil, platform=evil, python=evil, versions={evil: evil}, git_commit=evil,
            logger_url=f"http://x/{evil}",
        ),
    )  # fmt: skip
    scores = {key: replace(one, definition=evil) for key, one in record.metrics.items()}
    write_record(replace(record, metrics=scores), rows, tmp_path)
    page = page_of(tmp_path)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(page)
    nodes = [one for token in tokens for one in (token, *(token.children or []))]
    targets = {str(one.attrs.get("href", one.attrs.get("src"))) for one in nodes if one.type in ("link_open", "image")}
    assert all(target.startswith(("#", "records/toy/unet_toy-")) for target in targets)
    tags = {tag for one in nodes if one.type.startswith("html") for tag in re.findall(r"<([a-z!/]+)", one.content)}
    assert tags <= {"!", "a", "/a", "b", "/b", "code", "/code", "details", "/details", "summary", "/summary"}
    assert sum("<!--" in one.content for one in nodes if one.type.startswith("html")) == 1
    assert "\x1b" not in page


def test_a_page_says_where_epochs_were_chosen_on_the_test_images(tmp_path: Path) -> None:
    store(tmp_path, table([0.5] * 60), dataset=dataset(split="selects_on_test_880_120"))
    page = page_of(tmp_path)
    assert "#### Budget published: trained with the settings of the paper, chosen on the test images\n" in page
    assert "- **Epochs, and all else that validation chooses, were chosen on the test images" in page
