"""The numbers that the five papers print, as data: `numbers.csv`, and `papers.csv` for where they stand.

A number belongs to the protocol that its paper describes or its released code computes; none where it is a cost, a fact
of a dataset, or of a task without a protocol here. Notes say where a paper contradicts itself or what it quotes.
"""

from dataclasses import dataclass
from functools import cache

from polybench.results.printed.files import lines


@dataclass(frozen=True)
class Paper:
    """One of the five papers.

    Attributes:
        key: Short name, as in `numbers.csv`.
        name: What its method is called.
        citation: Where it stands.
    """

    key: str
    name: str
    citation: str


@dataclass(frozen=True)
class PrintedNumber:
    """A number as a paper prints it.

    Attributes:
        paper: Key of the paper.
        table: Number of the table, or `text`.
        dataset: polybench's name of the dataset; empty where it has none.
        printed_dataset: The paper's name of it.
        protocol: Name of the protocol it belongs to, without a version; empty for none.
        setting: Split, size and machine, as far as the paper says.
        method: The row.
        backbone: Encoder of the row; may be empty.
        metric: The column.
        value: The number, in the digits of the paper.
        unit: Unit of the number.
        note: What contradicts it, or where it is copied from; may be empty.
    """

    paper: str
    table: str
    dataset: str
    printed_dataset: str
    protocol: str
    setting: str
    method: str
    backbone: str
    metric: str
    value: str
    unit: str
    note: str


@cache
def papers() -> dict[str, Paper]:
    """Read the papers.

    Returns:
        Key -> paper, in their order.
    """
    return {row["paper"]: Paper(row["paper"], row["name"], row["citation"]) for row in lines("papers.csv")}


@cache
def printed_numbers() -> tuple[PrintedNumber, ...]:
    """Read all printed numbers, in the order of papers, tables and rows."""
    return tuple(PrintedNumber(**row) for row in lines("numbers.csv"))
