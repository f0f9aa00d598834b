"""Generated regions of the far wall of a carotid artery, after B-mode ultrasound, with known interfaces.

Paper: Tajbakhsh et al., IEEE TMI 2016, whose 276 regions of 92 x 60 pixels, of 92 videos, are private. Here a subject
has two regions, and the subjects of training and test take turns. From top to bottom: the dark lumen, the thin bright
intima, the darker media, and the bright adventitia, all under speckle that is wider than it is high; where the echo is
weak, the intima nearly vanishes. An interface is where the echo below it begins to rise.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from polybench.core.atomic import atomic_write_text
from polybench.core.disk import make_folder, writing
from polybench.core.errors import ConfigError
from polybench.synth.brush import smooth_step
from polybench.synth.files import Pixels, Size
from polybench.synth.noise import Floats, smooth_noise

NAME = "intima_media"
INTERFACES = ("lumen_intima", "media_adventitia")
MARGIN = 16
"""Pixels of the image around its region, which patches of 32 pixels need."""

SIZE: Size = (60 + 2 * MARGIN, 92 + 2 * MARGIN)
"""Of an image by default, so that its region has the paper's size."""

LEAST = 32
"""Least height and width of a region."""

REGIONS = 2
"""Regions of a subject."""

REGION_TABLE = "regions.csv"
INTERFACE_TABLE = "interfaces.csv"


class Region(NamedTuple):
    """An image with its interfaces.

    Attributes:
        pixels: Grey levels, (H, W).
        rows: Row of each interface in each column, (2, W), from the image's top.
    """

    pixels: Pixels
    rows: Floats


def region(seed: int, subject: int, number: int, size: Size = SIZE) -> Region:
    """Draw a region with its surroundings.

    Args:
        seed: Seed of the set; at least 0.
        subject: The subject, from 0: thickness, slope, contrast.
        number: The region of the subject, from 0: waves, place and speckle.
        size: Height and width of the image.
    """
    of_subject, own = np.random.default_rng((seed, subject)), np.random.default_rng((seed, subject, number))
    thickness, slope = of_subject.uniform(0.13, 0.24), of_subject.uniform(-0.12, 0.12)
    contrast = of_subject.uniform(0.4, 1.0)
    height, width = size[0] - 2 * MARGIN, size[1]
    across = np.arange(width) - width / 2
    place = MARGIN + own.uniform(0.34, 0.46) * height
    limits = (MARGIN + 0.1 * height, MARGIN + 0.9 * height)
    upper = (place + slope * across + 0.03 * height * _waves(own, width)).clip(limits[0], limits[1] - 0.3 * height)
    below = thickness * height * (1 + 0.12 * _waves(own, width)).clip(0.6, 1.4)
    rows = np.stack([upper, upper + below])
    return Region(_developed(own, rows, size, contrast), rows)


def _waves(rng: np.random.Generator, width: int) -> Floats:
    """A smooth curve (W,) with values of about -1 to 1."""
    across = np.linspace(0, 1, width)
    parts = [
        np.sin(2 * np.pi * (cycles * across + rng.uniform())) * rng.uniform(0.2, 1) / cycles for cycles in (1, 2, 3)
    ]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _developed(rng: np.random.Generator, rows: Floats, size: Size, contrast: float) -> Pixels:
    """Grey levels (H, W) of the wall whose interfaces are given."""
    depth = np.arange(size[0], dtype=np.float64)[:, None]
    lumen, media = (depth - row[None] for row in rows)
    echo = contrast * (0.6 + 0.4 * smooth_noise(rng, (1, size[1]), 6.0)).clip(0.12, 1.2)
    intima = echo * smooth_step(lumen, 0.0, 1.5) * np.exp(-lumen.clip(0) / 2.5)
    tissue = 0.09 * smooth_step(lumen, 0.0, 1.5)
    adventitia = smooth_step(media, 0.0, 2.0) * (0.3 + 0.7 * np.exp(-media.clip(0) / 8.0))
    haze = 0.02 + 0.04 * np.exp(-((lumen + 9.0) ** 2) / 40.0)  # reverberation in the lumen
    reflected = haze + intima + tissue + adventitia * (0.5 + 0.5 * contrast)
    real, imaginary = (_speckle(rng, size) for _ in range(2))
    envelope = reflected * np.hypot(real, imaginary) / np.sqrt(2) + 0.01
    grey = 255 * (1 + np.log10(envelope.clip(0.01, 1.6) / 1.6) / np.log10(160))  # 44 dB
    pixels: Pixels = np.rint(grey.clip(0, 255)).astype(np.uint8)
    return pixels


def _speckle(rng: np.random.Generator, size: Size) -> Floats:
    """Noise (H, W) of unit variance that is wider than it is high."""
    wide = smooth_noise(rng, (2 * size[0], size[1]), 1.4)
    return np.asarray(wide[::2], dtype=np.float64)


def write_regions(folder: Path, n: int, seed: int, size: Size | None) -> None:
    """Write images, the table of regions and that of interfaces.

    Args:
        folder: Where they go.
        n: Number of regions.
        seed: Seed of the set.
        size: Height and width of the images; None for `SIZE`.

    Raises:
        ConfigError: If there is no subject for the training or the test, or the images are too small.
    """
    height, width = size or SIZE
    if n < 2 * REGIONS or min(height, width) < LEAST + 2 * MARGIN:
        raise ConfigError(
            f"{NAME} needs at least {2 * REGIONS} images of at least {LEAST + 2 * MARGIN} pixels each way (a margin of "
            f"{MARGIN} lies around the region), not {n} of {height} x {width}."
        )
    regions, interfaces = ["image,subject,subset,top,left,height,width"], [f"image,column,{','.join(INTERFACES)}"]
    for place in range(n):
        subject, number = divmod(place, REGIONS)
        pixels, rows = region(seed, subject, number, (height, width))
        name = f"s{subject:03d}_{number}"
        path = folder / "images" / f"{name}.png"
        make_folder(path.parent)
        with writing(path):
            Image.fromarray(pixels).save(path)
        inside = f"{MARGIN},{MARGIN},{height - 2 * MARGIN},{width - 2 * MARGIN}"
        regions.append(f"{name},s{subject:03d},{'test' if subject % 2 else 'train'},{inside}")
        interfaces += [
            f"{name},{column},{rows[0, column]:.2f},{rows[1, column]:.2f}" for column in range(MARGIN, width - MARGIN)
        ]
    atomic_write_text(folder / REGION_TABLE, "\n".join(regions) + "\n")
    atomic_write_text(folder / INTERFACE_TABLE, "\n".join(interfaces) + "\n")
