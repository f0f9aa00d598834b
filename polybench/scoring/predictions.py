"""Reading of folders of predictions or masks by any program: PNG, TIF or NPY, probabilities or binary.

Bytes count as k / 255, 16-bit numbers as k / 65535 (as bytes if all are 0 or 255; other ranges must be
stated), floating-point numbers unchanged. In a folder with only 0 and 1, 1 is foreground, as in nnU-Net; this is
decided for the whole folder, so that an almost empty map of bytes isn't read as labels.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from polybench.core.checksum import file_sha256
from polybench.core.errors import DataError
from polybench.data.decoding import open_image
from polybench.data.listing import Listing, list_files
from polybench.data.mask_coding import Kind, Values, check_alpha, check_mode, kind_of, mixture
from polybench.data.pairing import by_stem
from polybench.data.progress import progress
from polybench.data.value_range import range_problem

SUFFIXES = frozenset({".png", ".tif", ".tiff", ".npy", ".bmp", ".gif", ".jpg", ".jpeg"})
SLACK = 1e-5
"""Tolerance for probabilities outside [0, 1] from rounding in float32; they are clipped."""

Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class MapFolder:
    """A folder of maps, one per image, with their coding.

    Attributes:
        paths: Stem -> file.
        kinds: Stem -> coding of its integers.
        peaks: Stem -> largest value, for probabilities in 16 bits.
        bits: Number of their significant bits; None if it isn't stated.
    """

    paths: Mapping[str, Path]
    kinds: Mapping[str, Kind]
    peaks: Mapping[str, int]
    bits: int | None = None

    @cached_property
    def labels(self) -> bool:
        """Whether all integers in the folder are 0 or 1."""
        return all(kind in ("either", "ones") for kind in self.kinds.values())

    @property
    def mixture(self) -> str | None:
        """Description of how many maps have values 0 and 1 and how many other values; None if all have one coding."""
        return mixture((path.name, self.kinds[name]) for name, path in self.paths.items())

    @property
    def numbered(self) -> str | None:
        """A file with numbers of objects or classes, if all non-empty files have such numbers or 0 and 1; else None."""
        if not set(self.kinds.values()) <= {"either", "ones", "numbered"}:
            return None
        return next((name for name, kind in self.kinds.items() if kind == "numbered"), None)

    @property
    def range_problem(self) -> str | None:
        """Reason why the range of 16-bit values is unknown; None where it is known."""
        return range_problem({self.paths[name].name: peak for name, peak in self.peaks.items()}, self.bits, "--bits")

    def read(self, name: str) -> Float32Array:
        """Read a map as probabilities in [0, 1], (H, W).

        Args:
            name: Stem of the file.

        Raises:
            DataError: If the file can't be read, isn't a single grey map, or has values outside [0, 1] beyond rounding.
        """
        path = self.paths[name]
        values = read_map(path)
        if values.dtype == np.bool_ or (self.labels and values.dtype.kind in "iu"):
            return values.astype(np.float32)
        if not np.isfinite(values).all():
            raise DataError(f"'{path}' has values that aren't finite: write probabilities or a mask.")
        top = {"u": 255, "i": 255}.get(values.dtype.kind, 1)
        if values.dtype == np.uint16 and not (self.kinds[name] == "full" and values.max() == 255):
            top = 2 ** (self.bits or 16) - 1 if name in self.peaks else 65535
        if values.min() < -SLACK * top or values.max() > (1 + SLACK) * top:
            raise DataError(_out_of_range(path, values, top))
        return (values / top).astype(np.float32).clip(0, 1)

    def read_instances(self, name: str) -> Int32Array:
        """Read a label map (H, W) with instances renumbered from 1, background 0.

        Args:
            name: Stem of the file.

        Raises:
            DataError: If the file can't be read, has values other than integers from 0, or is a binary mask of bytes.
        """
        path = self.paths[name]
        values = read_map(path)
        if values.dtype.kind not in "iu" or values.min() < 0:
            raise DataError(
                f"'{path}' is not a label map but has {values.dtype}: write an integer type, 0 on "
                "background, one number for each instance."
            )
        numbers, places = np.unique(values, return_inverse=True)
        if numbers[numbers > 0].tolist() in ([255], [65535]):
            raise DataError(f"'{path}' is a mask, not a label map: number its instances, or leave --instances out.")
        labels: Int32Array = (places.reshape(values.shape) + int(numbers[0] > 0)).astype(np.int32)
        return labels


def list_maps(folder: Path) -> Listing:
    """List the maps of a folder, without its sub-folders.

    Raises:
        DataError: If the folder is missing, can't be read or has no map.
    """
    return list_files(folder, SUFFIXES, what="map")


def find_maps(folder: Path) -> dict[str, Path]:
    """Map the stem of each map of a folder to its file.

    Raises:
        DataError: As `list_maps`, or if two maps have one stem, or an entry with the name of a map isn't a file.
    """
    return by_stem(list_maps(folder))


def left_out_remark(listing: Listing) -> list[str]:
    """Return remarks on the files of a folder that were left out; empty where there are none."""
    return [f"'{listing.folder}' has {listing.sentence}"] if listing.left_out else []


def survey(paths: Mapping[str, Path], bits: int | None = None) -> MapFolder:
    """Determine the coding of maps.

    Args:
        paths: Stem -> file.
        bits: Number of significant bits of 16-bit probabilities; None if it isn't stated.

    Raises:
        DataError: If a file can't be read or isn't a single grey map.
    """
    kinds: dict[str, Kind] = {}
    peaks: dict[str, int] = {}
    for name in progress(list(paths), "Looking through"):
        values = read_map(paths[name])
        kinds[name] = kind_of(values)
        if values.dtype == np.uint16 and kinds[name] == "other":
            peaks[name] = int(values.max())
    return MapFolder(paths, kinds, peaks, bits)


def contents_sha256(paths: Mapping[str, Path]) -> str:
    """Hash the contents and names of files: the lines `<sha256 of the file>  <name>`, sorted by name.

    Args:
        paths: Name -> file.

    Raises:
        OSError: If a file can't be read.
    """
    lines = [f"{file_sha256(paths[name])}  {name}\n" for name in sorted(paths)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_map(path: Path) -> Values:
    """Decode one file to a grey map (H, W) of the file's own type.

    Raises:
        DataError: If the file can't be decoded, or has colours, several channels or several pages.
    """
    if path.suffix.lower() == ".npy":
        try:
            values: Values = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"'{path}' can't be read ({error}): write it with numpy.save.") from error
    else:
        values = _grey(path, open_image(path))
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[-1]):
        values = values.squeeze(0 if values.shape[0] == 1 else -1)
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "biuf":
        raise DataError(f"'{path}' holds {values.dtype} of shape {values.shape}: write one grey map (height, width).")
    return values


def _grey(path: Path, image: Image.Image) -> Values:
    """Return the values of an image with equal channels."""
    plain = image.mode in {"1", "L", "F"} or image.mode.startswith("I")
    if image.mode != "F":
        check_mode(path, image)
        check_alpha(path, image)
    values = np.asarray(image if plain else image.convert("RGBA" if image.mode == "PA" else "RGB"))
    if plain:
        wide = image.mode == "I" and values.min() >= 0 and values.max() <= 65535
        return values.astype(np.uint16) if wide else values  # Pillow returns some 16-bit files so
    if (values[..., :3] == values[..., :1]).all():
        return values[..., 0]
    if image.mode in {"P", "PA"}:
        raise DataError(
            f"'{path}' has a colour palette: write one grey map, in Python "
            "Image.fromarray(numpy.asarray(Image.open(file))).save(file), which keeps the numbers without the colours."
        )
    raise DataError(
        f"'{path}' has colours (shape {values.shape}): write one grey map, in Python "
        'Image.open(file).convert("L").save(file) if their brightness is the prediction.'
    )


def _out_of_range(path: Path, values: Values, top: int) -> str:
    """Return the message for a map with values outside [0, 1].

    Args:
        path: The file.
        values: Its values, of the file's own type.
        top: The value of 1.
    """
    low, high = values.min(), values.max()
    what = f"'{path}' has values from {low / top:.4g} to {high / top:.4g}, outside 0 to 1"
    if low < 0:
        return f"{what}: write probabilities (not logits) or a mask."
    whole = values.dtype.kind in "iu" or bool((values == np.floor(values)).all())
    if whole and (high > 255 or kind_of(values.astype(np.int64)) == "numbered"):
        return (
            f"'{path}' has integers up to {high:.0f}: if they number objects, save them as an integer type "
            "and give --instances (--instances both for predictions), else write probabilities or a mask."
        )
    if high <= 255 and (whole or high > 255 / 2):
        return f"'{path}' has values from {low:.4g} to {high:.4g}: divide them by 255, or save them as uint8."
    return f"{what}: write probabilities (not logits) or a mask."
