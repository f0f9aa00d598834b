"""A recipe small enough for tests: a small U-Net on the tiny frames of `conftest`."""

from pathlib import Path
from typing import Any

import yaml

UNET = {
    "class_path": "segmentation_models_pytorch.Unet",
    "init_args": {
        "encoder_name": "resnet18",
        "encoder_weights": None,
        "encoder_depth": 3,
        "decoder_channels": [8, 8, 8],
    },
}
PSPNET = {
    "class_path": "segmentation_models_pytorch.PSPNet",
    "init_args": {"encoder_name": "resnet18", "encoder_weights": None, "psp_out_channels": 8},
}
"""Two of its encoder's stages never get a gradient."""


def write_recipe(folder: Path, data_root: Path, net: dict[str, Any] = UNET, **trainer: object) -> Path:
    """Write `tiny.yaml`; everything it names exists."""
    recipe = {
        "name": "tiny",
        "data": {
            "class_path": "ClinicDBDataModule",
            "init_args": {
                "root": str(data_root),
                "split": str(data_root / "split.csv"),
                "size": [24, 32],
                "batch_size": 3,
                "eval_batch_size": 2,
            },
        },
        "model": {
            "class_path": "SegmentationTask",
            "init_args": {
                "net": net,
                "loss": "polybench.losses.BCEDiceLoss",
                "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
            },
        },
        "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False, **trainer},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path
