"""Find pictures that stand twice in a dataset: same pixels, the same picture changed, or the same scene again.

Perceptual hash of cosine terms (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010),
then normalised cross-correlation. Ours deviates where all images of a set share a frame and a bright middle, as those
of endoscopy, fundus and skin do: hash and correlation are taken of a thumbnail band-passed to equal local contrast,
less what the images have in common; small shifts, a zoom by a tenth and the eight turns and mirrorings are tried; and
mirrored images, which resemble others by chance alone, show for each dataset how high chance reaches.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy.fft
from PIL import Image
from scipy.ndimage import affine_transform, gaussian_filter

from polybench.data.images import UInt8Array, pixels_sha256, resize_image
from polybench.data.listing import natural_key

VERSION = 1
"""Raise this when a pair could be found, lost or given another number."""

SIDE = 64
"""Height and width of a thumbnail, pixels."""

REACH = 8
"""Largest shift that is tried, in pixels of the thumbnail: an eighth of the picture."""

ZOOMS = (1.0, 0.9)
"""Shares of one picture's height and width that are laid over the whole other picture."""

HASH_BITS = 16
"""Of 64 hash bits, those that may differ between candidates."""

DUPLICATE = 0.8
"""Correlation from which two images are the same picture, in every dataset.

Seen on pictures of all pairs: of 174 in the seven sets none shows two things. Mirror images of different pictures reach
0.78 at most (ISIC 2018, round lesions on plain skin), the weakest copies of one picture 0.80.
"""

SCENE = 0.6
"""Least correlation from which two images are the same scene.

In CVC-ClinicDB, whose table tells which frames belong together, no pair of two sequences gets past the threshold, and
in Kvasir-SEG every pair past it shows one place. A scene seen from elsewhere is not found: frames that move far, slices
that are thick. Counts of scenes are therefore from below.
"""

MARGIN = 0.05
"""How far above chance in its dataset a scene must stand."""

