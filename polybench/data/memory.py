"""Checks whether an image fits into memory, since a process that needs too much is killed without a message."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from polybench.core.errors import DataError

CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")

NAMES = {"": ("memory.max", "memory.current"), "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes")}
"""Controllers in /proc/self/cgroup (none in version 2) -> files with the limit and the usage of memory."""

GIGABYTE = 10**9


class Sized(NamedTuple):
    """An image by name, and its size in pixels."""

    name: str
    height: int
    width: int


def size_of(path: Path) -> Sized | None:
    """Read the size of an image or a stored array from its header; None where it can't be read."""
    try:
        if path.suffix.lower() == ".npy":
            shape = [side for side in np.load(path, mmap_mode="r", allow_pickle=False).shape if side != 1]
            return Sized(str(path), shape[0], shape[1]) if len(shape) == 2 else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return Sized(str(path), image.height, image.width)
    except (OSError, SyntaxError, TypeError, ValueError, EOFError, Image.DecompressionBombError):
        return None  # reported when the file is read


def sizes_of(paths: Iterable[Path]) -> list[Sized]:
    """Read the sizes of files, without those that can't be read."""
    return [found for path in paths if (found := size_of(path)) is not None]


def refuse_too_large(images: Iterable[Sized], per_pixel: float, what: str, advice: str = "", beside: int = 0) -> None:
    """Refuse images if the largest doesn't fit into memory.

    Args:
        images: The images.
        per_pixel: Bytes per pixel of an image.
        what: What needs them, such as "scoring it".
        advice: How to reduce them, such as "leave out --membranes, "; empty for no advice.
        beside: Bytes that its tiles need, whatever its size; 0 without tiles.

    Raises:
        DataError: If one doesn't fit; it is named.
    """
    largest = max(images, key=lambda image: image.height * image.width, default=None)
    free = available_memory()
    if largest is None or free is None:
        return
    needed = largest.height * largest.width * per_pixel + beside
    if needed <= free:
        return
    further = f" and {beside / GIGABYTE:.1f} GB for tiles" if beside >= GIGABYTE / 10 else ""
    raise DataError(
        f"'{largest.name}' has {largest.width}x{largest.height} pixels: {what} needs about {needed / GIGABYTE:.1f} GB "
        f"of memory ({per_pixel:g} bytes per pixel{further}), and {free / GIGABYTE:.1f} GB are available: "
        f"{advice}cut or shrink the image, or use a machine with more memory."
    )


def available_memory() -> int | None:
    """Return the bytes available to this process, on the machine and in its control groups; None where unknown."""
    known = [free for free in (_of_machine(), *_of_groups()) if free is not None]
    return max(min(known), 0) if known else None


def _of_machine() -> int | None:
    """Return the available memory by the kernel's estimate, or the free pages where it has none."""
    try:
        lines = (PROC / "meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _of_groups() -> list[int | None]:
    """Return the memory left in each control group of this process, of version 2 and of version 1."""
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    found: list[int | None] = []
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers in NAMES:
            root, names = CGROUPS / controllers, NAMES[controllers]
            folder = root / path.lstrip("/")
            within = [folder, *folder.parents]
            found += [_left(one, *names) for one in within if one.is_relative_to(root)]
    return found


def _left(group: Path, limit: str, usage: str) -> int | None:
    """Return the bytes below the limit of a group; its file cache counts as free."""
    try:
        most, used = int((group / limit).read_text()), int((group / usage).read_text())
        stat = dict(line.split(maxsplit=1) for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such group here, or no limit
        return None
    return most - used + int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))
