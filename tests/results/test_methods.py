"""Sections of methods on the page, for methods that no page knows."""

from pathlib import Path

from polybench.results.page import render_page
from polybench.results.record import read_records
from polybench.results.sections import Column, Section
from tests.results.factory import store, table

WIDE = [0.0, 1.0] * 50
COLUMNS = (
    Column(key="step", header="Step", kind="text"),
    Column(key="found", header="Found", kind="count", direction="higher"),
    Column(key="error", header="Error", decimals=2, direction="lower"),
    Column(key="share", header="Share", kind="share", decimals=0),
)


def section(found: int, error: float | None, **changes: object) -> Section:
    rows = ({"step": "before", "found": found, "error": error, "share": 0.25}, {"step": "after", "found": 2 * found})
    return Section(title="Pruned nets", columns=COLUMNS, rows=rows, **changes)  # type: ignore[arg-type]


def page_of(root: Path) -> str:
    return render_page("toy", read_records(root))


def lines_of(page: str) -> list[str]:
    part = page.split("### Pruned nets", 1)[1].split("\n#", 1)[0]
    return [line.split(") | ", 1)[-1] for line in part.splitlines() if line.startswith("|")]


def test_numbers_are_averaged_over_seeds(tmp_path: Path) -> None:
    for seed, found, error in ((0, 3, 0.5), (1, 6, None), (2, 12, 1.5)):
        store(tmp_path, table(WIDE), seed=seed, sections={"pruning": section(found, error, note="How it is done.")})
    page = page_of(tmp_path)
    assert lines_of(page) == [
        "| Recipe | Seeds | Step | Found ↑ | Error ↓ | Share |",
        "|:---|:---|:---|---:|---:|---:|",
        "0, 1, 2 | before | 7.0 ± 4.6 | 1.00 ± 0.71 | 25 % |",
        "0, 1, 2 | after | 14.0 ± 9.2 | — | — |",
    ]
    assert page.split("### Pruned nets", 1)[1].split("\n#", 1)[0].endswith("\n\nHow it is done.\n")


def test_runs_with_other_numbers_of_rows_stand_by_themselves(tmp_path: Path) -> None:
    first = section(3, 0.5)
    store(tmp_path, table(WIDE), seed=0, sections={"pruning": first})
    store(tmp_path, table(WIDE), seed=1, sections={"pruning": first.model_copy(update={"rows": first.rows[:1]})})
    assert [line[:10] for line in lines_of(page_of(tmp_path))[2:]] == ["0 | before", "0 | after ", "1 | before"]


def test_facts_stand_in_the_details_of_their_row(tmp_path: Path) -> None:
    for seed in (0, 1):
        facts = {"Cut": f"{seed} layers", "Kind": "structured *x*", **({"Once": "yes"} if seed else {})}
        store(tmp_path, table(WIDE), seed=seed, sections={"pruning": Section(title="Pruned nets", facts=facts)})
    page = page_of(tmp_path)
    assert "- **Cut:** seed 0: 0 layers; seed 1: 1 layers\n- **Kind:** structured \\*x\\*\n" in page
    assert "- **Once:** seed 1: yes\n" in page
    assert "### Pruned nets" not in page


def test_what_a_method_adds_to_the_cost_stands_beside_it(tmp_path: Path) -> None:
    added = Section(title="Pruned nets", added_parameters=1500, evaluations=2.5)
    store(tmp_path, table(WIDE), sections={"pruning": added})
    assert "| 31.04 M + 1.50 k | 54.00 G \N{MULTIPLICATION SIGN} 2.5 evaluations |" in page_of(tmp_path)


def test_an_altered_test_is_noted_and_has_no_training_of_its_own(tmp_path: Path) -> None:
    changed = section(3, 0.5, alters=True, row_note="Half of its weights are zero.")
    store(tmp_path, table(WIDE), sections={"pruning": changed})
    page = page_of(tmp_path)
    [note] = [line for line in page.splitlines() if line.startswith("- <sup>a</sup>")]
    assert "Half of its weights are zero. Details: [Pruned nets](#pruned-nets-" in note
    assert f'<a id="{note.split("(#")[1].split(")")[0]}"></a>' in page
    [cost] = [line for line in page.splitlines() if line.endswith("| [command](#" + line.split("(#")[-1])]
    assert cost.split(" | ")[3] == cost.split(" | ")[7] == "\N{EM DASH}"


def test_a_long_table_is_folded(tmp_path: Path) -> None:
    rows = tuple({"step": f"step {number}"} for number in range(30))
    store(tmp_path, table(WIDE), sections={"pruning": Section(title="Pruned nets", columns=COLUMNS, rows=rows)})
    assert "### Pruned nets\n\n<details>\n<summary>30 lines</summary>\n" in page_of(tmp_path)
