"""What a test traced of interfaces: the section of its record, and a picture of a region."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from polybench.data.images import UInt8Array
from polybench.methods.finetuning.regions import Region
from polybench.methods.finetuning.tracing import Floats, distances
from polybench.results.sections import Column, Section

INTERFACES = "interfaces"
"""Key of the section in a record."""

NOTE = (
    "Mean vertical distance between an interface and the true one in each test region, pixels. Each pixel of a region "
    "is classified by the patch around it; the rows of the largest probability in each column are smoothed by open "
    "active contours."
)
COLOURS = ("#009E73", "#D55E00", "#0072B2", "#CC79A7")


class TracedRegion(NamedTuple):
    """A test region with what was traced in it; rows count from the image's top.

    Attributes:
        region: The region.
        maps: Probability of each interface in each pixel, (K, height, width).
        maxima: Rows of the largest probability in each column, (K, width).
        contours: Rows of the interfaces, (K, width).
    """

    region: Region
    maps: npt.NDArray[np.float32]
    maxima: Floats
    contours: Floats

    @property
    def errors(self) -> Floats:
        """Mean vertical distance of each interface from the true one, pixels, (K,)."""
        return distances(self.contours, self.region.rows)


def interface_section(traced: Sequence[TracedRegion], names: Sequence[str], patch: int) -> Section:
    """Describe the interfaces of a test.

    Args:
        traced: The regions.
        names: Names of the interfaces.
        patch: Side of a patch, pixels.
    """
    errors = np.stack([one.errors for one in traced])
    steps = np.stack([distances(one.maxima, one.region.rows) for one in traced])
    rows = tuple(
        {
            "interface": name.replace("_", "-"),
            "mean": float(mine.mean()),
            "sd": float(mine.std(ddof=1)) if len(mine) > 1 else None,
            "median": float(np.median(mine)),
            "maxima": float(step.mean()),
            "regions": len(mine),
        }
        for name, mine, step in zip(names, errors.T, steps.T, strict=True)
    )
    facts = {"Regions": f"{len(traced)} of {len({one.region.subject for one in traced})} subjects"}
    facts["Patches"] = f"{patch} pixels around each of {sum(one.maps[0].size for one in traced):,} pixels"
    if len(names) == 2:
        found, true = (
            np.array([np.diff(rows, axis=0).mean() for rows in both])
            for both in ([one.contours for one in traced], [one.region.rows for one in traced])
        )
        facts["Thickness"] = f"{np.abs(found - true).mean():.2f} pixels mean error, of {true.mean():.2f} on average"
    return Section(
        title="Interfaces",
        note=NOTE,
        columns=(
            Column(key="interface", header="Interface", kind="text"),
            Column(key="mean", header="mean error, pixels", decimals=2, direction="lower"),
            Column(key="sd", header="standard deviation over regions", decimals=2),
            Column(key="median", header="median", decimals=2, direction="lower"),
            Column(key="maxima", header="mean error before the contours", decimals=2, direction="lower"),
            Column(key="regions", header="regions", kind="count"),
        ),
        rows=rows,
        facts=facts,
        data={
            "regions": [one.region.image for one in traced],
            "subjects": [one.region.subject for one in traced],
            "errors": {name: [round(value, 6) for value in errors[:, k].tolist()] for k, name in enumerate(names)},
        },
    )


def interface_picture(traced: TracedRegion, image: UInt8Array, margin: int, names: Sequence[str]) -> Figure:
    """Draw a region as Figure 8 of the paper: image, probabilities, largest in each column, contours, truth.

    Args:
        traced: The region.
        image: Its image, padded.
        margin: Pixels of padding.
        names: Names of the interfaces.
    """
    region = traced.region
    top, left = region.top + margin, region.left + margin
    grey = image[top : top + region.height, left : left + region.width]
    merged = np.zeros((region.height, region.width, 3))
    for one, colour in zip(traced.maps, COLOURS, strict=False):
        merged += one[..., None] * np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    titles = ("region", "probabilities", "largest in each column", "active contours", "truth")
    figure = Figure(figsize=(13, 2.6), layout="constrained")
    lines = (None, None, traced.maxima, traced.contours, region.rows)
    for axes, title, rows in zip(figure.subplots(1, 5), titles, lines, strict=True):
        axes.imshow(merged.clip(0, 1) if title == "probabilities" else grey)
        for name, row, colour in zip(names, [] if rows is None else rows - region.top, COLOURS, strict=False):
            axes.plot(row, color=colour, linewidth=1.2, label=name.replace("_", "-"))
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    figure.axes[-1].legend(fontsize=7, loc="lower right")
    found = ", ".join(f"{value:.2f}" for value in traced.errors.tolist())
    figure.suptitle(f"{region.image}: mean errors {found} pixels", fontsize=9)
    return figure
