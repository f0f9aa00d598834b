"""Sections of a record that methods write: values that describe themselves, so that any page can show them.

A method returns a `Section`; `Record.sections` holds it under the method's name. Whatever reads records renders a
section from its columns, rows and facts alone and knows nothing of the method:

    >>> Section(
    ...     title="Masks after each pass",
    ...     columns=(Column(key="step", header="Pass", kind="text"), Column(key="dice", header="Dice")),
    ...     rows=({"step": "first", "dice": 0.5}, {"step": "last", "dice": 0.75}),
    ...     facts={"Passes": "2"},
    ... ).rows[1]["dice"]
    0.75
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, StringConstraints, model_validator

from polybench.results.facts import Direction

ColumnKind = Literal["text", "count", "number", "share", "seconds", "bytes"]
Value = str | int | FiniteFloat | None
Line = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\r\n]*$")]


class Column(BaseModel):
    """A column of a section's table.

    Attributes:
        key: Key of the column's values in the rows.
        header: Title above the column, plain text.
        kind: What the values are: `text`; `count` (whole numbers, shown without decimals); `number`; `share` (0 to 1,
            shown as a percentage); `seconds` and `bytes` (shown with a unit).
        decimals: Decimals of a `number` or a `share`.
        direction: Which way is better; None where neither is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: Line
    header: Line
    kind: ColumnKind = "number"
    decimals: int = Field(default=4, ge=0, le=12)
    direction: Direction | None = None


class Section(BaseModel):
    """A method's part of a record and of the pages made from it.

    Attributes:
        title: Heading on the page, plain text.
        note: Sentences below the heading, plain text.
        columns: Columns of the section's table.
        rows: Rows of the table: column's key -> plain value; None, or no key, is a missing value. Over the seeds of one
            row of the page numbers are averaged, row by row.
        facts: Label -> plain text, for the folded details of the run.
        data: The method's own machine-readable values, which no page shows.
        alters: Whether the method changed what was tested, so that the record is a row of its own and no plain test of
            its checkpoint.
        row_note: A sentence about the row for the notes below the ranked table; where it is empty and `alters` is set,
            a general one is shown.
        added_parameters: Parameters of further nets that took part, shown after those of the net.
        evaluations: How often the net runs for one test image, on average, shown after its operations.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: Line
    note: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[Mapping[str, Value], ...] = ()
    facts: Mapping[str, str] = Field(default_factory=dict)
    data: Mapping[str, JsonValue] = Field(default_factory=dict)
    alters: bool = False
    row_note: str = ""
    added_parameters: int | None = Field(default=None, ge=0)
    evaluations: FiniteFloat | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        """Check that columns have different keys, and that each value belongs to a column of its kind.

        Raises:
            ValueError: If one doesn't.
        """
        kinds = {column.key: column.kind for column in self.columns}
        if len(kinds) < len(self.columns):
            raise ValueError("two columns have the same key")
        for place, row in enumerate(self.rows):
            for key, value in row.items():
                if key not in kinds:
                    raise ValueError(f"rows[{place}] has the key '{key}', which no column has")
                if value is not None and isinstance(value, str) != (kinds[key] == "text"):
                    raise ValueError(f"rows[{place}].{key} is {value!r} in a column of kind {kinds[key]}")
        return self
