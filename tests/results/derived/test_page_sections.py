"""Further numbers of the ranked rows on a page, from maps whose numbers follow by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from polybench.experiments.scores import all_scores
from polybench.metrics import PER_IMAGE, STORED
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import FOV, PATCHES
from polybench.metrics.sufficient import Rows
from polybench.results.config import config_sha256
from polybench.results.facts import Counts
from polybench.results.page import write_page
from polybench.results.record import write_record
from polybench.scoring.folder import StoredMap, stored_rows
from tests.results.factory import baseline, dataset, digest, identity, trained
from tests.results.test_folds import data_of, shared

SIDES = (2, 3, 5, 6)
"""Sides of the squares on images of 10 x 10: 4, 9, 25 and 36 % of the image."""
ONE = {PER_IMAGE.key: {"dice": "higher"}}


def square(side: int) -> np.ndarray:
    mask = np.zeros((10, 10), bool)
    mask[:side, :side] = True
    return mask


def scored(wrong: tuple[int, ...] = (), sides: tuple[int, ...] = SIDES) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table and the scores of squares that are predicted exactly, but for those that are missed."""
    maps = [
        StoredMap(f"i{side}", f"g{side}", np.float32(square(0 if side in wrong else side)), square(side), None)
        for side in sides
    ]
    rows = stored_rows(maps, (PER_IMAGE, FOV), STORED)
    return image_table(rows, (PER_IMAGE, FOV)), all_scores(rows, (PER_IMAGE, FOV))


def store(root: Path, recipe: str, wrong: tuple[int, ...] = (), *, before: bool = False, **changes: Any) -> None:
    """Record a net; `before` leaves out the columns that earlier versions did not store."""
    table, metrics = scored(wrong, changes.pop("sides", SIDES))
    if before:
        table = table[[name for name in table if name.partition("@")[0] not in STORED]]
    changes = {"identity": identity(recipe), "dataset": dataset(), **changes}
    record = trained(table, ONE, recipe=recipe, **changes)
    write_record(replace(record, metrics=metrics), table, root)


def audit(root: Path, splits: list[dict[str, Any]], pairs: str = "") -> None:
    (root / "audits").mkdir()
    content = {"manifest_sha256": digest("official"), "splits": splits}
    (root / "audits" / "toy.json").write_text(json.dumps(content))
    names = ",".join(split["split"] for split in splits)
    (root / "audits" / "toy.csv").write_text(f"first,second,kind,{names}\n{pairs}")


def split(name: str, sha256: str, cuts: tuple[float, float], images: int = 94) -> dict[str, Any]:
    sizes = {"cuts": cuts, "images": 80, "without_object": 0}
    return {"split": name, "split_sha256": sha256, "images": images, "object_sizes": sizes}


def page(root: Path) -> str:
    written = write_page(root, "toy")
    assert written is not None
    return written.read_text(encoding="utf-8")


def lines(text: str, title: str) -> list[list[str]]:
    """Cells of the table under a folded title, its header first; the names without links."""
    [block] = [part.split("</details>")[0] for part in text.split(f"<summary>{title}</summary>")[1:]]
    rows = [line.strip("|").split(" | ") for line in block.splitlines() if line.startswith("| ")]
    return [
        [cell.strip().lstrip("[").partition("](#")[0] if k == 0 else cell.strip() for k, cell in enumerate(row)]
        for row in rows
    ]


def titles(text: str) -> list[str]:
    further = text.partition("### Further numbers of the ranked rows")[2].partition("\n### ")[0]
    return [
        line.removeprefix("<summary>").removesuffix("</summary>")
        for line in further.splitlines()
        if "<summary>" in line
    ]


def test_a_line_for_each_ranked_row_and_none_for_others(tmp_path: Path) -> None:
    store(tmp_path, "exact")
    store(tmp_path, "misses", (6,))
    store(tmp_path, "smoke", budget="smoke")
    table, _ = scored()
    write_record(baseline(table, "all_background", protocols=ONE, metrics=scored()[1]), table, tmp_path)
    text = page(tmp_path)
    assert titles(text) == ["Calibration", "Reliability", "Surface distance"]
    assert [row[0] for row in lines(text, "Calibration")[1:]] == ["exact", "misses"]
    # of 400 pixels 36 have a probability of 0 and are foreground
    assert [row[1].split()[0] for row in lines(text, "Calibration")[1:]] == ["0.0000", "0.0900"]
    assert [row[1].split()[0] for row in lines(text, "Surface distance")[1:]] == ["1.0000", "0.7500"]


def test_rows_of_earlier_records_are_not_stored(tmp_path: Path) -> None:
    store(tmp_path, "now")
    store(tmp_path, "then", before=True)
    text = page(tmp_path)
    for title in ("Calibration", "Reliability", "Surface distance"):
        found = {row[0]: row[1:] for row in lines(text, title)[1:]}
        assert found["then"][0] == "not stored"
        assert found["now"][0] != "not stored"


def test_a_page_of_earlier_records_alone_is_as_it_was(tmp_path: Path) -> None:
    store(tmp_path, "then", before=True)
    assert "Further numbers" not in page(tmp_path)


