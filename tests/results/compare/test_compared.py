"""Rows found by name and compared, with numbers worked out by hand."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from polybench.core.errors import ConfigError, DataError
from polybench.metrics.protocols import EXTRA_PROTOCOLS, PROTOCOLS
from polybench.results.compare.compared import Compared, compare
from polybench.results.compare.files import write_files
from polybench.results.compare.picture import draw
from polybench.results.compare.rows import LOWER, Rows, distinct_names, own_table
from polybench.results.compare.tables import image_table
from polybench.results.record import read_records, row_id
from polybench.results.table_columns import NO_MEANS
from tests.results.factory import PROTOCOL, dataset, digest, identity, store, table

GOOD = [0.9, 0.8, 0.7, 0.6, 0.9, 0.8, 0.7, 0.6]
BAD = [0.8, 0.7, 0.6, 0.7, 0.3, 0.7, 0.6, 0.5]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two rows, the second of two seeds."""
    store(tmp_path, table(GOOD), recipe="good", identity=identity("good"))
    for seed in (0, 1):
        store(tmp_path, table(BAD), recipe="bad", variant="wide", seed=seed, identity=identity("bad"))
    return tmp_path


def compared(root: Path, *names: str, **options: str) -> Compared:
    known = Rows(root)
    return compare([known.named(name) for name in names], **options)


def test_differences_and_wins_are_those_of_the_images(root: Path) -> None:
    found = compared(root, "bad-wide", "good")
    assert [row.name for row in found.rows] == ["good", "bad (wide)"]
    (pair,) = found.pairs
    assert pair.difference == pytest.approx(sum(GOOD) / 8 - sum(BAD) / 8)
    assert (pair.won, pair.lost, pair.tied) == (7, 1, 0)


def test_images_that_differ_most_come_first(root: Path) -> None:
    found = compared(root, "good", "bad (wide)")
    assert found.ids[found.most_different()[0]] == "i004"  # .9 against .3


def test_a_row_is_found_by_each_of_its_names(root: Path) -> None:
    record = read_records(root)[-1].record
    known = Rows(root)
    for name in ("good", row_id(record), f"good-{row_id(record)}", f"good-{row_id(record)}-s0.json"):
        assert known.named(name).runs[0].table[f"{PROTOCOL}/dice"].tolist() == GOOD


def test_one_run_of_a_row_can_be_chosen(root: Path) -> None:
    run = next(stored.name for stored in read_records(root) if stored.record.seed == 1)
    assert Rows(root).named(run).seeds == (1,)


