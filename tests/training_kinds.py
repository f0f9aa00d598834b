"""Each kind of training by one and by several processes, on 19 small frames."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
import yaml
from torch import Tensor, nn

from polybench.cli.main import run
from polybench.methods.transfer.joint_module import JointDataModule
from tests.cli.recipes import PSPNET, UNET, start
from tests.conftest import write_frames

HERE = "tests.training_kinds"
TRAINED, TESTED = 12, 5
"""Frames; two more are for validation. Neither 2 nor 3 processes share those of the test equally."""
BATCH = 6
DATA = "polybench.data.patch_module.PatchDataModule"


class Plain(nn.Module):
    """Two convolutions without batch statistics; logits of an image's pixels, or of the image."""

    def __init__(self, whole: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 1, 3, padding=1))
        self.whole = whole

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits.mean((2, 3)) if self.whole else logits


class Kind(NamedTuple):
    """A kind of training.

    Attributes:
        task: The task's class.
        net: The net's class and arguments.
        model: Further arguments of the task.
        data: Further arguments of the frames.
        patches: How patches are made; None for whole frames.
        exact: Nothing but rounding depends on how a batch is shared.
    """

    task: str
    net: Mapping[str, Any]
    model: Mapping[str, Any] = {}
    data: Mapping[str, Any] = {}
    patches: str | None = None
    exact: bool = True


def made(path: str, **arguments: Any) -> dict[str, Any]:
    """A class and its arguments as a recipe has them."""
    return {"class_path": path, "init_args": arguments}


ENCODER = {"encoder": "tu-test_resnet", "encoder_weights": None}
FROZEN = {"encoder_name": "tu-test_efficientnet", "encoder_weights": None, "encoder_depth": 3}
FROZEN |= {"decoder_channels": [8, 8, 4], "decoder_use_norm": False}
HEAD = made("polybench.methods.finetuning.LayerwiseTuning", depth="head")
METHODS = "tests.methods"
KINDS = {
    "segmentation": Kind("SegmentationTask", made(f"{HERE}.Plain")),
    "segmentation, batch norm": Kind("SegmentationTask", UNET, exact=False),
    "layers without a gradient": Kind("SegmentationTask", PSPNET, exact=False),
    "feedback": Kind("FeedbackSegmentationTask", made(f"{METHODS}.feedback.feedback_nets.Learns"), {"iterations": 2}),
    "classification": Kind("PatchClassificationTask", made(f"{HERE}.Plain", whole=True), {"loss": None}, {}, "alone"),
    "joint": Kind("JointTask", made("polybench.models.JointFCN16sAtrous", **ENCODER), {}, {}, "beside", False),
    "rendering": Kind(
        "RenderingSegmentationTask", made(f"{METHODS}.rendering.rendering_nets.Rendered"), {"points": 64}
    ),
    "deep supervision": Kind("SegmentationTask", made("polybench.models.IterNet", width=2, iterations=1)),
    "adversarial": Kind(
        "AdversarialSegmentationTask", made(f"{METHODS}.adversarial.adversarial_nets.Judged"), {"weight": 1.0}
    ),
    "frozen layers": Kind(
        "SegmentationTask", made("segmentation_models_pytorch.Unet", **FROZEN), {"parameter_groups": HEAD}
    ),
    "crops": Kind("SegmentationTask", made(f"{HERE}.Plain"), {}, {"crop": {"size": 16, "per_image": 2}}),
}


