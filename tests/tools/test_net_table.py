"""The committed table of nets has a row for each method, and what is computed is what the nets are."""

import re
from pathlib import Path

import net_table
import pytest
from net_table import COLUMNS, computed, methods, stored

STATUS = r"exact(, less [\d,]+ \w+| but for 3 heads)?|as printed(, our reading)?|our reading|library|ours"


def test_each_method_has_a_row_with_all_that_is_written_by_hand() -> None:
    rows = stored()
    assert list(rows) == methods()
    for name, row in rows.items():
        assert tuple(row) == COLUMNS
        assert row["paper"], name
        assert row["title"], name
        assert re.fullmatch(r"(19|20)\d\d|", row["year"]), name
        assert re.fullmatch(STATUS, row["status"]), name


@pytest.mark.parametrize("method", methods())
def test_row_is_that_of_the_net(method: str) -> None:
    row, now = stored()[method], computed(method, with_macs=False)
    assert {column: row[column] for column in now} == now, f"python tools/net_table.py {method}"


@pytest.mark.slow
@pytest.mark.parametrize("method", methods())
def test_cost_is_that_of_the_net(method: str) -> None:
    assert stored()[method]["gmac"] == computed(method)["gmac"], f"python tools/net_table.py {method}"


def test_status_is_true_of_the_numbers() -> None:
    for name, row in stored().items():
        parameters, published, status = int(row["parameters"]), row["published"], row["status"]
        less = int(found.group(1).replace(",", "")) if (found := re.search(r"less ([\d,]+)", status)) else 0
        if published.endswith(" M"):
            digits = published.removesuffix(" M")
            apart = abs(parameters + less - float(digits) * 1e6)
            printed = apart <= 0.5 * 10 ** (6 - len(digits.partition(".")[2]))
            assert printed == (status != "our reading"), name
        elif published:
            assert parameters + less == int(published.replace(",", "")), name
            assert status.startswith("exact"), name
        else:
            assert not status.startswith(("exact,", "as printed")), name


def test_tool_keeps_what_is_written_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = net_table.TABLE.read_bytes()
    copy = tmp_path / "nets.csv"
    copy.write_bytes(before.replace(b",exact\n", b",ours\n"))
    monkeypatch.setattr(net_table, "TABLE", copy)
    assert net_table.main(["resunet", "wide_unet"]) == 0
    assert copy.read_bytes() == before.replace(b",exact\n", b",ours\n")
