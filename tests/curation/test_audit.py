import shutil
from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.curation.audit import AuditReport, Leak, PairCount, SplitAudit, audit, audit_copy, reported_pairs
from polybench.curation.duplicates import Pair, Search
from polybench.curation.object_sizes import ObjectSizes
from polybench.data.splits import Split, Subset, load_split
from polybench.datasets import ClinicDBDataModule

# Six images: a b c are for training, d for validation, e f for test; a and e are one patient, as are c and d.
SUBSETS: dict[str, Subset] = {"a": "train", "b": "train", "c": "train", "d": "val", "e": "test", "f": "test"}
GROUPS = {"a": "p1", "b": "p2", "c": "p3", "d": "p3", "e": "p1", "f": "p4"}
PAIRS = (
    Pair("a", "e", "exact", 1.0, 0, same_mask=False),
    Pair("a", "b", "duplicate", 0.95, 3),
    Pair("b", "f", "duplicate", 0.9, 4),
    Pair("e", "f", "duplicate", 0.85, 4),
    Pair("c", "d", "scene", 0.7, 9),
    Pair("c", "e", "scene", 0.65, 9),
)
SEARCH = Search(PAIRS, None, 0.6)


def split(name: str, subsets: dict[str, Subset]) -> Split:
    return Split(name, "0" * 64, subsets, GROUPS, group_disjoint=False, note="")


def test_leaks_count_each_image_once_by_its_surest_partner_in_train() -> None:
    result = audit(SEARCH, SUBSETS, GROUPS)
    assert (result.images, result.groups) == (6, 4)
    assert result.leaks == (
        Leak("val", images=1, exact=0, duplicate=0, scene=1, group=1),  # d resembles c, of its own group
        Leak("test", images=2, exact=1, duplicate=2, scene=2, group=1),  # e equals a; f resembles b
    )


def test_pairs_are_counted_per_two_subsets_within_and_across_groups() -> None:
    assert audit(SEARCH, SUBSETS, GROUPS).counts == (
        PairCount(("train", "train"), "duplicate", within_groups=0, across_groups=1),
        PairCount(("train", "val"), "scene", within_groups=1, across_groups=0),
        PairCount(("train", "test"), "exact", within_groups=1, across_groups=0),
        PairCount(("train", "test"), "duplicate", within_groups=0, across_groups=1),
        PairCount(("train", "test"), "scene", within_groups=0, across_groups=1),
        PairCount(("test", "test"), "duplicate", within_groups=0, across_groups=1),
    )


def test_a_partner_in_test_or_val_is_no_leak() -> None:
    subsets: dict[str, Subset] = {"d": "val", "e": "test", "f": "test"}
    result = audit(SEARCH, subsets, GROUPS)
    assert [leak.duplicate for leak in result.leaks] == [0, 0]
    assert [(item.pair.first, item.pair.second) for item in result.pairs] == [("e", "f")]


def test_a_subset_without_images_has_no_leak() -> None:
    assert audit(SEARCH, {"a": "train", "e": "test"}, GROUPS).leaks == (Leak("test", 1, 1, 1, 1, 1),)


def test_the_worst_pairs_cross_groups_then_subsets() -> None:
    all_train: dict[str, Subset] = {"a": "train", "b": "train"}
    splits = tuple(
        SplitAudit(s, audit(SEARCH, s.subsets, GROUPS), ObjectSizes(None, 0, 0))
        for s in (split("one", all_train), split("two", SUBSETS))
    )
    rows = reported_pairs(AuditReport("set", "0" * 64, (), 6, SEARCH, splits))
    assert [row.pair.first + row.pair.second for row in rows] == ["bf", "ce", "ab", "ef", "ae", "cd"]
    assert rows[2].subsets == (("train", "train"), ("train", "train"))
    assert rows[0].subsets == (None, ("train", "test"))
    assert rows[4].groups == ("p1", "p1")


@pytest.fixture
def copied(data_root: Path) -> Path:
    """Twelve frames; 12, of the test subset, is a copy of 1, of the training subset, with the mask of another frame."""
    shutil.copy(data_root / "CVC-ClinicDB" / "Original" / "1.tif", data_root / "CVC-ClinicDB" / "Original" / "12.tif")
    return data_root


def test_a_copy_is_searched_and_its_splits_counted(copied: Path) -> None:
    data = ClinicDBDataModule(root=str(copied), split=str(copied / "split.csv"))
    report = audit_copy(data, [data.split])
    assert report.images == 12
    assert report.copy_notes == ("12 of 612 images", "images of 64x48 instead of 384x288")
    assert len(report.manifest_sha256) == 64
    assert [pair for pair in report.search.pairs if pair.kind == "exact"] == [
        Pair("1", "12", "exact", 1.0, 0, same_mask=False)
    ]
    [result] = [item.result for item in report.splits]
    test = result.leaks[-1]
    assert (test.subset, test.images, test.exact, test.group) == ("test", 4, 1, 0)


def test_images_that_a_split_does_not_list_are_left_out_of_it(copied: Path) -> None:
    lines = (copied / "split.csv").read_text().splitlines()
    (copied / "short.csv").write_text("\n".join(lines[:-1]) + "\n")
    data = ClinicDBDataModule(root=str(copied), split=str(copied / "split.csv"))
    short = load_split(copied, str(copied / "short.csv"))
    report = audit_copy(data, [data.split, short])
    assert [item.result.images for item in report.splits] == [12, 11]
    assert report.splits[1].result.leaks[-1].exact == 0


def test_a_broken_image_is_named_or_left_out(copied: Path) -> None:
    broken = copied / "CVC-ClinicDB" / "Original" / "5.tif"
    broken.write_bytes(broken.read_bytes()[:200])
    strict = ClinicDBDataModule(root=str(copied), split=str(copied / "split.csv"))
    with pytest.raises(DataError, match=r"5\.tif"):
        audit_copy(strict, [strict.split])
    lenient = ClinicDBDataModule(root=str(copied), split=str(copied / "split.csv"), on_error="skip")
    assert audit_copy(lenient, [lenient.split]).images == 11
    assert "5.tif" in lenient.problems[0]