def test_an_unknown_row_is_answered_with_the_nearest(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no row 'god'.*good"):
        Rows(root).named("god")


def test_a_name_of_several_rows_lists_them(root: Path) -> None:
    store(root, table(BAD), recipe="good", identity=identity("another"))
    with pytest.raises(ConfigError, match=r"'good' names 2 rows: give one of good-\w{8} \(toy, official\) and good-"):
        Rows(root).named("good")


def test_rows_of_different_images_are_refused(root: Path) -> None:
    store(root, table([*GOOD, 0.5]), recipe="more", dataset=dataset(split="other", split_sha256=digest("other")))
    with pytest.raises(DataError, match="different images, such as 'i008'"):
        compared(root, "good", "more")


def test_rows_of_different_copies_are_refused(root: Path) -> None:
    store(root, table(GOOD), recipe="copied", dataset=dataset(manifest_sha256=digest("copy"), official_copy=False))
    with pytest.raises(DataError, match="different copies of toy"):
        compared(root, "good", "copied")


def test_one_seed_against_several_is_said(root: Path) -> None:
    few, note = compared(root, "good", "bad-wide").notes
    assert few.startswith("With 8 groups the 95 % intervals of differences may be too narrow")
    assert note.startswith("Means over seeds of bad (wide) (2) are compared with rows of a single run")


def test_rows_of_one_name_are_told_apart_by_their_ids(root: Path) -> None:
    for name in ("first", "second"):
        store(root, table(GOOD), recipe="twin", identity=identity(name))
    known = Rows(root)
    rows = [known.named(row_id(one.record)) for one in read_records(root) if one.record.recipe == "twin"]
    names = [row.name for row in distinct_names(rows)]
    assert names == [f"twin {row.mark}" for row in rows]
    assert compare(distinct_names(rows)).pairs[0].difference == 0


def test_a_row_is_not_compared_with_its_own_run(root: Path) -> None:
    run = next(stored.name for stored in read_records(root) if stored.record.seed == 1)
    with pytest.raises(ConfigError, match=f"share the run '{run}': leave one out"):
        compared(root, "bad-wide", run)


def test_intervals_do_not_depend_on_names(root: Path) -> None:
    rows = [Rows(root).named(name) for name in ("good", "bad-wide")]
    renamed = [replace(row, name=name) for row, name in zip(rows, ("x", "y"), strict=True)]
    assert compare(rows).pairs[0].ends == compare(renamed).pairs[0].ends


def test_a_table_scored_against_other_masks_is_refused(tmp_path: Path) -> None:
    for name, protocol in (("a", "per_image@2"),):
        rows = table(GOOD, protocol=protocol)
        store(tmp_path, rows, recipe=name, identity=identity(name), protocols={protocol: {"dice": "higher"}})
    own = table(BAD, protocol="per_image@2")
    own.loc[3, "per_image@2/fn"] += 1
    own.to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(DataError, match="scored against other masks under per_image@2, such as those of 'i003'"):
        compared(tmp_path, "a", str(tmp_path / "own.csv"))


def test_images_are_not_won_by_a_number_of_the_whole_set(tmp_path: Path) -> None:
    for name, dice in (("a", GOOD), ("b", BAD)):
        rows = table(dice, protocol="pooled@2")
        store(tmp_path, rows, recipe=name, identity=identity(name), protocols={"pooled@2": {"dice": "higher"}})
    found = compared(tmp_path, "a", "b", protocol="pooled")
    assert found.pairs[0].superiority is None
    assert any("no mean over images" in note for note in found.notes)
    assert {path.suffix for path in write_files(found, tmp_path / "out", "again")} == {".md", ".csv", ".tex"}


def test_few_groups_are_said(tmp_path: Path) -> None:
    for name, dice in (("a", GOOD), ("b", BAD)):
        store(tmp_path, table(dice, ["v", "w"] * 4), recipe=name, identity=identity(name))
    assert compared(tmp_path, "a", "b").notes[0] == "The images are of 2 groups: no p below 0.5 can be reached."


def test_a_table_of_ones_own_takes_the_groups_of_the_rows(tmp_path: Path) -> None:
    store(tmp_path, table(GOOD, ["v", "w"] * 4), recipe="a", identity=identity("a"))
    table(BAD).to_csv(tmp_path / "own.csv", index=False)
    found = compared(tmp_path, "a", str(tmp_path / "own.csv"))
    assert len(found.scores.sizes) == 2
    assert found.notes[-1] == "own has the groups of the others."


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("image,group\na,a\n", "no column 'id'"),
        ("id,group,p@1/dice\na,a,0.5\na,a,0.6\n", "the id 'a' twice"),
        ("id,group,centre\na,a,x\n", "no column of scores"),
        ("id,group,p@1/dice\n", "has no rows"),
        ("id,group,p@1/dice\na,a,\n", "no number for 'a' in the column 'p@1/dice'"),
        ("id,group,p@1/dice\na,a,7\n", "beyond 0 to 1 in the column 'p@1/dice'"),
        ("", "can't be read"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=fault):
        own_table(path)


def test_protocols_and_metrics_that_are_not_there_are_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no metric 'dise'\. Did you mean 'dice'"):
        compared(root, "good", "bad-wide", metric="dise")
    with pytest.raises(ConfigError, match=r"no protocol 'per_imag'\. Did you mean"):
        compared(root, "good", "bad-wide", protocol="per_imag")


def test_others_are_compared_with_one_alone(root: Path) -> None:
    store(root, table([0.5] * 8), recipe="third", identity=identity("third"))
    found = compared(root, "good", "bad-wide", "third", against="third")
    assert [(pair.method, pair.other) for pair in found.pairs] == [("good", "third"), ("bad (wide)", "third")]
    assert not found.ties


def test_files_hold_the_pairs_and_every_image(root: Path, tmp_path: Path) -> None:
    found = compared(root, "good", "bad-wide")
    paths = write_files(found, tmp_path / "out", "polybench compare good bad-wide")
    assert {path.name for path in paths} == {path.name for path in (tmp_path / "out").iterdir()}
    pairs = pd.read_csv(tmp_path / "out" / "comparison.csv")
    (pair,) = found.pairs
    line = pairs.iloc[0]
    assert line["row"] == "good"
    assert line["minus"] == "bad (wide)"
    assert line["difference"] == pytest.approx(pair.difference, abs=1e-15)
    assert (line["p"], line["p_holm"], line["low"]) == pytest.approx((pair.p, pair.adjusted, pair.ends.low), abs=1e-15)
    assert line[["won", "lost", "equal"]].tolist() == [7, 1, 0]
    images = pd.read_csv(tmp_path / "out" / "images.csv")
    assert images["good"].tolist() == GOOD
    assert r"\textbf" in (tmp_path / "out" / "comparison.tex").read_text()


def test_the_picture_says_where_less_is_better(root: Path) -> None:
    found = compared(root, "good", "bad-wide")
    assert "7 won, 1 lost" in draw(found).axes[0].get_title()
    assert "less" not in draw(found).axes[0].get_title()
    assert "less is better" in draw(replace(found, direction="lower")).axes[0].get_title()


def test_patches_are_called_patches(root: Path) -> None:
    found = replace(compared(root, "good", "bad-wide"), what="patches")
    shown = image_table(found)
    assert (shown.title, shown.columns[1].header) == ("Patches that differ most", "Patch")


def test_only_datasets_with_such_a_row_are_read(root: Path) -> None:
    other = root / "records" / "other"
    other.mkdir()
    (other / "third-0123abcd-s0.json").write_text("{")
    assert Rows(root, names=["good", "bad-wide", "own.csv"]).named("good").name == "good"
    with pytest.raises(DataError):
        Rows(root, names=["good", "third"])
    with pytest.raises(DataError):
        Rows(root, names=["good", "unknown"])


def test_a_run_that_only_an_earlier_version_of_the_protocol_scored_is_found(root: Path) -> None:
    later = {"per_image@2": {"dice": "higher"}}
    store(root, table(GOOD, protocol="per_image@2"), recipe="later", identity=identity("later"), protocols=later)
    known = Rows(root)
    assert known.named("later").ranked == "per_image@2"
    assert known.named("good").runs[0].table["per_image@1/dice"].tolist() == GOOD


def test_a_table_of_semicolons_is_told_to_have_commas(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("id;group;per_image@2/dice\na;a;0,5\n")
    with pytest.raises(DataError, match="with commas between its columns"):
        own_table(tmp_path / "own.csv")


def test_lower_is_better_of_those_metrics_that_say_so() -> None:
    stated = {
        metric
        for protocol in (*PROTOCOLS, *EXTRA_PROTOCOLS)
        for metric, direction in protocol.directions.items()
        if direction == "lower" and metric not in NO_MEANS[protocol.name]
    }
    assert stated == LOWER
