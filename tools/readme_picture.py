"""Draw the README's picture from synthetic frames alone: `python tools/readme_picture.py OUT.png --masks DIR`.

No real patient's image may stand in the repository, so the picture shows what polybench's generator draws, and beside
it what a net made of it (`polybench predict` writes the masks).
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from polybench.callbacks.overlays import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE, tint_errors
from polybench.synth.clinicdb import FRAMES_PER_SEQUENCE
from polybench.synth.polyps import polyp_frame

CONTOUR = "#FFFFFF"
OUTCOMES = {"true positive": TRUE_POSITIVE, "false positive": FALSE_POSITIVE, "false negative": FALSE_NEGATIVE}
DEFAULT_SEQUENCES = (2, 7, 12, 17, 27)  # the test sequences of the default split
DEFAULT_FRAME = 2


@dataclass(frozen=True)
class Panel:
    """One picture of the row.

    Attributes:
        image: RGB, (H, W, 3) uint8.
        truth: Ground truth, (H, W) bool.
        prediction: Binary prediction, (H, W) bool; without one only the contour of the truth is drawn.
        title: A line above, empty for none.
    """

    image: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.bool_]
    prediction: npt.NDArray[np.bool_] | None = None
    title: str = ""


def draw_rows(rows: Sequence[Sequence[Panel]], path: Path, *, width: float = 12.0, dpi: int = 100) -> None:
    """Draw rows of panels with the contour of the ground truth, and a legend if there is a prediction.

    Args:
        rows: Rows of equally many panels of equal size.
        path: Where to save; the ending chooses the format.
        width: Of the figure in inches.
        dpi: Pixels per inch.
    """
    height, across, _ = rows[0][0].image.shape
    predicted = any(panel.prediction is not None for row in rows for panel in row)
    titled = any(panel.title for row in rows for panel in row)
    foot, head = 0.32 if predicted else 0.0, 0.25 if titled else 0.0
    cell = width / len(rows[0]) * height / across
    figure = Figure(figsize=(width, len(rows) * (cell + head) + foot), dpi=dpi, facecolor="white")
    grid = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    total = figure.get_figheight()
    figure.subplots_adjust(0, foot / total, 1, 1 - head / total, wspace=0.015, hspace=(head + 0.03) / cell)
    for row, axes in zip(rows, grid, strict=True):
        for panel, ax in zip(row, axes, strict=True):
            _draw(panel, ax)
    if predicted:
        handles = [Patch(color="#{:02x}{:02x}{:02x}".format(*colour), label=name) for name, colour in OUTCOMES.items()]
        handles.append(Patch(facecolor="0.4", edgecolor=CONTOUR, linewidth=2, label="ground truth (line)"))
        figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Software": None} if path.suffix == ".png" else None)


def _draw(panel: Panel, ax: Axes) -> None:
    shown = panel.image if panel.prediction is None else tint_errors(panel.image, panel.truth, panel.prediction)
    ax.imshow(shown, interpolation="lanczos")
    if panel.truth.any() and not panel.truth.all():
        ax.contour(panel.truth.astype(np.float64), levels=[0.5], colors=[CONTOUR], linewidths=1.4)
    if panel.title:
        ax.set_title(panel.title, fontsize=9, pad=3)
    ax.set_axis_off()


def synthetic_rows(seed: int, sequences: Sequence[int], frame: int, masks: Path | None) -> list[list[Panel]]:
    """A row of frames, one of each sequence, and below it their predictions where there is a folder of masks."""
    frames = [polyp_frame(seed, sequence, frame) for sequence in sequences]
    rows = [[Panel(image, truth) for image, truth in frames]]
    if masks is not None:
        numbers = [sequence * FRAMES_PER_SEQUENCE + frame + 1 for sequence in sequences]
        predictions = [np.asarray(Image.open(masks / f"{number}.png")) > 127 for number in numbers]
        rows.append([Panel(*pair, prediction) for pair, prediction in zip(frames, predictions, strict=True)])
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the picture; returns 0."""
    parser = argparse.ArgumentParser(description="Draw synthetic frames with the contour of their ground truth.")
    parser.add_argument("path", type=Path, help="picture to write, for example OUT.png")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic dataset")
    parser.add_argument("--sequences", type=int, nargs="+", default=DEFAULT_SEQUENCES, help="counted from 0")
    parser.add_argument("--frame", type=int, default=DEFAULT_FRAME, help="of each sequence, counted from 0")
    parser.add_argument("--masks", type=Path, help="folder of predicted masks, <frame number>.png")
    options = parser.parse_args(arguments)
    draw_rows(synthetic_rows(options.seed, options.sequences, options.frame, options.masks), options.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
