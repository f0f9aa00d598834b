"""What the attacked commands work on: generated discs, a recipe that trains in a second, and comparisons of results."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image

from breaking.forkserver import Ended, Server

SIDE = 32
BACKBONE = {"encoder": "tu-test_resnet", "encoder_weights": None}
"""Arguments of the nets that hand their backbones on."""
IMAGES = 12
EPOCHS = 4
RECIPE: dict[str, Any] = {
    "name": "small",
    "budget": "smoke",
    "data": {"class_path": "FolderDataModule", "init_args": {"size": [SIDE, SIDE], "batch_size": 4}},
    "model": {
        "class_path": "SegmentationTask",
        "init_args": {
            "net": {
                "class_path": "torch.nn.Conv2d",
                "init_args": {"in_channels": 3, "out_channels": 1, "kernel_size": 3, "padding": 1},
            },
            "loss": {"class_path": "torch.nn.BCEWithLogitsLoss"},
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.1}},
        },
    },
    "trainer": {"max_epochs": EPOCHS, "accelerator": "cpu", "enable_progress_bar": False},
}
"""A net of one layer; the best of its epochs is neither the first nor the last."""


def disc(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey image with a bright disc, (SIDE, SIDE), and its mask, in {0, 255}."""
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = (y - 15 - 2 * (number % 5 - 2)) ** 2 + (x - 15 - 2 * (number % 3 - 1)) ** 2 < (7 + number % 4) ** 2
    noise = np.random.default_rng(number).integers(40, 140, (SIDE, SIDE))
    return (noise + 60 * inside).astype(np.uint8), (inside * 255).astype(np.uint8)


def write_discs(root: Path, count: int = IMAGES) -> Path:
    """Write `images/`, `masks/` and `split.csv`: two thirds for training, the rest for validation and test."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    lines = ["id,subset,group"]
    for number in range(count):
        image, mask = disc(number)
        name = f"p{number:02d}"
        Image.fromarray(np.dstack([image] * 3)).save(root / "images" / f"{name}.png")
        Image.fromarray(mask).save(root / "masks" / f"{name}.png")
        subset = "train" if number < count * 2 // 3 else "val" if number < count * 5 // 6 else "test"
        lines.append(f"{name},{subset},{name}")
    (root / "split.csv").write_text("\n".join(lines) + "\n")
    return root


@dataclass
class Bench:
    """What the cases of all groups share.

    Attributes:
        server: Runs commands of the attacked tree.
        work: Holds the folders of the cases.
    """

    server: Server
    work: Path
    made: list[Path] = field(default_factory=list)

    def folder(self, name: str) -> Path:
        """An empty folder for a case."""
        path = self.work / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    @cached_property
    def discs(self) -> Path:
        """The dataset, which lies outside of all cases."""
        return write_discs(self.folder("discs"))

    @cached_property
    def recipe(self) -> Path:
        """The recipe's file."""
        path = self.work / "small.yaml"
        path.write_text(yaml.safe_dump(RECIPE, sort_keys=False))
        return path

    def fit_words(self, *words: object, root: Path | None = None) -> list[object]:
        """The command that trains on the discs."""
        root = root or self.discs
        data = ("--data.root", root, "--data.split", root / "split.csv")
        return ["fit", "--config", self.recipe, *data, *words]

    def segment(self, folder: Path, *words: object, **options: Any) -> Ended:
        """Train the net whose backbone can be transferred, in a folder."""
        net = {"class_path": "polybench.models.FCN16sAtrous", "init_args": BACKBONE}
        return self.fit(folder, "--model.net", json.dumps(net), *words, **options)

    def donor(self, save: Callable[[dict[str, torch.Tensor]], object]) -> Ended:
        """Save the weights of a new backbone."""

        def make() -> None:
            from polybench.models import FCN16sAtrous

            save(FCN16sAtrous("tu-test_resnet", None).encoder.state_dict())

        return self.server.call(self.work / "donor", make)

    def fit(self, folder: Path, *words: object, **options: Any) -> Ended:
        """Train in a folder; see `Server.polybench`."""
        return self.server.polybench(folder, *self.fit_words(*words), **options)

    @cached_property
    def trained(self) -> Path:
        """The folder of an unbroken training, with its run and its record.

        Raises:
            RuntimeError: If it fails, or selects the first or the last epoch.
        """
        folder = self.folder("unbroken")
        ended = self.fit(folder)
        if ended.code:
            raise RuntimeError(f"The unbroken training fails:\n{ended.said}")
        if best_of(folder)[1] in (0, EPOCHS - 1):
            raise RuntimeError("The unbroken training selects its first or last epoch, which hides what is looked for.")
        return folder

    @property
    def checkpoint(self) -> Path:
        """The selected checkpoint of the unbroken training."""
        return one(self.trained.glob("runs/*/*/checkpoints/best.ckpt"))


def one(found: Iterable[Path]) -> Path:
    """The only path of an iterator.

    Raises:
        LookupError: If there are none or several.
    """
    paths = sorted(found)
    if len(paths) != 1:
        raise LookupError(f"{len(paths)} files where one is expected: {', '.join(map(str, paths))}")
    return paths[0]


def newest(found: Iterable[Path]) -> Path:
    """The path that was written last.

    Raises:
        LookupError: If there are none.
    """
    paths = sorted(found, key=lambda path: path.stat().st_mtime_ns)
    if not paths:
        raise LookupError("no file is there")
    return paths[-1]


def best_of(folder: Path) -> tuple[str, int]:
    """Hash of the weights in the best checkpoint of a case's latest run, and its epoch."""
    path = newest(folder.glob("runs/**/checkpoints/best.ckpt"))
    saved = torch.load(path, weights_only=True)
    digest = hashlib.sha256()
    for name, tensor in sorted(saved["state_dict"].items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest(), saved["epoch"]


def records_of(folder: Path, name: str = "small") -> list[dict[str, Any]]:
    """The records of a recipe in a case's leaderboard."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"leaderboards/records/*/{name}-*.json"))]


def numbers_of(record: dict[str, Any]) -> dict[str, Any]:
    """What a record must say whatever the run went through: its numbers, and of which epoch they are."""
    training = {key: record["training"][key] for key in ("epochs_run", "best_epoch", "batch_size")}
    keep = ("recipe", "seed", "dataset", "config_sha256", "metrics")
    return {**{key: record[key] for key in keep}, **training}
