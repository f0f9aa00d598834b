"""A grid of pictures: a line for each image, with the image, its truth, the mask of each net, and Dice in the corner.

Images keep their own pixels: small ones are enlarged by a whole factor, those above `LARGEST_SIDE` shrunk. In a PDF,
letters and outlines are drawn as lines, and pixels are kept as they are.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from polybench.callbacks.overlays import (
    FALSE_POSITIVE,
    GAP,
    LEGEND,
    TRUE_POSITIVE,
    Mask,
    resized,
    shown_scale,
    tint_errors,
)
from polybench.core.atomic import atomic_writer
from polybench.data.images import UInt8Array
from polybench.experiments.boxes import Box

DPI = 100
TRUTH, PREDICTION = TRUE_POSITIVE, FALSE_POSITIVE
"""Colours of outlines."""
BOX = (255, 64, 64)
"""Colour of boxes."""
LETTERS = 0.6
"""Width of a letter as a share of its height."""


@dataclass(frozen=True)
class Line:
    """One image at native size.

    Attributes:
        id: Its id.
        image: RGB, (h, w, 3).
        truth: Its mask, (h, w).
        masks: The mask of each net, (h, w).
        dice: Dice of each.
        boxes: Regions of interest, drawn in each of its pictures.
    """

    id: str
    image: UInt8Array
    truth: Mask
    masks: tuple[Mask, ...]
    dice: tuple[float, ...]
    boxes: tuple[Box, ...] = ()


def draw_grid(titles: Sequence[str], lines: Sequence[Line], show: str) -> Figure:
    """Draw the grid.

    Args:
        titles: What the nets are called.
        lines: The images, at least one.
        show: One of `SHOWN`: how masks are drawn.

    Returns:
        A figure whose pixels at its own resolution are those of the images.
    """
    sizes = [[round(side * shown_scale(*line.truth.shape)) for side in line.truth.shape] for line in lines]
    cell, columns = max(width for _, width in sizes), 2 + len(titles)
    letter = min(28, max(11, cell // 18))
    wrapped = [textwrap.fill(title, max(4, int(cell / (LETTERS * letter)))) for title in ("Image", "Truth", *titles)]
    head = int(1.35 * letter * max(1 + title.count("\n") for title in wrapped)) + GAP
    foot = 2 * letter if show in KEYS else 0
    width = columns * cell + (columns - 1) * GAP
    height = head + sum(side for side, _ in sizes) + (len(lines) - 1) * GAP + foot
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    points = letter * 72 / DPI
    for place, title in enumerate(wrapped):
        x = (place * (cell + GAP) + cell / 2) / width
        figure.text(x, 1 - (head - GAP / 2) / height, title, fontsize=points, ha="center", va="bottom")
    top = head
    for line, (high, wide) in zip(lines, sizes, strict=True):
        for place in range(columns):
            left = place * (cell + GAP) + (cell - wide) // 2
            box = (left / width, 1 - (top + high) / height, wide / width, high / height)
            _cell(figure.add_axes(box), line, place, show, points)
        top += high + GAP
    if foot:
        patches = [Patch(color=_shades(colour), label=label) for label, colour in KEYS[show]]
        figure.legend(handles=patches, loc="lower center", ncols=len(patches), fontsize=points, frameon=False)
    return figure


def write_grid(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as PNG and as PDF; equal figures give equal bytes.

    Args:
        figure: The figure.
        stem: The path of the files, without their types.

    Raises:
        WriteError: If one can't be written.
    """
    nothing: Mapping[str, Mapping[str, None]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
    paths = []
    for kind, metadata in nothing.items():
        paths.append(stem.with_name(f"{stem.name}.{kind}"))
        with atomic_writer(paths[-1]) as file:
            figure.savefig(file, format=kind, dpi=DPI, metadata=metadata)
    return paths


def _cell(axes: Axes, line: Line, place: int, show: str, points: float) -> None:
    """Draw one picture: the image, its truth, or a net's mask."""
    scale = min(1.0, shown_scale(*line.truth.shape))
    image, truth = resized(line.image, scale), resized(line.truth, scale, smooth=False)
    mask = resized(line.masks[place - 2], scale, smooth=False) if place > 1 else truth
    axes.set_axis_off()
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    if place == 0:
        _pixels(axes, image)
    else:
        SHOWN[show](axes, image, truth, mask)
    for box in line.boxes:
        _outlined(axes, box, scale)
    text = line.id if place == 0 else f"Dice {line.dice[place - 2]:.3f}" if place > 1 else ""
    if text:
        behind = {"facecolor": "black", "edgecolor": "none", "pad": 0.25 * points}
        axes.text(0.02, 0.98, text, transform=axes.transAxes, color="white", fontsize=points, va="top", bbox=behind)


def _pixels(axes: Axes, pixels: UInt8Array) -> None:
    axes.imshow(pixels, interpolation="none", aspect="auto", cmap="gray", vmin=0, vmax=255)


def _errors(axes: Axes, image: UInt8Array, truth: Mask, mask: Mask) -> None:
    _pixels(axes, tint_errors(image, truth, mask))


def _masks(axes: Axes, image: UInt8Array, truth: Mask, mask: Mask) -> None:
    _pixels(axes, mask.astype(np.uint8) * np.uint8(255))


def _outlines(axes: Axes, image: UInt8Array, truth: Mask, mask: Mask) -> None:
    """The image under the outline of the truth and, above it, that of the mask."""
    _pixels(axes, image)
    regions = {TRUTH: truth} if mask is truth else {TRUTH: truth, PREDICTION: mask}
    for colour, region in regions.items():
        if region.any() and not region.all():
            axes.contour(region, [0.5], colors=[_shades(colour)], linewidths=_line_width(axes))


def _outlined(axes: Axes, box: Box, scale: float) -> None:
    """Draw a box: a line that is seen on light and on dark pixels."""
    corner = (box.x * scale - 0.5, box.y * scale - 0.5)
    for colour, factor in (("black", 2.2), (_shades(BOX), 1.2)):
        width = factor * _line_width(axes)
        axes.add_patch(Rectangle(corner, box.width * scale, box.height * scale, fill=False, ec=colour, lw=width))


def _line_width(axes: Axes) -> float:
    """Width of an outline, in points: that of a picture divided by 180, at least 1.5 pixels."""
    return float(max(1.5, axes.get_window_extent().width / 180) * 72 / DPI)


def _shades(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


SHOWN: Mapping[str, Callable[[Axes, UInt8Array, Mask, Mask], None]] = {
    "errors": _errors,
    "masks": _masks,
    "outlines": _outlines,
}
"""How a mask is drawn: its errors in three colours, white on black, or as a line around it."""

KEYS = {"errors": LEGEND, "outlines": (("truth", TRUTH), ("prediction", PREDICTION))}
"""Way of drawing -> what its colours are."""
