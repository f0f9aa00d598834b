"""Callbacks that average weights: what is validated, selected, saved and tested is one and the same, or refused."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    EMAWeightAveraging,
    ModelCheckpoint,
    OnExceptionCheckpoint,
    StochasticWeightAveraging,
)
from torch import nn

from polybench.callbacks import BestCheckpoint
from polybench.callbacks.selection import leave_out_averages, selection_of, set_apart
from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from tests.tasks.named_outputs import fit


class Weights(Callback):
    """Notes the weights that are validated and tested."""

    def __init__(self) -> None:
        self.validated: list[dict[str, torch.Tensor]] = []
        self.tested: dict[str, torch.Tensor] = {}

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *rest: Any) -> None:
        self.validated.append({name: value.clone() for name, value in pl_module.state_dict().items()})

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *rest: Any) -> None:
        self.tested = {name: value.clone() for name, value in pl_module.state_dict().items()}


def task() -> SegmentationTask:
    torch.manual_seed(0)
    return SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss(), partial(torch.optim.SGD, lr=0.05))


def trained(root: Path, folder: Path, *callbacks: Callback, epochs: int = 2, checkpoint: Path | None = None) -> Trainer:
    best = BestCheckpoint(folder, monitor="val/loss", mode="min")
    return fit(root, task(), epochs, callbacks=[*callbacks, best], enable_checkpointing=True, checkpoint=checkpoint)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_averaged_weights_are_validated_selected_and_tested(data_root: Path, tmp_path: Path) -> None:
    seen = Weights()
    trainer = trained(data_root, tmp_path, EMAWeightAveraging(decay=0.9), seen)
    saved = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert saved["epoch"] == 1
    assert same(saved["state_dict"], seen.validated[-1])
    assert not same(saved["state_dict"], saved["current_model_state"])
    leave_out_averages(trainer.callbacks)  # type: ignore[attr-defined]
    trainer.test(task(), trainer.datamodule, selection_of(trainer).best_model_path, verbose=False)  # type: ignore[attr-defined]
    assert same(saved["state_dict"], seen.tested)


def test_averaged_run_that_is_resumed_selects_the_same_weights(data_root: Path, tmp_path: Path) -> None:
    trained(data_root, tmp_path / "a", EMAWeightAveraging(decay=0.9))
    trained(data_root, tmp_path / "b", EMAWeightAveraging(decay=0.9), epochs=1)
    trained(data_root, tmp_path / "b", EMAWeightAveraging(decay=0.9), checkpoint=tmp_path / "b" / "last.ckpt")
    one, other = (torch.load(tmp_path / name / "best.ckpt", weights_only=True) for name in "ab")
    assert one["epoch"] == other["epoch"] == 1
    assert same(one["state_dict"], other["state_dict"])


def test_average_that_is_made_after_its_validation_is_refused(data_root: Path, tmp_path: Path) -> None:
    average = EMAWeightAveraging(decay=0.5, update_every_n_steps=0, update_starting_at_epoch=0)
    with pytest.raises(ConfigError, match=r"saved as best.ckpt are not those that were validated"):
        trained(data_root, tmp_path, average)
    assert not list(tmp_path.glob("*.ckpt"))


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (StochasticWeightAveraging(0.1), "StochasticWeightAveraging averages after the last validation"),
        (OnExceptionCheckpoint("."), "OnExceptionCheckpoint would let a fit resume from"),
        (BestCheckpoint(monitor="val/loss", mode="min"), "polybench's BestCheckpoint selects already"),
    ],
)
def test_callback_that_would_make_other_weights_count_is_refused(
    tmp_path: Path, callback: Callback, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        set_apart([callback, BestCheckpoint()], tmp_path)


def test_selection_comes_after_all_others(tmp_path: Path) -> None:
    best, other = BestCheckpoint(), ModelCheckpoint()
    callbacks: list[Callback] = [best, other]
    set_apart(callbacks, tmp_path)
    assert callbacks == [other, best]


def test_training_that_diverges_ends_with_the_epoch_and_a_tensor(data_root: Path, tmp_path: Path) -> None:
    class Diverge(Callback):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            if trainer.current_epoch == 1:
                next(pl_module.parameters()).data.fill_(torch.nan)

    with pytest.raises(ConfigError, match=r"diverged in epoch 2: 2 tensors of the net hold NaN .*'net.weight' first"):
        trained(data_root, tmp_path, Diverge())
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 0


def test_nothing_is_selected_by_a_value_that_is_nan(data_root: Path, tmp_path: Path) -> None:
    class Undefined(Callback):
        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            trainer.callback_metrics["val/loss"].fill_(torch.nan)

    with pytest.raises(ConfigError, match=r"val/loss is NaN in epoch 1, so that nothing can be selected by it"):
        trained(data_root, tmp_path, Undefined())
    assert not list(tmp_path.glob("*.ckpt"))
