"""Time the codec of feedback masks against plain Python loops and weigh what it makes, on real or drawn masks.

    python tools/benchmark_codec.py --data CVC-ClinicDB/"Ground Truth" Kvasir-SEG/masks --limit 100

Each mask is encoded and decoded by every contender in turn, so that a busy machine slows all of them; of its rounds the
quickest counts, and the median over masks is shown. "loop" visits every pixel; "start, length" does what FANet's
released code does: a list of Python integers from a loop over foreground pixels, made a text and parsed to be decoded.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import ndimage

from polybench.data.decoding import pages
from polybench.data.images import read_mask, resize_mask
from polybench.data.listing import list_files
from polybench.methods.feedback import decode, encode
from polybench.methods.feedback.codec import BoolArray


def loop_encode(mask: BoolArray) -> list[int]:
    """Lengths of runs, starting with background, pixel by pixel."""
    runs, value, length = [], False, 0
    for pixel in mask.ravel().tolist():
        if pixel != value:
            runs.append(length)
            value, length = pixel, 0
        length += 1
    return [*runs, length]


def loop_decode(runs: list[int], size: tuple[int, int]) -> BoolArray:
    """The mask of these runs, pixel by pixel."""
    pixels, value = [], False
    for run in runs:
        for _ in range(run):
            pixels.append(value)
        value = not value
    return np.array(pixels).reshape(size)


def pairs_encode(mask: BoolArray) -> list[int]:
    """Start (from 1) and length of each run of foreground, column by column."""
    pairs, last = [], -2
    for position in np.flatnonzero(mask.T).tolist():
        if position > last + 1:
            pairs += [position + 1, 0]
        pairs[-1] += 1
        last = position
    return pairs


def pairs_decode(pairs: list[int], size: tuple[int, int]) -> BoolArray:
    """The mask of these starts and lengths, by way of a text."""
    numbers = [int(word) for word in " ".join(map(str, pairs)).split()]
    flat = np.zeros(size[0] * size[1], dtype=bool)
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(size[::-1]).T


class Codec(NamedTuple):
    """How a contender encodes a mask, and decodes it to a size."""

    encode: Callable[[BoolArray], Any]
    decode: Callable[[Any, tuple[int, int]], BoolArray]


CODECS = {
    "polybench": Codec(encode, lambda coded, size: decode(coded)),
    "loop": Codec(loop_encode, loop_decode),
    "start, length": Codec(pairs_encode, pairs_decode),
}


def drawn_masks(side: int, count: int) -> dict[str, list[BoolArray]]:
    """Draw masks of three looks: one disc, smooth cells with borders between them, and noise, which no runs shorten."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    masks: dict[str, list[BoolArray]] = {"disc": [], "cells": [], "noise": []}
    for _ in range(count):
        centre, radius = random.uniform(0.3, 0.7, 2), random.uniform(0.05, 0.3)
        masks["disc"].append((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2)
        relief = ndimage.gaussian_filter(random.standard_normal((side, side)), side / 64)
        masks["cells"].append(np.abs(relief) > 0.2 * relief.std())
        masks["noise"].append(random.random((side, side)) < 0.5)
    return masks


def read_masks(folder: Path, side: int, limit: int) -> list[BoolArray]:
    """Read masks from a file or folder of images or stacks, evenly spread over it, resized to squares."""
    paths = [folder] if folder.is_file() else list_files(folder, recursive=True).files
    slices = [(path, page) for path in paths for page in range(pages(path))]
    chosen = slices[:: -(-len(slices) // limit)]
    return [resize_mask(read_mask(path, page), (side, side)).astype(bool) for path, page in chosen]


def milliseconds(rounds: int, action: Callable[..., object], *arguments: object) -> float:
    """The quickest of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action(*arguments)
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def measure_speed(masks: Sequence[BoolArray], rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds to encode and to decode each mask, for each contender; all must give the mask back."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in CODECS}
    for mask in masks:
        size = (mask.shape[0], mask.shape[1])
        for name, codec in CODECS.items():
            coded = codec.encode(mask)
            if not np.array_equal(codec.decode(coded, size), mask):
                raise AssertionError(f"{name} does not give the mask back")
            times[name][0].append(milliseconds(rounds, codec.encode, mask))
            times[name][1].append(milliseconds(rounds, codec.decode, coded, size))
    return times


def measure_memory(masks: Sequence[BoolArray]) -> dict[str, list[int]]:
    """Bytes that each mask takes as pixels, as bits, as a list of starts and lengths, and encoded."""
    coded = [encode(mask) for mask in masks]
    lists = [pairs_encode(mask) for mask in masks]
    return {
        "raw, a byte a pixel": [mask.nbytes for mask in masks],
        "bit-packed": [np.packbits(mask).nbytes for mask in masks],
        "start, length list": [sys.getsizeof(pairs) + sum(map(sys.getsizeof, pairs)) for pairs in lists],
        "polybench, in memory": [
            sum(map(sys.getsizeof, (mask, mask.payload, mask.shape, *mask.shape))) for mask in coded
        ],
        "polybench, payload": [mask.nbytes for mask in coded],
    }


def show(name: str, masks: Sequence[BoolArray], rounds: int) -> None:
    """Print the tables of one set of masks."""
    height, width = masks[0].shape
    kinds = Counter(encode(mask).kind.name for mask in masks)
    title = f"{name}: {len(masks)} masks of {height} x {width}, " + ", ".join(
        f"{n} {kind}" for kind, n in kinds.items()
    )
    speed = Table("", "encode ms", "times ours (least)", "decode ms", "times ours (least)")
    times = measure_speed(masks, rounds)
    for contender, columns in times.items():
        cells = []
        for values, ours in zip(columns, times["polybench"], strict=True):
            ratios = [value / own for value, own in zip(values, ours, strict=True)]
            cells += [f"{median(values):.3f}", f"{median(ratios):.1f} ({min(ratios):.1f})"]
        speed.add_row(contender, *cells)
    memory = Table("bytes per mask", "mean", "median", "most")
    for form, sizes in measure_memory(masks).items():
        memory.add_row(form, f"{mean(sizes):.0f}", f"{median(sizes):.0f}", f"{max(sizes)}")
    Console().print(title, speed, memory, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="folders of masks, or stacks; default: drawn")
    parser.add_argument("--size", type=int, default=512, help="side in pixels (%(default)s)")
    parser.add_argument("--limit", type=int, default=20, help="masks of each look or folder (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed (%(default)s)")
    options = parser.parse_args(arguments)
    folders = {str(folder): read_masks(folder, options.size, options.limit) for folder in options.data}
    for name, masks in (folders or drawn_masks(options.size, options.limit)).items():
        show(name, masks, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
