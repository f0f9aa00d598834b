"""A synthetic polyp dataset, written in the folder layout of CVC-ClinicDB (Bernal et al., CMIG 2015).

The quickstart, its DataModule and the README's picture use it. It differs from the real dataset as described in
`polyps`, and all sequences have the same length.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.core.errors import ConfigError, DataError
from polybench.synth.polyps import polyp_frame
from polybench.synth.whole_folder import whole_folder

FRAMES_PER_SEQUENCE = 5
"""Frames per sequence of the quickstart's dataset."""
VERSION = 1  # increased with every change of a pixel
IMAGE_FOLDER = "Original"
MASK_FOLDER = "Ground Truth"
_PARAMETER_FILE = "synthetic.json"
_RULE = "       ----------------------------------"
_README = """\
SYNTHETIC - NOT CVC-ClinicDB
--------------------------------------------------
SYNTHETIC DATA. NO IMAGE HERE SHOWS A PATIENT, AND NONE COMES FROM CVC-ClinicDB OR ANY OTHER REAL DATASET.
Every frame was drawn by polybench's generator (version {version}, seed {seed}); only the folder layout is that of
CVC-ClinicDB. A score on these images says that a program works. It says nothing about medicine.

--------------------------------------------------
Description
--------------------------------------------------

1) Original images: Original/frame_number.tif, {height} x {width} pixels, RGB
2) Polyp mask: Ground Truth/frame_number.tif, 0 or 255

The correspondence between the number of frame and the synthetic sequence is as follows:

{table}
"""


def write_clinicdb_like(
    folder: Path,
    *,
    images: int = 240,
    frames_per_sequence: int = 10,
    size: tuple[int, int] = (288, 384),
    seed: int = 0,
    progress: bool = True,
) -> None:
    """Write a whole dataset, or keep an existing one.

    The files appear in `folder` at once: an interrupted call leaves nothing, and of two calls at the same time one
    keeps its files and the other deletes its own, which are equal.

    Args:
        folder: Folder of the dataset.
        images: Number of frames, numbered from 1.
        frames_per_sequence: Frames that show the same polyp; the last sequence may be shorter.
        size: Height and width of the frames in pixels.
        seed: Seed of all sequences.
        progress: Show a progress bar on standard error.

    Raises:
        ConfigError: If a number is too small.
        DataError: If the folder has other content: other parameters, another version, or an incomplete dataset.
    """
    parameters = _Parameters(images, frames_per_sequence, (int(size[0]), int(size[1])), seed)
    if min(images, frames_per_sequence) < 1:
        raise ConfigError(f"Ask for at least 1 image and 1 frame per sequence, not {images} and {frames_per_sequence}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        _check_existing(folder, parameters)
        return
    with whole_folder(folder, lambda: _check_existing(folder, parameters)) as unfinished:
        _write_files(unfinished, parameters, progress)


@dataclass(frozen=True)
class _Parameters:
    """Parameters of a written dataset."""

    images: int
    frames_per_sequence: int
    size: tuple[int, int]
    seed: int

    def facts(self) -> dict[str, object]:
        """Return the parameters for JSON."""
        return {
            "synthetic": True,
            "generator_version": VERSION,
            "images": self.images,
            "frames_per_sequence": self.frames_per_sequence,
            "size": list(self.size),
            "seed": self.seed,
        }

    def readme(self) -> str:
        """Return the text of the README, with the table of frame ranges in the official style."""
        step = self.frames_per_sequence
        rows = [
            f"       |    {first:3d} to {min(first + step - 1, self.images):3d}    |\t{sequence:2d}\t|"
            for sequence, first in enumerate(range(1, self.images + 1, step), start=1)
        ]
        table = "\n".join([_RULE, "       |   Frame Number   |  Sequence\t|", _RULE, *rows, _RULE])
        return _README.format(version=VERSION, seed=self.seed, height=self.size[0], width=self.size[1], table=table)


def _write_files(folder: Path, parameters: _Parameters, progress: bool) -> None:
    """Write all files, with uncompressed frames, so that the bytes don't depend on a compression library."""
    numbers = track(
        range(1, parameters.images + 1),
        description="Drawing synthetic polyps",
        console=Console(stderr=True),
        disable=not progress,
        transient=True,
    )
    for number in numbers:
        sequence, frame = divmod(number - 1, parameters.frames_per_sequence)
        image, mask = polyp_frame(parameters.seed, sequence, frame, size=parameters.size)
        for name, pixels in ((IMAGE_FOLDER, image), (MASK_FOLDER, np.where(mask, np.uint8(255), np.uint8(0)))):
            with atomic_writer(folder / name / f"{number}.tif") as file:
                Image.fromarray(pixels).save(file, format="TIFF")
    atomic_write_text(folder / "README.txt", parameters.readme())
    atomic_write_text(folder / _PARAMETER_FILE, json.dumps(parameters.facts(), indent=2) + "\n")


def _check_existing(folder: Path, parameters: _Parameters) -> None:
    """Check that a folder is the complete dataset of these parameters."""
    try:
        found = json.loads((folder / _PARAMETER_FILE).read_text())
    except (OSError, ValueError):
        raise DataError(
            f"'{folder}' is not a synthetic dataset (no readable {_PARAMETER_FILE}): choose another folder."
        ) from None
    if found != parameters.facts():
        raise DataError(
            f"'{folder}' holds a synthetic dataset made with {_shown(found)}, not {_shown(parameters.facts())}: "
            "delete it or choose another folder."
        )
    expected = {f"{number}.tif" for number in range(1, parameters.images + 1)}
    for name in (IMAGE_FOLDER, MASK_FOLDER):
        present = {path.name for path in (folder / name).glob("*")}
        if present != expected:
            odd = sorted(present ^ expected)[0]
            raise DataError(f"'{folder / name}' has changed ('{odd}'): delete '{folder}' and run again.")


def _shown(parameters: object) -> str:
    """Format parameters in one line."""
    if not isinstance(parameters, dict):
        return repr(parameters)
    return ", ".join(f"{key} {value}" for key, value in parameters.items() if key != "synthetic")
