"""Frames with a field of view, and data modules of their crops, for the tests of crops and of tiles."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from polybench.data.crops import Crop
from polybench.datasets import FolderDataModule
from tests.data.stub_trainer import stub_trainer

SIZE = (48, 64)
SUBSETS = ("train", "train", "train", "train", "val", "val", "test")


def write_round_frames(root: Path, size: tuple[int, int] = SIZE) -> Path:
    """Write frames of noise with some vertical vessels, inside a round field of view, and `split.csv`."""
    for name in ("images", "masks", "valid"):
        (root / name).mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[: size[0], : size[1]]
    view = (y - size[0] / 2) ** 2 + (x - size[1] / 2) ** 2 < (0.48 * size[0]) ** 2
    lines = ["# group_disjoint: true", "id,subset,group"]
    for k, subset in enumerate(SUBSETS):
        random = np.random.default_rng(k)
        mask = (x % (9 + k) < 2) & view
        image = np.where(view[..., None], random.integers(40, 200, (*size, 3)), 0)
        arrays = {"images": image, "masks": 255 * mask, "valid": 255 * view}
        for name, array in arrays.items():
            Image.fromarray(array.astype(np.uint8)).save(root / name / f"f{k}.png")
        lines.append(f"f{k},{subset},g{k}")
    (root / "split.csv").write_text("\n".join(lines) + "\n")
    return root


def cropped(root: Path, crop: Crop | None, **options: Any) -> FolderDataModule:
    """The frames of a folder, cropped; set up for a fit of a stated process, epoch and place in it.

    Args:
        root: The folder.
        crop: The crops.
        options: `rank`, `world_size`, `epoch` and `done` (batches of the fit before), or arguments of the data module.
    """
    places = {"rank": 0, "world_size": 1, "epoch": 0, "done": 0}
    rank, world_size, epoch, done = (options.pop(name, usual) for name, usual in places.items())
    data = FolderDataModule(
        str(root), str(root / "split.csv"), crop=crop, **{"batch_size": 2, "augment": "standard", "seed": 3, **options}
    )
    data.trainer = stub_trainer(rank, world_size, epoch, done)  # type: ignore[assignment]
    data.prepare_data()
    data.setup("fit")
    return data