def write(folder: Path, kind: Kind) -> Path:
    """Write the frames and a recipe of two epochs of two steps, or of more where frames are cut."""
    root = folder / "data"
    n = TRAINED + 2 + TESTED
    write_frames(root / "CVC-ClinicDB", n, (32, 32))
    subsets = ["train"] * TRAINED + ["val"] * 2 + ["test"] * TESTED
    rows = [f"{k},{subset},frames/{k}" for k, subset in enumerate(subsets, 1)]
    notes = ["# group_disjoint: true", "# note: made for a test", "id,subset,group"]
    (root / "split.csv").write_text("\n".join(notes + rows) + "\n")
    frames = {"root": str(root), "split": str(root / "split.csv"), "size": [32, 32], **kind.data}
    batches = {"batch_size": BATCH, "eval_batch_size": 1}
    data = made("ClinicDBDataModule", **frames, **batches)
    cut = {"size": 32, "negatives_per_image": 3, **batches}
    if kind.patches == "alone":
        data = made(DATA, source=made("ClinicDBDataModule", **frames), **cut)
    elif kind.patches == "beside":
        joint = f"{JointDataModule.__module__}.{JointDataModule.__qualname__}"
        data = made(joint, images=data, patches=made(DATA, **cut))
    loss = "polybench.losses.BCEDiceLoss"  # a mean over images, and so the mean over processes
    model = {"net": kind.net, "loss": loss, "optimizer": made("torch.optim.SGD", lr=0.05), **kind.model}
    recipe = {
        "name": "tiny",
        "data": data,
        "model": made(kind.task, **{key: value for key, value in model.items() if value is not None}),
        "checkpoint": {"monitor": "val/loss", "mode": "min"},
        "trainer": {"max_epochs": 2, "enable_progress_bar": False},
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    return folder / "tiny.yaml"


class Trained(NamedTuple):
    """What a training leaves.

    Attributes:
        hashes: Of each process, those of all parameters before the first and after each step.
        weights: The first process's.
        rows: The test's, of the checkpoint that was selected.
        again: Those of the same checkpoint, tested by one process; None where one has trained.
    """

    hashes: list[list[str]]
    weights: dict[str, Tensor]
    rows: pd.DataFrame
    again: pd.DataFrame | None


def train(folder: Path, recipe: Path, processes: int, accelerator: str = "cpu", *words: str) -> Trained:
    """Train and test with some processes, and test again with one.

    Raises:
        AssertionError: If a command fails.
    """
    out = folder / f"by {processes}"
    recorders = [f"--trainer.callbacks+={name}" for name in ("tests.cli.recorder.Checksum",)]
    recorders.append(f"--trainer.callbacks.folder={out / 'hashes'}")
    recorders += ["--trainer.callbacks+=tests.methods.rendering.rendering_nets.WeightRecorder"]
    recorders.append(f"--trainer.callbacks.folder={out / 'weights'}")
    where = ["--trainer.accelerator", accelerator, "--config", str(recipe)]
    together = ["--trainer.devices", str(processes), "--trainer.strategy", "ddp" if processes > 1 else "auto"]
    fit = ["fit", *where, *together, *recorders, "--no_leaderboard", "--trainer.default_root_dir", str(out), *words]
    again = None
    if processes == 1:
        assert run(fit) == 0
    else:
        process = start(folder, *fit)
        output, _ = process.communicate()
        assert process.returncode == 0, output
        checkpoint = ["--ckpt_path", str(out / "checkpoints" / "best.ckpt"), "--trainer.devices", "1"]
        assert run(["test", *where, *checkpoint, "--trainer.default_root_dir", str(out / "again")]) == 0
        again = _table(out / "again" / "test_rows.csv")
    return Trained(
        [(out / "hashes" / f"{rank}.txt").read_text().split() for rank in range(processes)],
        torch.load(out / "weights" / "0.pt", weights_only=True, map_location="cpu"),
        _table(out / "record.csv"),
        again,
    )


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"id": str})


def furthest(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """The largest difference of two weights that have one name."""
    return max(float((value.double() - other[name].double()).abs().max()) for name, value in one.items())


def in_step(trained: Trained) -> bool:
    """Whether all processes had the same parameters before and after every step, and each step changed them."""
    [steps] = {tuple(hashes) for hashes in trained.hashes} or [()]
    return len(set(steps)) == len(steps) > 1
