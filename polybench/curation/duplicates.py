"""Search for similar images in a dataset: the same pixels, a changed copy, or the same scene.

Perceptual hash of cosine terms (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010),
then normalised cross-correlation. Ours deviates since all images of an endoscopy, fundus or skin dataset share a frame
and a bright centre: hash and correlation are computed from a thumbnail with equal local contrast, minus what the images
have in common; small shifts, a zoom by a tenth and the eight orientations are tried; and mirrored images, which
resemble others only by chance, give the level of chance for each dataset.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from PIL import Image

from polybench.curation.similarity import (
    SIDE,
    Turn,
    correlation_peaks,
    detail_maps,
    perceptual_hashes,
    spectra_of,
    turned,
    zoomed,
)
from polybench.data.images import UInt8Array, pixels_sha256, resize_image
from polybench.data.listing import natural_key

VERSION = 1
"""Version of the search, increased whenever its results may change."""

ZOOMS = (1.0, 0.9)
"""Shares of one image's height and width that are compared with the whole other image."""

HASH_BITS = 16
"""Number of 64 hash bits that may differ between candidates."""

DUPLICATE = 0.8
"""Correlation from which two images are copies of each other, in every dataset.

Checked by eye: all 174 pairs in the seven sets are copies. Mirror images of different images reach 0.78 at most (ISIC
2018, round lesions on plain skin), the weakest copies 0.80.
"""

SCENE = 0.6
"""Least correlation from which two images are the same scene.

In CVC-ClinicDB, with known sequences, no pair of two sequences exceeds the threshold, and in Kvasir-SEG every pair
above it shows one place. A scene from another viewpoint (a moving camera, thick slices) is not found, so counts of
scenes are lower bounds.
"""

MARGIN = 0.05
"""Least difference between the correlation of a scene and the level of chance in its dataset."""

