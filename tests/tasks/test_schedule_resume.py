"""A schedule that is resumed with another length goes on at the learning rate of the new one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim import lr_scheduler as torch_schedules
from torch.utils.data import DataLoader

from polybench.core.errors import ConfigError
from polybench.tasks.schedule_resume import fit_resumed_schedules, lengths_of
from polybench.tasks.schedules import CosineThenFlat, LinearWarmup, Poly

Make = Callable[[Optimizer], Any]


class OneWeight(LightningModule):
    """Trains one weight for four steps an epoch, and notes the learning rate of each step."""

    def __init__(self, make: Make, interval: str) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.make, self.interval = make, interval
        self.rates: list[float] = []

    def configure_optimizers(self) -> Any:
        optimizer = SGD(self.parameters(), lr=1.0)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self.make(optimizer), "interval": self.interval},
        }

    def on_fit_start(self) -> None:
        self.lengths = lengths_of(self.trainer)

    def on_train_start(self) -> None:
        fit_resumed_schedules(self.trainer, self.lengths)

    def training_step(self, batch: Tensor) -> Tensor:
        self.rates.append(float(self.trainer.optimizers[0].param_groups[0]["lr"]))
        return (self.weight * batch).sum() * 0


def rates(make: Make, interval: str, epochs: int, path: Path, resume: bool = False) -> list[float]:
    model = OneWeight(make, interval)
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", enable_checkpointing=False, default_root_dir=path.parent, **quiet
    )
    trainer.fit(model, DataLoader(torch.ones(4, 1)), ckpt_path=path if resume else None)  # type: ignore[arg-type]
    trainer.save_checkpoint(path)
    return model.rates


def cycle(steps: int) -> Make:
    return lambda optimizer: torch_schedules.OneCycleLR(
        optimizer, 1.0, total_steps=steps, cycle_momentum=False, anneal_strategy="linear", pct_start=0.5
    )


def of_run(optimizer: Optimizer) -> Poly:
    return Poly(optimizer, power=1.0)


RESUMED: dict[str, tuple[Make, Make, str, str, float]] = {
    # (1 - 8 / 16)
    "poly of the run": (of_run, of_run, "step", "length of Poly is now 16 steps, it was 8", 0.5),
    "poly": (lambda o: Poly(o, 1.0, 8), lambda o: Poly(o, 1.0, 32), "step", "Poly is now 32 steps", 0.75),
    "warm-up": (lambda o: LinearWarmup(o, 8, 0.0), lambda o: LinearWarmup(o, 16, 0.0), "step", "now 16 steps", 0.5),
    # (1 + cos(pi 2 / 4)) / 2, and half of the way from 1 to the floor
    "cosine": (
        *(lambda o: torch_schedules.CosineAnnealingLR(o, 2), lambda o: torch_schedules.CosineAnnealingLR(o, 4)),
        *("epoch", "T_max of CosineAnnealingLR is now 4, it was 2", 0.5),
    ),
    "flat": (lambda o: CosineThenFlat(o, 2, 0.5), lambda o: CosineThenFlat(o, 4, 0.5), "epoch", "epochs of", 0.75),
    "polynomial": (
        *(lambda o: torch_schedules.PolynomialLR(o, 2), lambda o: torch_schedules.PolynomialLR(o, 8)),
        *("epoch", "total_iters of PolynomialLR is now 8, it was 2", 0.75),
    ),
    "linear": (
        *(lambda o: torch_schedules.LinearLR(o, 0.5, 1.0, 2), lambda o: torch_schedules.LinearLR(o, 0.5, 1.0, 4)),
        *("epoch", "total_iters of LinearLR is now 4", 0.75),
    ),
    # up to 1 in the first half, which ends with step 16 / 2 - 1 = 7, then down to 1/250000 in the other 8 steps
    "cycle": (cycle(8), cycle(16), "step", "total_steps of OneCycleLR is now 16", 1 - (1 - 4e-6) / 8),
    "sequence": (
        lambda o: torch_schedules.SequentialLR(o, [LinearWarmup(o, 4), Poly(o, 1.0)], [4]),
        lambda o: torch_schedules.SequentialLR(o, [LinearWarmup(o, 4), Poly(o, 1.0)], [4]),
        *("step", "Poly is now 16 steps, it was 8", 0.75),  # it stands 4 steps after its beginning
    ),
}


@pytest.mark.parametrize("name", list(RESUMED))
def test_rate_after_the_resume_is_that_of_the_new_length(tmp_path: Path, name: str) -> None:
    short, long, interval, said, expected = RESUMED[name]
    rates(short, interval, 2, tmp_path / "last.ckpt")
    with pytest.warns(UserWarning, match=said):
        found = rates(long, interval, 4, tmp_path / "last.ckpt", resume=True)
    assert len(found) == 8
    assert found[0] == pytest.approx(expected, abs=1e-12)


def test_longer_poly_goes_on_as_the_long_one_would(tmp_path: Path) -> None:
    rates(of_run, "step", 2, tmp_path / "last.ckpt")
    found = rates(of_run, "step", 4, tmp_path / "last.ckpt", resume=True)
    assert found == [1 - step / 16 for step in range(8, 16)]


def test_chain_of_other_lengths_is_refused(tmp_path: Path) -> None:
    def chain(length: int) -> Make:
        return lambda o: torch_schedules.ChainedScheduler([torch_schedules.PolynomialLR(o, length)], optimizer=o)

    rates(chain(2), "epoch", 2, tmp_path / "last.ckpt")
    with pytest.raises(ConfigError, match=r"PolynomialLR is now 4, it was 2. A ChainedScheduler can't continue"):
        rates(chain(4), "epoch", 4, tmp_path / "last.ckpt", resume=True)
