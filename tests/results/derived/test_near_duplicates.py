import json
from pathlib import Path

import pandas as pd
import pytest

from polybench.core.errors import DataError
from polybench.results.derived.audits import read_audit
from polybench.results.derived.near_duplicates import without_duplicates
from polybench.results.derived.seeds import Seeds
from tests.results.factory import dataset, digest, table

METRIC = "per_image@1/dice"
SPLIT = {"split": "official", "split_sha256": digest("split"), "images": 190}
SIZES = {"cuts": [0.1, 0.2], "images": 3, "without_object": 0}
PAIRS = (
    "first,second,kind,official\n"
    "a,i000,duplicate,train-test\n"
    "i001,b,exact,test-train\n"
    "i002,b,scene,test-train\n"
    "i003,v,exact,test-val\n"
    "i004,z,exact,\n"
)


def write(root: Path, split: dict[str, object], manifest: str = digest("official")) -> None:
    (root / "audits").mkdir(exist_ok=True)
    (root / "audits" / "toy.json").write_text(json.dumps({"manifest_sha256": manifest, "splits": [split]}))
    (root / "audits" / "toy.csv").write_text(PAIRS)


def test_score_of_the_other_images_stands_beside_the_score() -> None:
    found = without_duplicates(Seeds([table([0.2, 0.4, 0.9, 0.7])]), METRIC, {"i000", "i001", "of training"})
    assert found is not None
    assert found.rest is not None
    assert (found.left, found.rest.n, found.every.n) == (2, 2, 4)
    assert (found.every.value, found.rest.value) == (pytest.approx(0.55), pytest.approx(0.8))


def test_nothing_may_be_left() -> None:
    found = without_duplicates(Seeds([table([0.2])]), METRIC, {"i000"})
    assert found is not None
    assert (found.rest, found.left) == (None, 0)
    assert without_duplicates(Seeds([pd.DataFrame({"id": ["a"], "group": ["a"]})]), METRIC, ()) is None


def test_audit_names_test_images_with_a_near_duplicate_in_training(tmp_path: Path) -> None:
    write(tmp_path, {**SPLIT, "object_sizes": SIZES})
    audit = read_audit(tmp_path, "toy")
    assert audit is not None
    split = audit.of(dataset())
    assert split is not None
    assert split.near_duplicates == {"i000", "i001"}
    assert split.size_cuts == (0.1, 0.2)


def test_audit_counts_for_the_same_copy_and_split_alone(tmp_path: Path) -> None:
    write(tmp_path, SPLIT)
    audit = read_audit(tmp_path, "toy")
    assert audit is not None
    assert audit.of(dataset(manifest_sha256=digest("another copy"))) is None
    assert audit.of(dataset(split_sha256=digest("another split"))) is None
    assert read_audit(tmp_path, "another") is None


def test_audit_that_could_not_read_some_images_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, {**SPLIT, "images": 189, "object_sizes": SIZES})  # a record of 80, 10 and 100
    audit = read_audit(tmp_path, "toy")
    assert audit is not None
    assert audit.of(dataset()) is None


def test_audit_from_before_has_no_sizes(tmp_path: Path) -> None:
    write(tmp_path, SPLIT)
    audit = read_audit(tmp_path, "toy")
    assert audit is not None
    assert [split.size_cuts for split in audit.splits.values()] == [None]


@pytest.mark.parametrize("text", ["{", "[]", '{"manifest_sha256": "a", "splits": [{}]}'])
def test_broken_audit_ends_in_one_sentence(tmp_path: Path, text: str) -> None:
    write(tmp_path, SPLIT)
    (tmp_path / "audits" / "toy.json").write_text(text)
    with pytest.raises(DataError, match=r"write them again with `polybench data audit toy`\."):
        read_audit(tmp_path, "toy")
