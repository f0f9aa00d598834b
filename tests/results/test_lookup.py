from pathlib import Path

import pytest

from polybench.core.errors import RecordError
from polybench.results.lookup import records_naming
from tests.results.factory import digest, provenance, store, table


def test_records_that_name_a_hash_are_read_and_others_not_parsed(tmp_path: Path) -> None:
    rows = table([0.5, 1.0])
    named = store(tmp_path, rows, recipe="one", provenance=provenance(checkpoint_sha256=digest("one")))
    other = store(tmp_path, rows, recipe="two")
    other.write_text("{")
    assert [stored.path for stored in records_naming(tmp_path, "toy", [digest("one"), digest("none")])] == [named]
    assert records_naming(tmp_path, "toy", [digest("none")]) == []


def test_a_named_record_that_was_edited_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path, table([0.5, 1.0]))
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(RecordError, match="edited after it was written"):
        records_naming(tmp_path, "toy", [digest("checkpoint")])
