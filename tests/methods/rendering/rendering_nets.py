"""A narrow BSAN, a fit of it on generated frames, and a callback that tells where processes differ."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from polybench.models import BSAN

NARROW: dict[str, Any] = {
    **{"widths": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "groups": 4},
    **{"dim": 12, "window": 2, "blocks": 2, "hidden": 8},
}


def narrow(**options: Any) -> BSAN:
    torch.manual_seed(3)
    return BSAN(**{**NARROW, **options})


class Rendered(nn.Module):
    """A net without batch normalisation, so that two processes compute what one does."""

    head_stride = 2

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Conv2d(3, 6, 3, padding=1)
        self.head = nn.Conv2d(6, 1, 1)
        self.renderer = Points()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = torch.tanh(self.features(nn.functional.avg_pool2d(images, 2)))
        coarse = self.head(features)
        logits = nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")
        return {"logits": logits, "coarse": coarse, "features": features}


class Points(nn.Module):
    """A perceptron for points."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(7, 5, 1), nn.Tanh(), nn.Conv1d(5, 1, 1))

    def forward(self, features: Tensor, coarse: Tensor) -> Tensor:
        logits: Tensor = self.layers(torch.cat([features, coarse], dim=1))
        return logits


class WeightRecorder(Callback):
    """Writes the weights at the end of training, one file a process."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.save(pl_module.state_dict(), self.folder / f"{trainer.global_rank}.pt")
