"""Datasets that a subclass lets another protocol rank: trained, selected, recorded and shown by it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from polybench.cli.main import run
from polybench.datasets.dsb2018 import DSB2018DataModule
from polybench.datasets.em import EMDataModule
from polybench.metrics.protocols import INSTANCES, MEMBRANES
from polybench.results.record import read_records
from tests.cli.recipes import write_recipe
from tests.results.test_page import score_rows


class EMRankedByMembranes(EMDataModule):
    """As CONTRIBUTING says."""

    short_name = "em_membranes"
    ranked_by = MEMBRANES


class DSB2018RankedByInstances(DSB2018DataModule):
    """As CONTRIBUTING says."""

    short_name = "dsb2018_instances"
    ranked_by = INSTANCES


SUBSETS = ("train", "train", "val", "test")


def write_cells(root: Path) -> list[str]:
    """Slices of 32 pixels of ISBI-2012's layout: cells between a membrane across and one down."""
    for k in range(len(SUBSETS)):
        mask = np.ones((32, 32), bool)
        mask[10 + 2 * k : 13 + 2 * k], mask[:, 14:17] = False, False
        for name, image in (("train-volume", 60 + 120 * mask), ("train-labels", 255 * mask)):
            (root / "ISBI2012" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(root / "ISBI2012" / name / f"{k:02d}.png")
    return [f"slice_{k:02d}" for k in range(len(SUBSETS))]


def write_nuclei(root: Path) -> list[str]:
    """Images of 32 pixels of DSB-2018's layout, with two nuclei each."""
    for k in range(len(SUBSETS)):
        case = root / "DSB2018" / "stage1_train" / f"case{k}"
        for folder in ("images", "masks"):
            (case / folder).mkdir(parents=True)
        nuclei = np.zeros((2, 32, 32), bool)
        nuclei[0, 4:12, 4 + k : 12 + k] = nuclei[1, 20:28, 16 - k : 26 - k] = True
        image = (40 + 160 * nuclei.any(axis=0)).astype(np.uint8)
        Image.fromarray(np.repeat(image[..., None], 3, axis=2)).save(case / "images" / f"case{k}.png")
        for number, nucleus in enumerate(nuclei):
            Image.fromarray(nucleus.astype(np.uint8) * 255).save(case / "masks" / f"{number}.png")
    return [f"case{k}" for k in range(len(SUBSETS))]


@pytest.mark.parametrize(
    ("module", "write", "metric", "title"),
    [
        (EMRankedByMembranes, write_cells, "membranes/v_rand", "V_rand"),
        (DSB2018RankedByInstances, write_nuclei, "instances/pq", "PQ"),
    ],
    ids=["em", "dsb2018"],
)
def test_fit_selects_records_and_ranks_by_the_protocol(
    module: type, write: object, metric: str, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ids = write(tmp_path)  # type: ignore[operator]
    lines = [f"{name},{subset},{name}" for name, subset in zip(ids, SUBSETS, strict=True)]
    split = tmp_path / "split.csv"
    split.write_text("\n".join(["# group_disjoint: true", "# note: made for a test", "id,subset,group", *lines]) + "\n")
    path = write_recipe(tmp_path, tmp_path, max_epochs=1)
    recipe = yaml.safe_load(path.read_text())
    recipe["data"]["class_path"] = f"{module.__module__}.{module.__qualname__}"
    recipe["checkpoint"] = {"monitor": f"val/{metric}", "mode": "max"}
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))

    assert run(["fit", "--config", str(path), "--data.batch_size", "2"]) == 0

    [log] = (tmp_path / "runs").rglob("metrics.csv")
    assert pd.read_csv(log)[f"val/{metric}"].notna().any()
    trained = next(stored.record for stored in read_records(tmp_path / "leaderboards") if stored.record.net)
    protocol, _, name = metric.partition("/")
    assert trained.dataset.ranked_by == protocol
    scores = trained.metrics[f"{protocol}@2"]
    assert (scores.headline, scores.n) == (name, 1)
    page = (tmp_path / "leaderboards" / f"{module.short_name}.md").read_text()  # type: ignore[attr-defined]
    assert f"### Protocol `{protocol}@2`, ranked by {title}" in page
    assert score_rows(page)[0][1].startswith("tiny")
