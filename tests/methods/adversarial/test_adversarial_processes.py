"""Adversarial training in two processes ends with the weights of one, those of the discriminator among them."""

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.two_processes import assert_in_step, weights_of_one_and_of_two


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_end_with_the_weights_of_one(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        *("fit", "--no_leaderboard", "--config", str(REPOSITORY / "conf/methods/pix2pix.yaml")),
        *("--data", "ClinicDBDataModule", "--data.root", str(data_root), "--data.split", str(data_root / "split.csv")),
        *("--data.size", "[32, 32]", "--data.eval_batch_size", "2"),
        *("--model.net", "tests.methods.adversarial.adversarial_nets.Judged"),
        *("--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "0.01"),
        *("--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    ]
    alone, first, second = weights_of_one_and_of_two(words, tmp_path)
    assert any("discriminator" in name for name in alone)
    assert_in_step(alone, first, second, rtol=1e-4)
