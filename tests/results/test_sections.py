"""Sections of methods: what they accept, and how a record keeps them."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from polybench.core.errors import RecordError
from polybench.results.record import Record
from polybench.results.sections import Column, Section
from tests.results.factory import table, trained

SECTION = Section(
    title="Masks of two steps",
    columns=(Column(key="step", header="Step", kind="text"), Column(key="found", header="Found", kind="count")),
    rows=({"step": "first", "found": 3}, {"step": "second", "found": None}),
    facts={"Z": "last letter", "A": "first letter"},
    data={"curve": [0.5, None, {"deep": True}]},
)


def test_a_record_keeps_a_section_with_the_order_of_its_facts() -> None:
    text = trained(table([0.5, 1.0]), sections={"method": SECTION}).to_json()
    assert list(json.loads(text)["sections"]["method"]["facts"]) == ["Z", "A"]
    assert Record.from_json(text, "x.json").sections == {"method": SECTION}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": ({"other": 1},)}, "the key 'other', which no column has"),
        ({"rows": ({"found": "three"},)}, "'three' in a column of kind count"),
        ({"rows": ({"step": 3},)}, "3 in a column of kind text"),
        ({"columns": (SECTION.columns[0], SECTION.columns[0])}, "the same key"),
        ({"title": "two\nlines"}, "title"),
        ({"facts": {"A": 1}}, "facts"),
        ({"unknown": 1}, "unknown"),
        ({"rows": ({"found": float("nan")},)}, "finite"),
    ],
)
def test_a_section_refuses(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Section(**(dict(SECTION) | changes))


def test_a_record_names_the_key_of_a_section_that_is_wrong() -> None:
    data = json.loads(trained(table([0.5, 1.0]), sections={"method": SECTION}).to_json())
    data["record_sha256"] = None
    data["sections"]["method"]["alters"] = "yes"
    with pytest.raises(RecordError, match=r"'x\.json'.*sections\.method\.alters"):
        Record.from_json(json.dumps(data), "x.json")
