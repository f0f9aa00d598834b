"""The audits of the repository know every split list of their dataset, as it is now."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AUDITS = sorted((ROOT / "leaderboards" / "audits").glob("*.json"))


@pytest.mark.parametrize("audit", AUDITS, ids=lambda path: path.stem)
def test_audit_has_every_split_of_its_dataset(audit: Path) -> None:
    found = {one["split"]: one["split_sha256"] for one in json.loads(audit.read_text())["splits"]}
    files = (ROOT / "polybench" / "datasets" / "splits" / audit.stem).glob("*.csv")
    assert found == {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.parametrize("audit", AUDITS, ids=lambda path: path.stem)
def test_audit_has_the_sizes_of_training_objects_of_every_split(audit: Path) -> None:
    for split in json.loads(audit.read_text())["splits"]:
        sizes = split["object_sizes"]
        low, high = sizes["cuts"]
        assert 0 < low <= high < 1
        assert 0 <= sizes["without_object"] < sizes["images"] <= split["listed"]["train"]
