"""The plans of the papers' tables have the rows of the tables, and in each cell the paper's rate, monitor and name."""

from pathlib import Path

import pytest

from polybench.results.printed.numbers import printed_numbers
from polybench.runs.matrix_file import read_matrix
from tests.experiments.resolved import CONF, resolved, value_at

PLANS = CONF / "plans"
VESSELS = {"drive", "chase"}


def cells(name: str) -> list[str]:
    return [stage.options["name"] for stage in read_matrix(PLANS / f"{name}.yaml").stages.values()]


def rows(paper: str, table: str) -> set[tuple[str, str]]:
    found = [one for one in printed_numbers() if (one.paper, one.table) == (paper, table)]
    return {(one.dataset, one.method) for one in found}


def test_table_ix_has_each_of_b1_to_b4_on_each_set() -> None:
    names = {
        "FANet B1 (baseline, no MixPool)": "fanet_paper_b1",
        "FANet B2 (+MixPool)": "fanet_paper_b2",
        "FANet B3 (+MixPool E1,D4 + feedback)": "fanet_paper_b3",
        "FANet B4 (+MixPool + feedback)": "fanet_paper",
    }
    expected = {f"{names[method]}_{dataset}" for dataset, method in rows("fanet", "IX")}
    assert len(expected) == 28
    assert set(cells("fanet_table_ix")) == expected


@pytest.mark.parametrize(("dataset", "factor"), [("em", 16), ("drive", 32), ("chase", 32)])
def test_cells_of_table_ix_have_rate_monitor_and_factor(dataset: str, factor: int) -> None:
    stage = read_matrix(PLANS / "fanet_table_ix.yaml").stages[f"b4_{dataset}"]
    words = [word for file in stage.configs for word in ("--config", str(file))]
    config = resolved(*words, *(f"--{key}={value}" for key, value in stage.options.items()))
    vessels = dataset in VESSELS
    assert value_at(config, "model.optimizer.lr") == (1e-3 if vessels else 1e-4)
    assert config["checkpoint"]["monitor"] == ("val/fov/dice" if vessels else "val/dice")
    assert value_at(config, "data.augment") == f"fanet_paper{factor}"
    recipe = resolved("--config", str(CONF / f"fanet_paper_{dataset}.yaml"))
    assert recipe["budget"] == "published"
    for key in ("data", "model", "trainer", "checkpoint", "name"):
        assert recipe[key] == config[key]  # so that the cell is a row of the paper's settings


def test_table_xi_has_six_rows() -> None:
    assert len(cells("fanet_table_xi")) == len(rows("fanet", "XI")) == 6


def test_table_1_has_the_ablation() -> None:
    assert cells("efen_table_1") == [f"{name}_clinicdb" for name in ("unet_vgg19", "efen_plainskip", "efen")]


def test_input_sizes_are_those_of_figure_5() -> None:
    sizes = (192, 224, 256, 320, 384)  # section IV-D
    expected = [f"fcn16s_{dataset}_{size}" for dataset in ("endoscenestill", "kvasir_seg") for size in sizes]
    assert cells("fcn16s_input_sizes") == expected


def test_all_files_of_the_plans_are_there() -> None:
    for path in PLANS.glob("*_table*.yaml"):
        for stage in read_matrix(path).stages.values():
            assert all(Path(file).is_file() for file in stage.configs)
