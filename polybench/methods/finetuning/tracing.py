"""From the probabilities of a region's pixels to its interfaces: column-wise maxima, smoothed by open active contours.

Paper: Tajbakhsh et al., IEEE TMI 2016, section IV-D. There the step-like maxima start two open snakes that deform until
they take the shape of the interfaces; their parameters are not printed. Ours are attracted by the probability of their
interface, blurred so that a band that is wide draws to its middle, and bend as far as `STIFFNESS` lets them.
"""

from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.core.errors import ConfigError

Floats = npt.NDArray[np.float64]

BLUR = 1.5
"""Standard deviation of the Gaussian that a probability map is blurred with, pixels."""

TENSION = 0.01
STIFFNESS = 0.3
ATTRACTION = 1.0
STEP = 0.1
ITERATIONS = 500
"""Parameters of the active contours: alpha, beta, w_line, gamma and max_num_iter of scikit-image."""


class Traced(NamedTuple):
    """The interfaces of a region, each by its row in every column.

    Attributes:
        maxima: Rows of the largest probability, (K, width).
        contours: The same after the active contours.
    """

    maxima: Floats
    contours: Floats


def traced(maps: Floats) -> Traced:
    """Trace interfaces.

    Args:
        maps: Probability of each interface in each pixel, (K, height, width).

    Raises:
        ConfigError: If scikit-image is not installed.

    Example:
        >>> rows = np.arange(9)[:, None] * np.ones((1, 12))
        >>> found = traced(np.exp(-((rows - 4) ** 2))[None])
        >>> found.maxima[0].tolist() == [4.0] * 12, bool(np.abs(found.contours - 4).max() < 0.1)
        (True, True)
    """
    maxima = maps.argmax(axis=1).astype(np.float64)
    contours = [contour(one, rows) for one, rows in zip(maps, maxima, strict=True)]
    return Traced(maxima, np.stack(contours))


def contour(probability: Floats, rows: Floats) -> Floats:
    """Smooth an interface by an open active contour.

    Args:
        probability: Of the interface in each pixel, (height, width).
        rows: Where it begins, its row in each column, (width,).

    Returns:
        Its row in each column, (width,).

    Raises:
        ConfigError: If scikit-image is not installed.
    """
    refuse_no_contours()
    from skimage.segmentation import active_contour  # an optional package

    blurred = ndimage.gaussian_filter(probability, BLUR, mode="nearest")
    blurred = (blurred - blurred.min()) / max(float(np.ptp(blurred)), 1e-12)
    columns = np.arange(len(rows), dtype=np.float64)
    found = active_contour(  # type: ignore[no-untyped-call]
        blurred,
        np.stack([rows, columns], axis=1),
        alpha=TENSION,
        beta=STIFFNESS,
        w_line=ATTRACTION,
        w_edge=0,
        gamma=STEP,
        max_num_iter=ITERATIONS,
        boundary_condition="free",
    )
    order = np.argsort(found[:, 1], kind="stable")  # points may move along the interface
    smooth: Floats = np.interp(columns, found[order, 1], found[order, 0]).clip(0, len(probability) - 1)
    return smooth


def refuse_no_contours() -> None:
    """Refuse an installation without scikit-image.

    Raises:
        ConfigError: If there is none.
    """
    if find_spec("skimage") is None:
        raise ConfigError("Interfaces are smoothed by scikit-image: pip install 'polybench[interfaces]'.")


def distances(found: Floats, truth: Floats) -> Floats:
    """Mean vertical distance between interfaces (K, width) and the true ones, pixels, (K,).

    Example:
        >>> distances(np.array([[1.0, 2.0], [5.0, 5.0]]), np.array([[1.0, 4.0], [4.0, 6.0]])).tolist()
        [1.0, 1.0]
    """
    apart: Floats = np.abs(found - truth).mean(axis=1)
    return apart
