"""Rendering of a cut through synthetic brain tissue as an electron micrograph."""

import numpy as np

from polybench.synth.membranes_scene import MEMBRANE, Cut, Tissue, presence
from polybench.synth.noise import Floats, smooth_noise


def develop(tissue: Tissue, cut: Cut, number: int, rng: np.random.Generator) -> Floats:
    """Turn a cut into the grey levels of its micrograph, some of them beyond 0 to 255."""
    size = cut.owner.shape
    inside = ((cut.distance - MEMBRANE) / 3).clip(0, 1)
    grey = 162 + tissue.tone[cut.owner] + 11 * smooth_noise(rng, size, 34) + 8 * smooth_noise(rng, size, 6)
    grey += inside * (12 * smooth_noise(rng, size, 1.9) - _vesicles(tissue, cut, rng))
    _add_mitochondria(tissue, cut, number, grey, inside)
    grey -= (100 - 42 * cut.oblique) * np.exp(-((cut.distance.clip(0) / (3.5 + 3.5 * cut.oblique)) ** 2))
    _add_synapses(tissue, cut, number, grey, smooth_noise(rng, size, 2.5))
    grey += 18 * smooth_noise(rng, size, 0.95) + 6 * rng.standard_normal(size)
    contrast, light = rng.uniform(0.9, 1.25), rng.normal(0, 10)
    return np.asarray(126 + contrast * (grey - 133) + light, dtype=np.float64)


def _vesicles(tissue: Tissue, cut: Cut, rng: np.random.Generator) -> Floats:
    """Small rings and dots in the cytoplasm, and how dark they are; a slice is thicker than they are."""
    height, width = cut.owner.shape
    dark = np.zeros((height + 16, width + 16))
    spots = rng.integers((height, width), size=(height * width // 60, 2))
    rows, columns = spots.T
    kept = (rng.random(len(spots)) < 60 * tissue.vesicles[cut.owner[rows, columns]]) & (cut.distance[rows, columns] > 8)
    distance = np.hypot(*np.mgrid[-8:9, -8:9])
    stamps = [np.exp(-(((distance - ring) / 1.3) ** 2)) for ring in (0.0, 2.8, 3.6, 4.4)]
    for row, column in spots[kept]:
        spot = dark[row : row + 17, column : column + 17]
        np.maximum(spot, rng.uniform(20, 60) * stamps[rng.integers(len(stamps))], out=spot)
    return dark[8:-8, 8:-8]


def _add_mitochondria(tissue: Tissue, cut: Cut, number: int, grey: Floats, inside: Floats) -> None:
    """Put grey ovals with a dark rim and dark cristae into the cytoplasm."""
    for home, row, column, long, short, angle, first, half_depth in tissue.mitochondria:
        width = presence(number, first, half_depth)
        if width <= 0.1:
            continue
        dy, dx = _from(cut, cut.centre[int(home)] + (row, column))
        along, across = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
        depth = short * np.sqrt(width) * (1 - np.hypot(along / long, across / short) / np.sqrt(width))
        cover = inside * ((depth + 1) / 2).clip(0, 1)
        ridges = np.sin((0.9 * along + 0.35 * across) * 0.85 + 3 * np.sin(across / 9 + first) + first)
        tone = 95 - 19 * ridges - 42 * np.exp(-(((depth - 1.2) / 1.6) ** 2))
        grey += cover * (tone - grey)


def _add_synapses(tissue: Tissue, cut: Cut, number: int, grey: Floats, grain: Floats) -> None:
    """Darken stretches of membrane and what lies beside them."""
    for home, angle, spread, first, half_depth in tissue.synapses:
        strength = presence(number, first, half_depth)
        if strength <= 0:
            continue
        rim = cut.centre[int(home)] + cut.radius[int(home)] * np.array([np.sin(angle), np.cos(angle)])
        near = (_from(cut, rim) ** 2).sum(0) / spread**2
        grey -= (72 + 18 * grain) * strength * np.exp(-near - (cut.distance.clip(0) / 11) ** 2)


def _from(cut: Cut, point: Floats) -> Floats:
    """Rows and columns (2, H, W) from a point of the tissue, which lies elsewhere on the bent slice."""
    size = cut.owner.shape
    row, column = np.rint(point).astype(np.int64).clip(0, np.array(size) - 1)
    return np.indices(size) - (point - cut.shift[:, row, column])[:, None, None]