Kind = Literal["exact", "duplicate", "scene"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""From the surest to the weakest; the first holds where several would."""

Turn = tuple[int, bool]
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
"""Anticlockwise quarter turns, after a mirroring or none, that lay a second image on a first; and what the second is
therefore, in words."""

CONTROLS: tuple[Turn, ...] = ((0, True), (2, True))
"""Mirrorings that no camera makes: what resembles an image after one of them does so by chance."""

Floats = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]
_LENGTH = SIDE + REACH


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is compared of an image.

    Attributes:
        id: The image's id.
        pixels_sha256: Hash of size and decoded pixels.
        thumbnail: Grey picture of (64, 64) pixels, uint8.
        mask_sha256: Hash of size and pixels of its mask, if that is to be compared.
    """

    id: str
    pixels_sha256: str
    thumbnail: UInt8Array
    mask_sha256: str | None = None


@dataclass(frozen=True)
class Pair:
    """Two images that show the same.

    Attributes:
        first: An image's id, before `second` in natural order.
        second: The other's.
        kind: `exact` (same pixels), `duplicate` (same picture, re-encoded, resized, recoloured, cropped a little,
            turned or mirrored) or `scene` (same place seen again, as in the frames of a video).
        correlation: Of the detail maps at the best shift, zoom and turn, at most 1.
        hamming: Bits of 64 in which the perceptual hashes differ.
        turn: What the second image is beside the first, in words of `TURNS`.
        same_mask: Of an exact pair, whether the masks are equal too; None where that is not known.
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
    """What `find_pairs` found.

    Attributes:
        pairs: The surest first.
        chance: Largest correlation, below a duplicate's, of an image with another one's mirror image: they resemble
            each other by chance alone; None where it stays below `SCENE - MARGIN`.
        scene_threshold: Correlation from which this search calls two images the same scene.
    """

    pairs: tuple[Pair, ...]
    chance: float | None
    scene_threshold: float


def fingerprint(image_id: str, image: UInt8Array, mask: UInt8Array | None = None) -> Fingerprint:
    """Take the fingerprint of an image.

    Args:
        image_id: Its id.
        image: (H, W, 3).
        mask: (H, W), to tell whether copies of an image have the same mask.
    """
    grey = np.asarray(Image.fromarray(image).convert("L"))
    return Fingerprint(
        id=image_id,
        pixels_sha256=pixels_sha256(image),
        thumbnail=resize_image(grey, (SIDE, SIDE)),
        mask_sha256=None if mask is None else pixels_sha256(mask),
    )


def find_pairs(fingerprints: Sequence[Fingerprint], *, block: int = 1024) -> Search:
    """Find all pairs of images that show the same.

    Args:
        fingerprints: Of the images, in any order.
        block: Images that are compared with as many others at a time; bounds memory, changes no result.

    Returns:
        The pairs; time grows with the square of the number of images.
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
    """Two indices, correlation (4 decimals), Hamming distance and turn from `SCENE - MARGIN` on.

    A turned picture is compared with those before it alone, for that is symmetric; a zoomed one with all others.
    """
    if not ordered:
        return
    thumbnails = np.stack([f.thumbnail for f in ordered])
    maps = {zoom: _maps(_zoomed(thumbnails, zoom)) for zoom in ZOOMS}
    hashes, details = _hashes(maps[1][0]), maps[1][1]
    for turn in TURNS:
        for zoom in ZOOMS if turn == UPRIGHT or turn in CONTROLS else ZOOMS[:1]:
            coarse, moved_details = (_turned(part, turn) for part in maps[zoom])
            moved_hashes = _hashes(coarse)
            for start in range(0, len(ordered), block):
                spectra = _spectra(details[start : start + block])
                for other in range(0 if zoom < 1 else start, len(ordered), block):
                    distance = 32 - hashes[start : start + block] @ moved_hashes[other : other + block].T / 2
                    i, j = np.nonzero(distance <= HASH_BITS)
                    kept = (i + start != j + other) if zoom < 1 else (i + start < j + other)
                    i, j = i[kept], j[kept]
                    correlation = _peaks(spectra, _spectra(moved_details[other : other + block]), i, j)
                    for k in np.flatnonzero(correlation >= SCENE - MARGIN):
                        value = round(min(1.0, float(correlation[k])), 4)
                        yield int(i[k]) + start, int(j[k]) + other, value, int(distance[i[k], j[k]]), turn


def _zoomed(thumbnails: UInt8Array, zoom: float) -> UInt8Array:
    """Enlarge the middle `zoom` of each picture to the whole."""
    if zoom == 1:
        return thumbnails
    corner = (SIDE - 1) / 2 * (1 - zoom)
    offset = [0, corner, corner]
    enlarged: UInt8Array = affine_transform(thumbnails, [1, zoom, zoom], offset=offset, order=1, mode="nearest")
    return enlarged


def _turned(maps: Floats, turn: Turn) -> Floats:
    """Mirror left to right, then turn, (n, S, S)."""
    quarters, mirrored = turn
    return np.ascontiguousarray(np.rot90(maps[:, :, ::-1] if mirrored else maps, quarters, axes=(1, 2)))


def _maps(thumbnails: UInt8Array) -> tuple[Floats, Floats]:
    """Texture at half size, (n, 32, 32), for hashes; and detail maps, (n, 64, 64), of sum of squares 1.

    Detail is texture less its projection on the mean texture of all, which is the frame that the set's images share; of
    few images that can't be told, so the projection is weighted with n / (n + 8). A scene that most images
    show counts as shared too: a set that is one video alone has few pairs.
    """
    grey = thumbnails.astype(np.float32)
    coarse = _texture(grey.reshape(-1, SIDE // 2, 2, SIDE // 2, 2).mean((2, 4)))
    details = _unit(_texture(grey).reshape(len(grey), -1))
    common = _unit(details.mean(0, keepdims=True))
    details -= (details @ common.T) * common * (len(grey) / (len(grey) + 8))
    details = _unit(details - details.mean(1, keepdims=True))
    return coarse, details.reshape(-1, SIDE, SIDE)


def _texture(grey: Floats) -> Floats:
    """Band-pass (0.7 to 3 pixels), divide by the local contrast, and fade towards the border, (n, S, S)."""
    band = gaussian_filter(grey, (0, 0.7, 0.7)) - gaussian_filter(grey, (0, 3, 3))
    contrast = np.sqrt(gaussian_filter(band**2, (0, 3, 3)))
    fade = np.sqrt(np.hanning(grey.shape[1] + 4)[2:-2]).astype(np.float32)
    texture: Floats = band / (contrast + 2) * fade[:, None] * fade
    return texture


def _unit(rows: Floats) -> Floats:
    """Scale each row to a sum of squares of 1; zeros stay."""
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return unit


def _hashes(coarse: Floats) -> Floats:
    """The perceptual hashes, (n, 64), as -1 and 1: signs of the lowest 8 x 8 cosine terms about their median."""
    terms = scipy.fft.dctn(coarse, axes=(1, 2))[:, :8, :8].reshape(-1, 64)
    return np.where(terms > np.median(terms[:, 1:], axis=1, keepdims=True), np.float32(1), np.float32(-1))


def _spectra(details: Floats) -> Spectra:
    """Fourier transforms, wide enough that shifts up to `REACH` don't wrap onto the other side."""
    spectra: Spectra = scipy.fft.rfft2(details, s=(_LENGTH, _LENGTH))
    return spectra


def _peaks(first: Spectra, second: Spectra, i: npt.NDArray[np.intp], j: npt.NDArray[np.intp]) -> Floats:
    """Largest correlation of `first[i]` and `second[j]` over all shifts up to `REACH`.

    The inverse Fourier transform is a product with two small matrices, since few shifts are asked for.
    """
    shifts, half = np.arange(-REACH, REACH + 1), np.arange(_LENGTH // 2 + 1)
    weights = np.where((half == 0) | (half == _LENGTH // 2), 1, 2) / _LENGTH**2
    down = np.exp(2j * np.pi * np.outer(shifts, np.arange(_LENGTH)) / _LENGTH).astype(np.complex64)
    across = (np.exp(2j * np.pi * np.outer(half, shifts) / _LENGTH) * weights[:, None]).astype(np.complex64)
    peaks = np.zeros(len(i), np.float32)
    for start in range(0, len(i), 256):
        part = slice(start, start + 256)
        product = first[i[part]] * second[j[part]].conj()
        rows = (product.reshape(-1, len(half)) @ across).reshape(-1, _LENGTH, len(shifts))
        peaks[part] = (down @ rows).real.max((1, 2))
    return peaks


def _exact_pair(first: Fingerprint, second: Fingerprint) -> Pair:
    masks = (first.mask_sha256, second.mask_sha256)
    return Pair(first.id, second.id, "exact", 1.0, 0, same_mask=None if None in masks else masks[0] == masks[1])


def _same_pixels(fingerprints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(fingerprints):
        places[item.pixels_sha256].append(index)
    for same in places.values():
        yield from combinations(same, 2)
