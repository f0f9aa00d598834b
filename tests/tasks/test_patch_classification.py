"""The task of patches: its loss, its numbers, its record, and two processes after a transfer."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional as F

from polybench.cli.main import run
from polybench.core.errors import ConfigError
from polybench.data.patches import cut
from polybench.tasks import PatchClassificationTask
from tests.cli.recipes import write_stage


class Constant(nn.Module):
    """Gives stored logits whatever it sees."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits[: len(images)]


PATCHES = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 1, 0])


def loss_of(logits: torch.Tensor) -> torch.Tensor:
    task = PatchClassificationTask(Constant(logits))
    task.log = lambda *args, **options: None  # type: ignore[method-assign]
    return task.training_step({"image": PATCHES, "label": LABELS, "id": list("abcd"), "group": list("abcd")}, 0)


def test_loss_of_two_channels_is_the_cross_entropy_of_their_softmax() -> None:
    logits = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(loss_of(logits), F.cross_entropy(logits, LABELS))


def test_loss_of_one_channel_is_binary_cross_entropy() -> None:
    logits = torch.randn(4, 1, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(loss_of(logits), F.binary_cross_entropy(logits[:, 0].sigmoid(), LABELS.float()))


def test_patch_that_is_no_square_is_padded_as_in_training() -> None:
    seen: list[torch.Tensor] = []

    class Watching(Constant):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(images)
            return super().forward(images)

    task = PatchClassificationTask(Watching(torch.zeros(1, 1)), mean=(0.0,) * 3, std=(1.0,) * 3)
    task.input_size = (8, 8)
    image = np.random.default_rng(0).integers(0, 256, (6, 20, 3), np.uint8)
    assert task.predict_image(image) == 0.5
    expected = torch.from_numpy(cut(image, np.array([0, 0, 6, 20]), 8)).permute(2, 0, 1) / 255
    torch.testing.assert_close(seen[0][0], expected)


def test_net_of_three_classes_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\(N, 1\) or \(N, 2\), not \(4, 3\)"):
        PatchClassificationTask(Constant(torch.zeros(4, 3)))(PATCHES)


@pytest.mark.slow
def test_both_tasks_in_turn_with_records_and_lineage(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["fit", "--config", str(write_stage(tmp_path, data_root, "patches", None))]) == 0
    assert "patches@1" in capsys.readouterr().out
    [stored] = (tmp_path / "leaderboards/records/clinicdb").glob("patches*.json")
    record = json.loads(stored.read_text())
    assert record["task"] == "classification"
    assert list(record["metrics"]) == ["patches@1"]
    rows = pd.read_csv(stored.with_suffix(".csv"))
    assert record["metrics"]["patches@1"]["n"] == len(rows)

    [source] = (tmp_path / "runs").glob("*/*/checkpoints/encoder.safetensors")
    assert run(["fit", "--config", str(write_stage(tmp_path, data_root, "segment", str(source)))]) == 0
    [stored] = (tmp_path / "leaderboards/records/clinicdb").glob("segment*.json")
    net = json.loads(stored.read_text())["net"]
    assert [(one["task"], one["dataset"], one["stage"]) for one in net["ancestors"]] == [
        ("classification", "clinicdb", "patches")
    ]
    assert net["lineage"] == [record["provenance"]["checkpoint_sha256"]]
    assert net["start_weights"] == "backbone of patches, classification, clinicdb, 100 % of tensors"
    page = (tmp_path / "leaderboards/clinicdb.md").read_text()
    assert "## Patches of split" in page
    assert "| AUC (95 % interval) |" in page
    assert "| Dice (95 % interval) |" in page


@pytest.mark.slow
def test_validation_prints_the_numbers_of_the_rows(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_stage(tmp_path, data_root, "patches", None)
    assert run(["fit", "--config", str(path), "--no_leaderboard"]) == 0
    [folder] = (tmp_path / "runs/patches-s0").iterdir()
    assert run(["test", "--config", str(path), "--ckpt_path", str(folder / "checkpoints/best.ckpt")]) == 0
    [table] = (tmp_path / "runs").glob("**/test_rows.csv")
    rows = pd.read_csv(table)
    assert rows["id"].str.contains(r"/[pn]\d+$").all()
    metrics = pd.read_csv(folder / "test_metrics.csv")
    assert 0 <= metrics["test/auc"].dropna().iloc[-1] <= 1
    assert metrics["test/accuracy"].dropna().iloc[-1] == pytest.approx(rows["patches@1/accuracy"].mean())


def test_area_counts_the_softmax_of_both_channels() -> None:
    logits = torch.randn(4, 2, generator=torch.Generator().manual_seed(2))
    task = PatchClassificationTask(Constant(logits))
    score = task.predict_probability(PATCHES).detach()
    torch.testing.assert_close(score, logits.softmax(1)[:, 1])
    assert roc_auc_score(LABELS, score) == pytest.approx(roc_auc_score(LABELS, logits[:, 1] - logits[:, 0]))
