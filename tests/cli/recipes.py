"""A recipe small enough for tests: a small U-Net on the tiny frames of `conftest`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = str(Path(__file__).parents[2])

UNET = {
    "class_path": "segmentation_models_pytorch.Unet",
    "init_args": {
        "encoder_name": "tu-test_resnet",
        "encoder_weights": None,
        "encoder_depth": 3,
        "decoder_channels": [8, 8, 8],
    },
}
PSPNET = {
    "class_path": "segmentation_models_pytorch.PSPNet",
    "init_args": {
        "encoder_name": "timm-mobilenetv3_small_minimal_100",
        "encoder_weights": None,
        "psp_out_channels": 8,
    },
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


def write_stage(folder: Path, data_root: Path, task: str, source: str | None, **trainer: object) -> Path:
    """Write `patches.yaml` or `segment.yaml`: either task on a tiny backbone, with a transfer."""
    frames = {
        "class_path": "ClinicDBDataModule",
        "init_args": {"root": str(data_root), "split": str(data_root / "split.csv")},
    }
    if task == "patches":
        data = {
            "class_path": "polybench.data.patch_module.PatchDataModule",
            "init_args": {"source": frames, "size": 32},
        }
        model = {"class_path": "PatchClassificationTask", "init_args": {}}
        net = "PatchClassifier"
    else:
        data = {**frames, "init_args": {**frames["init_args"], "size": [32, 32]}}  # type: ignore[dict-item]
        model = {"class_path": "SegmentationTask", "init_args": {"loss": "torch.nn.BCEWithLogitsLoss"}}
        net = "FCN16sAtrous"
    data["init_args"] |= {"batch_size": 2, "eval_batch_size": 2}  # type: ignore[operator]
    arguments = {"encoder": "tu-test_resnet", "encoder_weights": None}
    model["init_args"] |= {"net": {"class_path": f"polybench.models.{net}", "init_args": arguments}}  # type: ignore[operator]
    model["init_args"] |= {"optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.01}}}  # type: ignore[operator]
    content = {
        "name": task,
        "data": data,
        "model": model,
        "checkpoint": {"monitor": "val/loss", "mode": "min"},
        "trainer": {
            "max_epochs": 1,
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "callbacks": [{"class_path": "TransferCallback", "init_args": {"source": source}}],
            **trainer,
        },
    }
    path = folder / f"{task}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start `polybench` with these words in a folder, as the head of a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "polybench", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": REPOSITORY},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
