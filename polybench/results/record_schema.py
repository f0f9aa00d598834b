"""The JSON schema of records, committed beside them so that other programs can read and check records."""

import json
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.results.record import SCHEMA_VERSION, Record
from polybench.results.strict import json_schema

FILE = "record.schema.json"


def schema_text() -> str:
    """The schema as JSON, for records of `SCHEMA_VERSION`; docstrings of the classes are its descriptions."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"polybench record, schema version {SCHEMA_VERSION}",
        **{key: value for key, value in json_schema(Record).items() if key != "title"},
    }
    schema["properties"]["schema_version"]["const"] = SCHEMA_VERSION
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def write_schema(root: Path) -> Path:
    """Write the schema beside the pages of a folder of leaderboards."""
    path = root / FILE
    atomic_write_text(path, schema_text())
    return path


def stale_schema(root: Path) -> list[str]:
    """Say that a folder's schema is not that of this polybench; empty where it is, or where there is none."""
    path = root / FILE
    if not path.is_file() or path.read_bytes().replace(b"\r\n", b"\n") == schema_text().encode():
        return []
    return [f"'{path}' is not the schema of the records that this polybench writes."]
