"""Read a folder of predictions or masks that any program has written: PNG, TIF or NPY, probabilities or binary.

Bytes count as k / 255, 16-bit numbers as k / 65535, floating-point numbers as they are. A folder whose integers are all
0 or 1 holds labels, as nnU-Net writes them; this is decided for the whole folder, so that an almost empty map of bytes
isn't taken for labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polybench.data.images import natural_key, open_image, pages, stem
from polybench.errors import DataError

SUFFIXES = frozenset({".png", ".tif", ".tiff", ".npy", ".bmp", ".gif", ".jpg", ".jpeg"})
STACKS = frozenset({".tif", ".tiff", ".gif"})
SLACK = 1e-5
"""How far beyond 0 and 1 the sums and resizes of a float32 program take a probability; it is cut off."""
_SHOWN = 5

Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class MapFolder:
    """A folder of maps, one for each image.

    Attributes:
        paths: Stem -> file.
        labels: Whether all integers in it are 0 or 1.
    """

    paths: Mapping[str, Path]
    labels: bool

    def read(self, name: str) -> Float32Array:
        """Read a map as probabilities in [0, 1], (H, W).

        Args:
            name: Its stem.

        Raises:
            DataError: If the file can't be read, is no single grey map, or holds anything outside [0, 1], beyond what
                rounding explains.
        """
        path = self.paths[name]
        values = read_map(path)
        if values.dtype == np.bool_ or (self.labels and values.dtype.kind in "iu"):
            return values.astype(np.float32)
        if values.dtype.kind in "iu":
            values = values.astype(np.float64) / (65535 if values.dtype == np.uint16 else 255)
        if not np.isfinite(values).all():
            raise DataError(f"'{path}' has values that are no finite numbers: write probabilities or a mask.")
        low, high = values.min(), values.max()
        if low < -SLACK or high > 1 + SLACK:
            raise DataError(
                f"'{path}' has values from {low:.4g} to {high:.4g}, outside 0 to 1: write probabilities (not logits) "
                "or a mask."
            )
        return values.astype(np.float32).clip(0, 1)

    def read_instances(self, name: str) -> Int32Array:
        """Read a label map (H, W), its instances numbered anew from 1, background 0.

        Args:
            name: Its stem.

        Raises:
            DataError: If the file can't be read, holds anything but whole numbers from 0, or is a binary mask of bytes.
        """
        path = self.paths[name]
        values = read_map(path)
        if values.dtype.kind not in "iu" or values.min() < 0:
            raise DataError(f"'{path}' is no label map: write whole numbers, 0 on background, one for each instance.")
        numbers, places = np.unique(values, return_inverse=True)
        if numbers[numbers > 0].tolist() in ([255], [65535]):
            raise DataError(f"'{path}' is a mask, not a label map: number its instances, or leave --instances out.")
        labels: Int32Array = (places.reshape(values.shape) + int(numbers[0] > 0)).astype(np.int32)
        return labels


def open_map_folder(folder: Path) -> MapFolder:
    """List a folder's maps and find out whether they are labels.

    Raises:
        DataError: If there is no such folder, it holds no map, or two maps have one stem.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}'.")
    paths: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name)):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        if stem(path) in paths:
            raise DataError(f"'{path}' and '{paths[stem(path)].name}' have the same stem: keep one of them.")
        paths[stem(path)] = path
    if not paths:
        raise DataError(f"The folder '{folder}' holds no map (0 files of the types {' '.join(sorted(SUFFIXES))}).")
    return MapFolder(paths, all(_is_label_map(path) for path in paths.values()))


def read_map(path: Path) -> npt.NDArray[Any]:
    """Decode one file to a grey map (H, W) in the file's own type.

    Raises:
        DataError: If the file can't be decoded, or has colours, several channels or several pages.
    """
    values: npt.NDArray[Any]
    if path.suffix.lower() == ".npy":
        try:
            values = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"'{path}' can't be read ({error}): write it with numpy.save.") from error
    else:
        image = open_image(path)
        if path.suffix.lower() in STACKS and pages(path) > 1:
            raise DataError(f"'{path}' is a stack of {pages(path)} images: write one file for each image.")
        plain = image.mode in {"1", "L", "I", "F"} or image.mode.startswith("I;16")
        values = np.asarray(image if plain else image.convert("RGBA" if image.mode == "PA" else "RGB"))
        if image.mode == "I" and values.min() >= 0 and values.max() <= 65535:  # how Pillow gives some 16-bit files
            values = values.astype(np.uint16)
        if not plain and (values[..., :3] == values[..., :1]).all():
            values = values[..., 0]
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[-1]):
        values = values.squeeze(0 if values.shape[0] == 1 else -1)
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "biuf":
        raise DataError(f"'{path}' holds {values.dtype} of shape {values.shape}: write one grey map (height, width).")
    return values


def _is_label_map(path: Path) -> bool:
    values = read_map(path)
    return values.dtype == np.bool_ or (values.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 1)


def some(names: Sequence[str]) -> str:
    """The first few of many names, for a message."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
