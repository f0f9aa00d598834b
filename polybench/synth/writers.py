"""Writers of distributions with other files than one image and one mask per frame.

A writer takes the dataset's own folder, the frames, a seed, and a size (height, width) or None for the official one.
It writes the files that the DataModule reads; of the others, the second observers and Kvasir-SEG's boxes.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy import ndimage

from polybench.core.atomic import atomic_write_text
from polybench.synth.clinicdb import FRAMES_PER_SEQUENCE, write_clinicdb_like
from polybench.synth.files import Mask, Size, save_image, save_mask, save_stack
from polybench.synth.frames import Frame
from polybench.synth.membranes import membrane_volume
from polybench.synth.nuclei import nuclei_frame
from polybench.synth.pairs import ENDOSCENESTILL, KVASIR, PRANET, in_turn
from polybench.synth.vessels import fundus_frame

Eye = Literal["left", "right"]

NUCLEI_SIZES: tuple[Size, ...] = (*((256, 256),) * 5, *((256, 320),) * 2, (520, 696), (360, 360))
"""The most common sizes of DSB-2018, in about the same shares."""


def write_kvasir(folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
    """Write pairs, and the polyps' bounding boxes."""
    boxes = {}
    for frame in frames:
        mask = KVASIR.write(folder, frame, seed, size)
        found = [
            {"label": "polyp", "xmin": x.start, "ymin": y.start, "xmax": x.stop - 1, "ymax": y.stop - 1}
            for y, x in ndimage.find_objects(ndimage.label(mask)[0])
        ]
        boxes[frame.stem] = {"height": mask.shape[0], "width": mask.shape[1], "bbox": found}
    atomic_write_text(folder / "kavsir_bboxes.json", json.dumps(boxes) + "\n")


def write_endoscenestill(folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
    """Write pairs, in a folder for each of the two sets."""
    for frame in frames:
        ENDOSCENESTILL[frame.part].write(folder, frame, seed, size)


def write_pranet(folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
    """Write images of the other sets, all as PNG, in a folder for training and one for each test set."""
    for frame in frames:
        place, image, mask = "TrainDataset", "image", "mask"
        if frame.subset == "test":
            place, image, mask = f"TestDataset/{frame.folder}", "images", "masks"
        pairs = replace(
            PRANET[frame.part], image=f"{place}/{image}/{{stem}}.png", mask=f"{place}/{mask}/{{stem}}.png", mode="L"
        )
        pairs.write(folder, frame, seed, size)


def write_synthetic_polyp(folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
    """Write the quickstart's dataset, or its first frames."""
    images = len(list(frames))
    write_clinicdb_like(
        folder,
        images=images,
        frames_per_sequence=FRAMES_PER_SEQUENCE,
        size=size or (288, 384),
        seed=seed,
        progress=False,
    )


def write_dsb2018(folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
    """Write RGBA images, and a mask for each nucleus, named by a hash as in the release."""
    for frame in frames:
        size_here = size or in_turn(NUCLEI_SIZES, frame)
        image, labels = nuclei_frame(seed, frame.position, size=size_here)
        case = folder / "stage1_train" / frame.stem
        save_image(case / "images" / f"{frame.stem}.png", image, "RGBA")
        for nucleus in range(1, labels.max() + 1):
            name = hashlib.sha256(f"{frame.stem}/{nucleus}".encode()).hexdigest()
            save_mask(case / "masks" / f"{name}.png", labels == nucleus)


def write_drive(folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
    """Write images, two observers and fields of view, in the part of each number, with alternating eyes."""
    for frame in frames:
        part = "training" if frame.number > 20 else "test"
        eye: Eye = "left" if frame.number % 2 else "right"
        image, vessels, field_of_view = fundus_frame(seed, frame.scene, size=size or (584, 565), eye=eye)
        save_image(folder / part / "images" / f"{frame.stem}_{part}.tif", image)
        save_mask(folder / part / "1st_manual" / f"{frame.stem}_manual1.gif", vessels)
        save_mask(folder / part / "mask" / f"{frame.stem}_{part}_mask.gif", field_of_view)
        if part == "test":
            save_mask(folder / part / "2nd_manual" / f"{frame.stem}_manual2.gif", _second_observer(vessels))


def write_chase(folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
    """Write images and two observers in one folder; both eyes of a child are drawn from the same number."""
    for frame in frames:
        eye: Eye = "left" if frame.stem.endswith("L") else "right"
        image, vessels, _ = fundus_frame(seed, frame.scene, size=size or (960, 999), eye=eye, field="chase")
        save_image(folder / f"{frame.stem}.jpg", image)
        save_mask(folder / f"{frame.stem}_1stHO.png", vessels, "1")
        save_mask(folder / f"{frame.stem}_2ndHO.png", _second_observer(vessels), "1")


def _second_observer(vessels: Mask) -> Mask:
    """Simulate an observer who misses the thinnest vessels."""
    return np.asarray(ndimage.binary_opening(vessels))


def write_em(folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
    """Write the stacks of images and labels, from the first slice on."""
    volume, labels = membrane_volume(seed, len(list(frames)), size=size or (512, 512))
    save_stack(folder / "train-volume.tif", volume)
    save_stack(folder / "train-labels.tif", 255 * labels)
