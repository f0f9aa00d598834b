from collections import Counter

from polybench.results.printed.numbers import papers, printed_numbers


def _value(**wanted: str) -> str:
    found = [one for one in printed_numbers() if wanted.items() <= vars(one).items()]
    assert len(found) == 1
    return found[0].value


def test_numbers_are_those_that_the_papers_print() -> None:
    # Read in the papers' abstracts and tables.
    assert _value(paper="fcn16s", table="I", method="Our-S3+C2 Refinement", metric="Polyp IoU") == "76.68"
    assert _value(paper="fanet", table="II", method="FANet", metric="F1") == "0.8803"
    assert (
        _value(paper="fanet", table="IX", dataset="em", method="FANet B4 (+MixPool + feedback)", metric="F1")
        == "0.9547"
    )
    assert _value(paper="efen", table="2", method="EFEN", metric="DSC") == "93.04"
    assert _value(paper="bsan", table="text", metric="Parameters") == "6.36"


def test_each_number_stands_once_and_names_its_paper() -> None:
    places = Counter(
        (one.paper, one.table, one.printed_dataset, one.method, one.backbone, one.metric) for one in printed_numbers()
    )
    twice = {place for place, count in places.items() if count > 1}
    assert all(place[0] == "finetuning" for place in twice)  # its tables S1 to S3 lost their empty cells
    assert {one.paper for one in printed_numbers()} == set(papers())


def test_table_ix_has_28_cells() -> None:
    cells = {(one.dataset, one.method) for one in printed_numbers() if (one.paper, one.table) == ("fanet", "IX")}
    assert len(cells) == 28


def test_datasets_and_protocols_are_known() -> None:
    from polybench import datasets
    from polybench.metrics import PROTOCOLS

    known = {getattr(datasets, name).short_name for name in datasets.__all__}
    assert {one.dataset for one in printed_numbers()} - {""} <= known
    assert {one.protocol for one in printed_numbers()} - {""} <= {protocol.name for protocol in PROTOCOLS}
