"""Numbers of the sets of a pooled test, by hand and in a run."""

import json
from pathlib import Path

import numpy as np
import pytest

from polybench.cli.main import run
from polybench.data.patch_module import PatchDataModule
from polybench.datasets import ClinicDBDataModule, PolypPoolDataModule
from polybench.experiments.set_scores import rows_of, set_sections
from polybench.metrics import PER_IMAGE, Rows
from polybench.synth.dataset import write_dataset
from tests.experiments.resolved import CONF

COUNTS = {
    "colondb/149": (2, 1, 1, 0),  # Dice 2/3
    "endoscenestill/CVC-612/1": (1, 0, 0, 3),  # 1
    "etis/1": (1, 1, 0, 2),  # 2/3
    "etis/2": (0, 0, 4, 0),  # 0
    "kvasir/cju0s2a9ekvms080138tjjpxr": (1, 2, 0, 1),  # 1/2
}
"""Image -> true positives, false positives, false negatives, true negatives."""


def rows() -> Rows:
    groups = ["cvc300/149-208", "clinicdb/1", "etis/1", "etis/2", "kvasir_seg/a"]
    return Rows(list(COUNTS), groups, {"counts": np.array(list(COUNTS.values()))})


def test_each_set_has_a_row_and_colondb_counts_in_endoscene_too() -> None:
    section = set_sections(PolypPoolDataModule(), rows())["test_sets"]
    found = {row["set"]: (row["images"], row["groups"], row[f"{PER_IMAGE.key}/dice"]) for row in section.rows}
    assert found == {
        "Kvasir-SEG": (1, 1, pytest.approx(1 / 2)),
        "CVC-ColonDB": (1, 1, pytest.approx(2 / 3)),
        "CVC-EndoSceneStill": (2, 2, pytest.approx(5 / 6)),
        "ETIS-LaribPolypDB": (2, 2, pytest.approx(1 / 3)),
    }
    value, low, high = section.data["ETIS-LaribPolypDB"][PER_IMAGE.key]["dice"]  # type: ignore[index, call-overload, misc]
    assert (value, low, high) == (pytest.approx(1 / 3), 0, pytest.approx(2 / 3))


def test_set_without_an_image_has_no_row() -> None:
    section = set_sections(PolypPoolDataModule(), rows_of(rows(), ["etis/"]))["test_sets"]
    assert [row["set"] for row in section.rows] == ["ETIS-LaribPolypDB"]


def test_nothing_is_reported_of_other_tests() -> None:
    assert set_sections(ClinicDBDataModule(), rows()) == {}
    assert set_sections(PolypPoolDataModule(), None) == {}
    assert set_sections(PolypPoolDataModule(), rows_of(rows(), ["drive/"])) == {}
    patches = Rows(["etis/1/p0"], ["etis/1"], {"probability": np.array([0.5])})
    assert set_sections(PatchDataModule(PolypPoolDataModule()), patches) == {}


def test_pool_is_trained_and_its_record_has_the_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_dataset(PolypPoolDataModule, tmp_path / "data", n=10, size=(64, 64))
    words = ["--config", f"{CONF}/methods/smp_unet_resnet34.yaml", "--config", f"{CONF}/data/polyp_pool.yaml"]
    words += ["--data.root", "data", "--data.allow_missing", "true", "--data.size", "[64, 64]"]
    words += ["--data.batch_size", "2", "--trainer.max_steps", "1", "--trainer.accelerator", "cpu"]
    words += ["--model.net.encoder_name", "tu-test_resnet", "--model.net.encoder_weights", "null"]
    assert run(["fit", *words, "--leaderboard", "boards"]) == 0
    [path] = (path for path in Path("boards/records").rglob("*.json") if "smp_unet" in path.name)
    record = json.loads(path.read_text())
    sets = {row["set"]: row["images"] for row in record["sections"]["test_sets"]["rows"]}
    assert sets == {"Kvasir-SEG": 1, "CVC-ColonDB": 1, "CVC-EndoSceneStill": 2, "ETIS-LaribPolypDB": 1}
    assert record["dataset"]["counts"] == {"train": 3, "val": 3, "test": 4}
    assert "### Test sets" in Path("boards/polyp_pool.md").read_text()
