"""Measure the memory that scoring takes, in bytes a pixel: of each protocol, each stored statistic, and of `score`.

Each is computed once in a forked process, whose peak of resident memory, less that of a process that does the same
with a tiny image, is divided by the image's pixels; so the image's map and mask, five bytes a pixel, count. Objects are
discs, twelve along the longer side; `--noise` flips a share of the map's pixels, which makes many outlines.

    python tools/benchmark_memory.py --size 6000 4500
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from polybench.cli.main import run
from polybench.metrics import EXTRA_PROTOCOLS, PROTOCOLS, STORED, Protocol
from polybench.metrics.measures.labels import Mask, components
from polybench.scoring.folder import StoredMap, stored_rows

DISCS = 12
"""Objects along the longer side."""
SCORE = "polybench score"
"""The row of the whole command, on files of bytes."""


class Peak(NamedTuple):
    """What a computation took: bytes a pixel, and seconds of the processor."""

    bytes_per_pixel: float
    seconds: float


def discs(size: tuple[int, int]) -> Mask:
    """A mask (H, W) of discs on a grid, which cover a third of it."""
    step = max(size) / DISCS
    y, x = (np.arange(count, dtype=np.float32) % step - step / 2 for count in size)
    mask: Mask = y[:, None] ** 2 + x**2 < (0.33 * step) ** 2
    return mask


def example(size: tuple[int, int], noise: float) -> StoredMap:
    """A map (H, W), soft along the rims of objects that lie beside the true ones, and its truth."""
    mask = discs(size)
    levels = np.where(np.roll(mask, (max(size) // 200, max(size) // 300), (0, 1)), np.uint8(230), np.uint8(20))
    random = np.random.default_rng(0)
    for row in levels:
        row += random.integers(0, 20, row.shape, dtype=np.uint8)
        row[random.random(row.shape) < noise] ^= 255
    return StoredMap("a", "a", levels.astype(np.float32) / np.float32(255), mask, None)


def run_alone(compute: Callable[[], object]) -> tuple[int, float]:
    """Compute in a forked process; its peak of resident memory in bytes, and its processor seconds.

    Raises:
        RuntimeError: If it fails.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                compute()
            code = 0
        finally:
            os._exit(code)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError("The computation failed; it may have run out of memory: take a smaller --size.")
    return 1024 * usage.ru_maxrss, usage.ru_utime + usage.ru_stime


def computations(item: StoredMap) -> dict[str, Callable[[], object]]:
    """What is measured of an image: each protocol, each statistic that is stored, and all of them."""
    found: dict[str, Callable[[], object]] = {one.name: partial(stored_rows, [item], (one,)) for one in PROTOCOLS}
    found |= {f"stored {name}": partial(stored_rows, [item], (), (name,)) for name in STORED}
    found["all of every dataset"] = partial(stored_rows, [item], PROTOCOLS)
    found["all, and stored"] = partial(stored_rows, [item], PROTOCOLS, STORED)
    found |= {one.name: partial(score_with_labels, item, one) for one in EXTRA_PROTOCOLS}
    return found


def score_with_labels(item: StoredMap, protocol: Protocol) -> None:
    """Score an image whose true objects are told apart."""
    stored_rows([item._replace(labels=components(item.mask, 8))], (protocol,))


@contextlib.contextmanager
def files_of(item: StoredMap) -> Iterator[Callable[[], object]]:
    """Files of an image, and `polybench score` of them."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["score"]
        for name, values in (("pred", np.round(item.probability * 255)), ("gt", 255 * item.mask)):
            (Path(folder) / name).mkdir()
            Image.fromarray(values.astype(np.uint8)).save(Path(folder) / name / "a.png", compress_level=1)
            words += [f"--{name}", str(Path(folder) / name)]
        yield partial(run, words)


def measured(size: tuple[int, int], noise: float, names: Sequence[str] = ()) -> dict[str, Peak]:
    """The peak of each computation.

    Args:
        size: Height and width of the image.
        noise: Share of the map's pixels that are flipped.
        names: Which of them; all by default.
    """
    small, large = (64, 64), size
    with files_of(example(small, noise)) as tiny, files_of(example(large, noise)) as huge:
        before = {**computations(example(small, noise)), SCORE: tiny}
        peaks = {}
        for name in names or before:
            base, _ = run_alone(before[name])
            after = huge if name == SCORE else computations(example(large, noise))[name]
            peak, seconds = run_alone(after)
            peaks[name] = Peak((peak - base) / (size[0] * size[1]), seconds)
            del after  # which holds the image
    return peaks


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the table; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, nargs=2, default=(4500, 6000), help="height and width of the image")
    parser.add_argument("--noise", type=float, default=0.0, help="share of the map's pixels that are flipped")
    parser.add_argument("--only", nargs="+", default=(), help="which rows of the table; all by default")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # a forked process can't use the threads of its parent
    size = (options.size[0], options.size[1])
    peaks = measured(size, options.noise, options.only)
    table = Table("", "bytes a pixel", "processor seconds")
    for name, peak in peaks.items():
        table.add_row(name, f"{peak.bytes_per_pixel:.1f}", f"{peak.seconds:.2f}")
    Console().print(f"{size[1]}x{size[0]} pixels, {options.noise:g} of them flipped", table, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
