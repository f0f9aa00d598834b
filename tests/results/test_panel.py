import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from polybench.results.page import render_page
from polybench.results.quantities import TIMES
from polybench.results.record import read_records, write_record
from tests.results.factory import baseline, dataset, digest, provenance, store, table, trained

PER_IMAGE = {"dice": "higher", "iou": "higher"}
PRANET = {"mean_dice": "higher", "max_dice": "higher", "mae": "lower", "recall": "higher"}


def rows(dice: float, **pranet: float) -> pd.DataFrame:
    """60 images that all score alike."""
    values = {"mean_dice": 0.5, "max_dice": 0.75, "mae": 0.125, "recall": 0.9} | pranet
    columns = {f"pranet@1/{name}": [value] * 60 for name, value in values.items()}
    return table([dice] * 60).assign(**{"per_image@1/iou": [dice / 2] * 60, **columns})


def add(root: Path, images: pd.DataFrame, **changes: Any) -> None:
    write_record(trained(images, {"per_image@1": PER_IMAGE, "pranet@1": PRANET}, **changes), images, root)


def page_of(root: Path) -> str:
    return render_page("toy", read_records(root))


def panel_lines(page: str) -> list[list[str]]:
    """Cells of the table, its head first, links reduced to their text."""
    part = page.split("### The same predictions under every protocol", 1)[1].split("\n#", 1)[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return [[re.sub(r"\[([^]]*)\]\(#[^)]*\)", r"\1", cell) for cell in cells] for cells in lines]


def test_a_line_shows_one_run_under_every_protocol(tmp_path: Path) -> None:
    add(tmp_path, rows(0.8))
    head, line = panel_lines(page_of(tmp_path))
    assert head == [
        "Recipe",
        "Budget",
        "`per_image@1` Dice / IoU ↑",
        "`pranet@1` mean Dice ↑",
        "`pranet@1` max Dice ↑",
        "`pranet@1` MAE ↓",
    ]
    assert line == ["unet_toy", "published", "0.8000 / 0.4000", "0.5000", "0.7500", "0.1250"]


def test_lines_keep_the_order_of_per_image_and_have_no_rank(tmp_path: Path) -> None:
    add(tmp_path, rows(0.6, max_dice=0.99), recipe="worse")
    add(tmp_path, rows(0.7, max_dice=0.61), recipe="better")
    add(tmp_path, rows(0.9), recipe="short", budget="smoke")
    head, *lines = panel_lines(page_of(tmp_path))
    assert [line[0] for line in lines] == ["better", "worse", "short"]
    assert "Rank" not in head


def test_seeds_are_averaged(tmp_path: Path) -> None:
    for seed, value in ((0, 0.5), (1, 0.75)):
        add(tmp_path, rows(0.8, mean_dice=value), seed=seed)
    [_, line] = panel_lines(page_of(tmp_path))
    assert line[3] == "0.6250"


def test_runs_of_one_protocol_alone_are_not_shown(tmp_path: Path) -> None:
    store(tmp_path, table([0.9] * 60), recipe="old")
    assert "The same predictions" not in page_of(tmp_path)
    add(tmp_path, rows(0.8), recipe="new")
    assert [line[0] for line in panel_lines(page_of(tmp_path))[1:]] == ["new"]


def test_seeds_scored_under_fewer_protocols_are_not_averaged_with_the_others(tmp_path: Path) -> None:
    store(tmp_path, rows(0.2), seed=0)
    add(tmp_path, rows(0.8), seed=1)
    [_, line] = panel_lines(page_of(tmp_path))
    assert line[2] == "0.8000 / 0.4000"


def test_what_a_run_lacks_is_a_dash(tmp_path: Path) -> None:
    images = rows(0.7).assign(**{"fov@1/auc": [0.25] * 60})
    write_record(trained(images, {"per_image@1": PER_IMAGE, "fov@1": {"auc": "higher"}}, recipe="a"), images, tmp_path)
    add(tmp_path, rows(0.8), recipe="b")
    head, first, second = panel_lines(page_of(tmp_path))
    assert head[3] == "`fov@1` AUC ↑"
    assert first == ["b", "published", "0.8000 / 0.4000", "—", "0.5000", "0.7500", "0.1250"]
    assert second[3:] == ["0.2500", "—", "—", "—"]


def test_a_baseline_scored_anew_under_more_protocols_stands_once(tmp_path: Path) -> None:
    images = rows(0.1)
    write_record(baseline(images, "otsu", config_sha256=digest("old")), images, tmp_path)
    record = trained(images, {"per_image@1": {"dice": "higher"}, "pranet@1": PRANET})
    anew = baseline(images, "otsu", config_sha256=digest("new"), metrics=record.metrics)
    write_record(anew, images, tmp_path)
    page = page_of(tmp_path)
    assert page.count("<summary><b>Otsu</b>") == 1
    assert f"baseline <code>{digest('new')[:8]}</code>" in page
    assert [line[:3] for line in panel_lines(page)[1:]] == [["*Otsu*", "—", "0.1000"]]


def test_baselines_at_two_sizes_say_which(tmp_path: Path) -> None:
    for size, value in ((64, 0.25), (128, 0.5)):
        images = rows(0.1, mean_dice=value)
        metrics = trained(images, {"per_image@1": PER_IMAGE, "pranet@1": PRANET}).metrics
        facts = dataset(size=(size, size))
        changes = {"dataset": facts, "config_sha256": digest(str(size)), "metrics": metrics}
        write_record(baseline(images, "otsu", **changes), images, tmp_path)
    page = page_of(tmp_path)
    shown = {line[0]: line[3] for line in panel_lines(page)[1:]}
    assert shown == {f"*Otsu* *at 64{TIMES}64*": "0.2500", f"*Otsu* *at 128{TIMES}128*": "0.5000"}
    assert set(re.findall(r"\(#(otsu[^)]+)\)", page)) == set(re.findall(r'<a id="(otsu[^"]+)"', page))


def test_definitions_of_the_newest_records_end_the_page(tmp_path: Path) -> None:
    images = rows(0.8)
    for day, words in ((2, "The newer <words>."), (1, "The older words.")):
        record = trained(images, {"per_image@1": PER_IMAGE}, seed=day)
        metrics = {"per_image@1": replace(record.metrics["per_image@1"], definition=words)}
        finished = provenance(finished_at=f"2025-03-0{day}T05:06:07+00:00")
        write_record(replace(record, metrics=metrics, provenance=finished), images, tmp_path)
    end = page_of(tmp_path).split("## What the protocols are", 1)[1]
    assert end == "\n\n**`per_image@1`** The newer &lt;words&gt;.\n"
