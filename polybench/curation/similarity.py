"""Similarity of thumbnails: detail maps, perceptual hashes, and correlation over small shifts."""

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.ndimage import affine_transform, gaussian_filter

from polybench.data.images import UInt8Array

SIDE = 64
"""Height and width of a thumbnail, pixels."""

REACH = 8
"""Largest shift, in pixels of the thumbnail: an eighth of the image."""

LENGTH = SIDE + REACH
"""Length of the Fourier transforms."""

Turn = tuple[int, bool]
"""Anticlockwise quarter turns, after mirroring left to right or not."""

Floats = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]


def zoomed(thumbnails: UInt8Array, zoom: float) -> UInt8Array:
    """Enlarge the middle of each thumbnail, a share `zoom` of its sides, to the whole."""
    if zoom == 1:
        return thumbnails
    corner = (SIDE - 1) / 2 * (1 - zoom)
    offset = [0, corner, corner]
    enlarged: UInt8Array = affine_transform(thumbnails, [1, zoom, zoom], offset=offset, order=1, mode="nearest")
    return enlarged


def turned(maps: Floats, turn: Turn) -> Floats:
    """Mirror maps (n, S, S) left to right, then rotate them."""
    quarters, mirrored = turn
    return np.ascontiguousarray(np.rot90(maps[:, :, ::-1] if mirrored else maps, quarters, axes=(1, 2)))


def detail_maps(thumbnails: UInt8Array) -> tuple[Floats, Floats]:
    """Compute textures at half size, (n, 32, 32), for hashes, and detail maps, (n, 64, 64), with a sum of squares of 1.

    Detail is texture minus its projection on the mean texture of all images, which contains their common frame. The
    mean of few images is unreliable, so the projection is weighted with n / (n + 8). A scene that most images show also
    counts as common: a set of a single video has few pairs.
    """
    grey = thumbnails.astype(np.float32)
    coarse = _texture(grey.reshape(-1, SIDE // 2, 2, SIDE // 2, 2).mean((2, 4)))
    details = _unit(_texture(grey).reshape(len(grey), -1))
    common = _unit(details.mean(0, keepdims=True))
    details -= (details @ common.T) * common * (len(grey) / (len(grey) + 8))
    details = _unit(details - details.mean(1, keepdims=True))
    return coarse, details.reshape(-1, SIDE, SIDE)


def _texture(grey: Floats) -> Floats:
    """Apply a band-pass (0.7 to 3 pixels), divide by the local contrast, and fade towards the border, (n, S, S)."""
    band = gaussian_filter(grey, (0, 0.7, 0.7)) - gaussian_filter(grey, (0, 3, 3))
    contrast = np.sqrt(gaussian_filter(band**2, (0, 3, 3)))
    fade = np.sqrt(np.hanning(grey.shape[1] + 4)[2:-2]).astype(np.float32)
    texture: Floats = band / (contrast + 2) * fade[:, None] * fade
    return texture


def _unit(rows: Floats) -> Floats:
    """Scale each row to a sum of squares of 1, except rows of zeros."""
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return unit


def perceptual_hashes(coarse: Floats) -> Floats:
    """Compute perceptual hashes, (n, 64), as -1 and 1: signs of the lowest 8 x 8 cosine terms about their median."""
    terms = scipy.fft.dctn(coarse, axes=(1, 2))[:, :8, :8].reshape(-1, 64)
    return np.where(terms > np.median(terms[:, 1:], axis=1, keepdims=True), np.float32(1), np.float32(-1))


def spectra_of(details: Floats) -> Spectra:
    """Compute Fourier transforms, padded so that shifts up to `REACH` don't wrap around."""
    spectra: Spectra = scipy.fft.rfft2(details, s=(LENGTH, LENGTH))
    return spectra


def correlation_peaks(first: Spectra, second: Spectra, i: npt.NDArray[np.intp], j: npt.NDArray[np.intp]) -> Floats:
    """Find the largest correlation of `first[i]` and `second[j]` over all shifts up to `REACH`.

    The inverse Fourier transform is a product with two small matrices, since few shifts are needed.
    """
    shifts, half = np.arange(-REACH, REACH + 1), np.arange(LENGTH // 2 + 1)
    weights = np.where((half == 0) | (half == LENGTH // 2), 1, 2) / LENGTH**2
    down = np.exp(2j * np.pi * np.outer(shifts, np.arange(LENGTH)) / LENGTH).astype(np.complex64)
    across = (np.exp(2j * np.pi * np.outer(half, shifts) / LENGTH) * weights[:, None]).astype(np.complex64)
    peaks = np.zeros(len(i), np.float32)
    for start in range(0, len(i), 256):
        part = slice(start, start + 256)
        product = first[i[part]] * second[j[part]].conj()
        rows = (product.reshape(-1, len(half)) @ across).reshape(-1, LENGTH, len(shifts))
        peaks[part] = (down @ rows).real.max((1, 2))
    return peaks
