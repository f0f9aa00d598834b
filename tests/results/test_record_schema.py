"""The JSON schema of records."""

import json
from pathlib import Path

from polybench.results.record import READABLE_VERSIONS, read_records
from polybench.results.record_schema import schema_text
from tests.results.factory import table, trained

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"


def test_the_committed_schema_is_that_of_the_records_written_now() -> None:
    assert (LEADERBOARDS / "record.schema.json").read_text() == schema_text()


def test_the_schema_has_the_keys_of_a_record_and_no_others() -> None:
    schema, record = json.loads(schema_text()), json.loads(trained(table([0.5, 1.0])).to_json())
    assert set(schema["properties"]) == set(record)
    assert schema["additionalProperties"] is False
    for part in ("dataset", "provenance"):
        inner = schema["$defs"][schema["properties"][part]["$ref"].rpartition("/")[2]]
        assert set(inner["properties"]) == set(record[part])
        assert set(inner["required"]) <= set(record[part])
    assert schema["properties"]["schema_version"]["const"] == record["schema_version"] == READABLE_VERSIONS[-1]


def test_every_committed_record_is_read_and_has_its_seal() -> None:
    stored = read_records(LEADERBOARDS)
    assert len(stored) == len(list(LEADERBOARDS.glob("records/*/*.json"))) > 0
    assert {one.record.schema_version for one in stored} <= set(READABLE_VERSIONS)
