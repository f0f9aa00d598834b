"""Pages of datasets that another protocol ranks than `per_image`, from scores of maps."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from polybench.experiments.scores import all_scores
from polybench.metrics import PER_IMAGE, Protocol
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import BOUNDARY, INSTANCES, MEMBRANES
from polybench.results.page import render_page
from polybench.results.record import read_records, write_record
from polybench.scoring.folder import StoredMap, stored_rows
from tests.results.factory import dataset, table, trained
from tests.results.test_page import score_rows

Maps = Mapping[str, np.ndarray]


def two_cells() -> np.ndarray:
    """Cells of 7 x 8 pixels, left and right of a membrane of two pixels."""
    mask = np.ones((7, 18), bool)
    mask[:, 8:10] = False
    return mask


def add(root: Path, recipe: str, prediction: np.ndarray, ranked: Protocol, seeds: int = 1) -> None:
    """Record a net that predicts this for each of three images."""
    truth = two_cells()
    labels = np.where(np.arange(18) < 9, 1, 2) * truth
    maps = [StoredMap(f"i{n}", f"g{n}", prediction.astype(np.float32), truth, None, labels) for n in range(3)]
    protocols = (PER_IMAGE, BOUNDARY, ranked) if ranked is not BOUNDARY else (PER_IMAGE, BOUNDARY)
    rows = stored_rows(maps, protocols)
    for seed in range(seeds):
        record = trained(table([0.5] * 3), recipe=recipe, seed=seed, dataset=dataset(ranked_by=ranked.name))
        scored = replace(record, metrics=all_scores(rows, protocols))
        write_record(scored, image_table(rows, protocols), root)


def thin_gap() -> np.ndarray:
    """A hole in the membrane of one pixel's height: both cells become one, while nearly every pixel is right."""
    prediction = two_cells()
    prediction[3, 8:10] = True
    return prediction


def worn() -> np.ndarray:
    """Both cells, apart, without their outermost columns: many pixels are wrong, the division into cells is right."""
    prediction = two_cells()
    prediction[:, [0, 1, 16, 17]] = False
    return prediction


@pytest.mark.parametrize(("ranked", "title"), [(MEMBRANES, "V_rand"), (INSTANCES, "PQ")])
def test_cells_that_are_kept_apart_rank_before_cells_that_merge(tmp_path: Path, ranked: Protocol, title: str) -> None:
    add(tmp_path, "merges", thin_gap(), ranked)
    add(tmp_path, "parts", worn(), ranked)
    page = render_page("toy", read_records(tmp_path))
    assert f"### Protocol `{ranked.key}`, ranked by {title}" in page
    assert f"| {title} (95 % interval) |" in page
    assert [cells[1] for cells in score_rows(page)] == ["parts", "merges"]
    by_dice = {name: stored.record.metrics[PER_IMAGE.key].values["dice"].value for name, stored in _by_recipe(tmp_path)}
    assert by_dice["merges"] > by_dice["parts"]


def test_dice_stands_in_no_column_of_a_page_that_membranes_rank(tmp_path: Path) -> None:
    add(tmp_path, "parts", worn(), MEMBRANES)
    [head] = [line for line in render_page("toy", read_records(tmp_path)).splitlines() if line.startswith("| Rank")]
    assert head == (
        "| Rank | Recipe | Seen in training | V_rand (95 % interval) | V_rand precision | V_rand recall | V_info | "
        "Max V_rand | Max V_info | Slices (groups) | Seeds |"
    )


def test_seeds_have_the_interval_of_the_protocol_that_ranks(tmp_path: Path) -> None:
    add(tmp_path, "parts", worn(), MEMBRANES, seeds=2)
    [cells] = score_rows(render_page("toy", read_records(tmp_path)))
    assert cells[3] == "1.0000 ± 0.0000 [1.0000, 1.0000]"


def test_the_lower_distance_ranks_first(tmp_path: Path) -> None:
    add(tmp_path, "far", worn(), BOUNDARY)
    add(tmp_path, "near", two_cells(), BOUNDARY)
    rows = score_rows(render_page("toy", read_records(tmp_path)))
    assert [cells[:2] for cells in rows] == [["—", "near"], ["—", "far"]]  # two groups are too few for ranks


def _by_recipe(root: Path) -> list[tuple[str, object]]:
    return [(stored.record.recipe, stored) for stored in read_records(root)]