def test_sizes_and_near_duplicates_follow_from_the_audit_of_the_same_split(tmp_path: Path) -> None:
    store(tmp_path, "misses", (2, 6))
    audit(tmp_path, [split("official", digest("split"), (0.05, 0.25))], "a,i6,duplicate,train-test\n")
    text = page(tmp_path)
    header, row = lines(text, "By object size")
    assert header[1:5] == ["Small (1 image)", "Medium (1 image)", "Large (2 images)", "All (4 images)"]
    assert [cell.split()[0] for cell in row[1:5]] == ["0.0000", "1.0000", "0.5000", "0.5000"]
    assert row[5] == "0.0000 `g2`"
    assert "small is below 5 %, large from 25 %" in text
    [_, row] = lines(text, "Without near-duplicates")
    assert [row[1].split()[0], row[2].split()[0], row[3]] == ["0.5000", "0.6667", "3"]
    assert "The audit found 1 of 4 test images" in text


@pytest.mark.parametrize("changes", [{"split_sha256": digest("other")}, {"manifest_sha256": digest("other")}])
def test_audit_of_another_copy_or_split_says_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    store(tmp_path, "net", dataset=dataset(**changes))
    audit(tmp_path, [split("official", digest("split"), (0.05, 0.25))], "a,i6,duplicate,train-test\n")
    assert not {"By object size", "Without near-duplicates"} & set(titles(page(tmp_path)))


def test_no_near_duplicate_is_a_sentence(tmp_path: Path) -> None:
    store(tmp_path, "net")
    audit(tmp_path, [split("official", digest("split"), (0.05, 0.25))], "a,i6,scene,train-test\n")
    text = page(tmp_path)
    assert "The audit found none of 4 test images" in text
    assert lines(text, "Without near-duplicates") == []


def test_one_confusion_matrix_where_the_field_of_view_ranks(tmp_path: Path) -> None:
    store(tmp_path, "misses", (6,), dataset=dataset(ranked_by="fov"))
    header, row = lines(page(tmp_path), "One confusion matrix inside the field of view")
    assert header[1:] == ["F1 ↑", "Accuracy ↑", "Sensitivity ↑", "Specificity ↑"]
    # tp 38, fn 36, tn 326; the mean over images of Dice is .75
    assert [cell.split()[0] for cell in row[1:]] == ["0.6786", "0.9100", "0.5135", "1.0000"]


def test_patches_have_their_calibration_and_nothing_of_whole_images(tmp_path: Path) -> None:
    probability, positive = np.array([0.05, 0.25, 0.75, 0.95]), np.array([False, True, True, True])
    rows = Rows(list("abcd"), list("vvww"), {"score": probability, "positive": positive})
    table = image_table(rows, [PATCHES])
    facts = dataset(ranked_by="patches", patches_sha256=digest("patches"))
    record = trained(table, {PATCHES.key: {"accuracy": "higher"}}, dataset=facts, task="classification")
    write_record(replace(record, metrics=all_scores(rows, [PATCHES])), table, tmp_path)
    audit(tmp_path, [split("official", digest("split"), (0.05, 0.25))], "x,a,exact,train-test\n")
    text = page(tmp_path)
    assert titles(text) == ["Calibration", "Reliability"]
    header, row = lines(text, "Calibration")
    assert header[1:3] == ["ECE, all patches", "ECE, mean over groups"]
    # gaps of the four bins -.05, .75, .25 and .05; a group has the first two, the other the last two
    assert [row[1].split()[0], row[2].split()[0]] == ["0.2750", "0.2750"]
    assert row[5].split()[0] == f"{(0.05**2 * 2 + 0.75**2 + 0.25**2) / 4:.4f}"


def test_each_fold_has_its_own_cuts_and_its_own_training(tmp_path: Path) -> None:
    for fold, sides in ((1, (2, 3)), (2, (5,)), (3, (6,))):
        facts = {
            "identity": shared(fold),
            "dataset": replace(data_of(fold), counts=Counts(80, 10, 0)),
            "config": {"split": fold},
            "config_sha256": config_sha256({"split": fold}),
        }
        store(tmp_path, "net", (2, 6), sides=sides, **facts)
    cuts = {1: (0.01, 0.05), 2: (0.5, 0.6), 3: (0.5, 0.6)}
    splits = [
        split(f"fold_{fold}_of_3", digest(f"split {fold}"), cuts[fold], images=90 + n)
        for fold, n in ((1, 2), (2, 1), (3, 1))
    ]
    pairs = "a,i5,duplicate,test-train,train-test,train-train\n"  # in the first fold it is the other one that is tested
    audit(tmp_path, splits, pairs)
    text = page(tmp_path)
    header, row = lines(text, "By object size")
    assert header[1:4] == ["Small (2 images)", "Medium (1 image)", "Large (1 image)"]
    assert [cell.split()[0] for cell in row[1:4]] == ["0.5000", "0.0000", "1.0000"]
    assert "small is below 1\N{EN DASH}50 %, large from 5\N{EN DASH}60 %" in text
    assert lines(text, "Without near-duplicates")[1][-1] == "3"