Kind = Literal["exact", "duplicate", "scene"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""From the most to the least certain; the first match counts."""

UPRIGHT: Turn = (0, False)
TURNS: dict[Turn, str] = {
    UPRIGHT: "upright",
    (1, False): "turned clockwise by 90°",
    (2, False): "turned by 180°",
    (3, False): "turned clockwise by 270°",
    (0, True): "mirrored left to right",
    (1, True): "turned clockwise by 90°, then mirrored",
    (2, True): "mirrored top to bottom",
    (3, True): "turned clockwise by 270°, then mirrored",
}
"""Turn that maps a second image to the first -> the orientation of the second image."""

CONTROLS: tuple[Turn, ...] = ((0, True), (2, True))
"""Reflections that no camera makes, so that similarity after them is due to chance."""


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The compared properties of an image.

    Attributes:
        id: The image's id.
        pixels_sha256: Hash of size and decoded pixels.
        thumbnail: Grey thumbnail of (64, 64) pixels, uint8.
        mask_sha256: Hash of size and pixels of its mask; None if it isn't compared.
    """

    id: str
    pixels_sha256: str
    thumbnail: UInt8Array
    mask_sha256: str | None = None


@dataclass(frozen=True)
class Pair:
    """Two similar images.

    Attributes:
        first: Id of one image, before `second` in natural order.
        second: Id of the other image.
        kind: `exact` (same pixels), `duplicate` (a copy that is re-encoded, resized, recoloured, slightly cropped,
            rotated or mirrored) or `scene` (the same place, as in frames of a video).
        correlation: Correlation of the detail maps at the best shift, zoom and orientation, at most 1.
        hamming: Number of 64 bits in which the perceptual hashes differ.
        turn: Orientation of the second image relative to the first, a value of `TURNS`.
        same_mask: Whether the masks of an exact pair are equal; None where that isn't known.
    """

    first: str
    second: str
    kind: Kind
    correlation: float
    hamming: int
    turn: str = TURNS[UPRIGHT]
    same_mask: bool | None = None


@dataclass(frozen=True)
class Search:
    """Result of `find_pairs`.

    Attributes:
        pairs: The pairs, most certain first.
        chance: Level of chance: the largest correlation, below that of a duplicate, of an image with the mirror image
            of another; None if it is below `SCENE - MARGIN`.
        scene_threshold: Correlation from which two images count as the same scene.
    """

    pairs: tuple[Pair, ...]
    chance: float | None
    scene_threshold: float


def fingerprint(image_id: str, image: UInt8Array, mask: UInt8Array | None = None) -> Fingerprint:
    """Compute the fingerprint of an image.

    Args:
        image_id: Its id.
        image: The image, (H, W, 3).
        mask: Its mask, (H, W), to compare the masks of copies; None for no comparison.
    """
    grey = np.asarray(Image.fromarray(image).convert("L"))
    return Fingerprint(
        id=image_id,
        pixels_sha256=pixels_sha256(image),
        thumbnail=resize_image(grey, (SIDE, SIDE)),
        mask_sha256=None if mask is None else pixels_sha256(mask),
    )


def find_pairs(fingerprints: Sequence[Fingerprint], *, block: int = 1024) -> Search:
    """Find all pairs of similar images, in a time that is quadratic in their number.

    Args:
        fingerprints: Fingerprints of the images, in any order.
        block: Number of images that are compared at a time, which limits memory.
    """
    ordered = sorted(fingerprints, key=lambda f: (natural_key(f.id), f.id))
    ids = [f.id for f in ordered]
    best: dict[tuple[int, int], tuple[float, int, Turn]] = {}
    chance: float | None = None
    for i, j, correlation, hamming, turn in _matches(ordered, block):
        if turn in CONTROLS and correlation < DUPLICATE:
            chance = max(chance or 0.0, correlation)
        elif turn == UPRIGHT or correlation >= DUPLICATE:
            pair = (min(i, j), max(i, j))
            if pair not in best or correlation > best[pair][0]:
                best[pair] = (correlation, hamming, turn)
    threshold = SCENE if chance is None else min(DUPLICATE, max(SCENE, round(chance + MARGIN, 4)))
    pairs = {
        (i, j): Pair(ids[i], ids[j], "duplicate" if value >= DUPLICATE else "scene", value, hamming, TURNS[turn])
        for (i, j), (value, hamming, turn) in best.items()
        if value >= threshold
    }
    pairs |= {(i, j): _exact_pair(ordered[i], ordered[j]) for i, j in _same_pixels(ordered)}
    order = sorted(pairs, key=lambda ij: (KINDS.index(pairs[ij].kind), -pairs[ij].correlation, ij))
    return Search(tuple(pairs[ij] for ij in order), chance, threshold)


def _matches(ordered: Sequence[Fingerprint], block: int) -> Iterator[tuple[int, int, float, int, Turn]]:
    """Yield indices, correlation (4 decimals), Hamming distance and turn of pairs with at least `SCENE - MARGIN`.

    A turned image is compared only with those before it, since that is symmetric; a zoomed one with all others.
    """
    if not ordered:
        return
    thumbnails = np.stack([f.thumbnail for f in ordered])
    maps = {zoom: detail_maps(zoomed(thumbnails, zoom)) for zoom in ZOOMS}
    hashes, details = perceptual_hashes(maps[1][0]), maps[1][1]
    for turn in TURNS:
        for zoom in ZOOMS if turn == UPRIGHT or turn in CONTROLS else ZOOMS[:1]:
            coarse, moved_details = (turned(part, turn) for part in maps[zoom])
            moved_hashes = perceptual_hashes(coarse)
            for start in range(0, len(ordered), block):
                spectra = spectra_of(details[start : start + block])
                for other in range(0 if zoom < 1 else start, len(ordered), block):
                    distance = 32 - hashes[start : start + block] @ moved_hashes[other : other + block].T / 2
                    i, j = np.nonzero(distance <= HASH_BITS)
                    kept = (i + start != j + other) if zoom < 1 else (i + start < j + other)
                    i, j = i[kept], j[kept]
                    correlation = correlation_peaks(spectra, spectra_of(moved_details[other : other + block]), i, j)
                    for k in np.flatnonzero(correlation >= SCENE - MARGIN):
                        value = round(min(1.0, float(correlation[k])), 4)
                        yield int(i[k]) + start, int(j[k]) + other, value, int(distance[i[k], j[k]]), turn


def _exact_pair(first: Fingerprint, second: Fingerprint) -> Pair:
    masks = (first.mask_sha256, second.mask_sha256)
    return Pair(first.id, second.id, "exact", 1.0, 0, same_mask=None if None in masks else masks[0] == masks[1])


def _same_pixels(fingerprints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(fingerprints):
        places[item.pixels_sha256].append(index)
    for same in places.values():
        yield from combinations(same, 2)
