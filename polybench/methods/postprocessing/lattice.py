"""Gaussian filtering of many points in a few dimensions on the permutohedral lattice, by sparse matrices.

Paper: Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice", 2010. A point is spread
over the d + 1 vertices of its simplex, vertices are blurred by (1, 2, 1) / 4 along each of the d + 1 directions, and
the points read their vertices again. Vertices that no point touches don't exist, so that the kernel is an
approximation, best where points are dense. Time and memory grow with the number of points, not of pairs.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BYTES_PER_POINT = 1100
"""Memory that making the lattice of five dimensions takes for each point."""


class Simplices(NamedTuple):
    """The simplex of each point.

    Attributes:
        vertices: Coordinates of its vertices but for the last, which the others give, (N, d + 1, d).
        weights: Barycentric coordinates of the point, (N, d + 1).
    """

    vertices: Integers
    weights: Floats


class Lattice:
    """Filters values of points with a Gaussian of unit variance.

    Args:
        points: (N, d), already divided by the standard deviation of each dimension.
    """

    def __init__(self, points: Floats) -> None:
        count, dims = points.shape
        simplices = simplices_of(points)
        low = simplices.vertices.min(axis=(0, 1)) - dims - 1
        sides = simplices.vertices.max(axis=(0, 1)) + dims + 1 - low + 1
        steps = np.concatenate([np.cumprod(sides[:0:-1])[::-1], [1]])
        keys, place = np.unique((simplices.vertices - low) @ steps, return_inverse=True)
        rows = np.repeat(np.arange(count), dims + 1)
        entries = (simplices.weights.ravel(), (rows, place.ravel()))
        self._spread = sparse.csr_array(entries, shape=(count, len(keys)))
        self._collect = sparse.csr_array(self._spread.T)
        self._blurs = [_blur(keys, int(np.sum(steps) - offset)) for offset in (*((dims + 1) * steps), 0)]

    def filtered(self, values: Floats) -> Floats:
        """Filter the values (N,) of the points; the kernel is known up to a factor."""
        found = self._collect @ values
        for blur in self._blurs:
            found = blur @ found
        result: Floats = self._spread @ found
        return result


def _blur(keys: Integers, offset: int) -> sparse.csr_array:
    """Half of each vertex, and a quarter of its two neighbours, where they exist."""
    count = len(keys)
    places = np.arange(count)
    blur = sparse.eye_array(count, format="csr") * 0.5
    found = np.minimum(np.searchsorted(keys, keys + offset), count - 1)
    exists = keys[found] == keys + offset
    pairs = (np.full(int(exists.sum()), 0.25), (places[exists], found[exists]))
    neighbours = sparse.csr_array(pairs, shape=(count, count))
    return sparse.csr_array(blur + neighbours + neighbours.T)


def simplices_of(points: Floats) -> Simplices:
    """Find the simplex of each point (N, d), and the point's barycentric coordinates in it."""
    dims = points.shape[1]
    raised = _raised(points)
    origin = (np.rint(raised / (dims + 1)) * (dims + 1)).astype(np.int64)
    order = np.argsort(-(raised - origin), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(dims + 1)[None], axis=1)
    rank += origin.sum(axis=1, keepdims=True) // (dims + 1)
    turns = (rank < 0).astype(np.int64) - (rank > dims)
    origin += turns * (dims + 1)
    rank += turns * (dims + 1)
    inside = np.empty_like(raised)
    np.put_along_axis(inside, rank, (raised - origin) / (dims + 1), axis=1)  # falling
    weights = np.empty_like(raised)
    weights[:, 1:] = (inside[:, :-1] - inside[:, 1:])[:, ::-1]
    weights[:, 0] = 1 + inside[:, -1] - inside[:, 0]
    corner = np.arange(dims + 1)[None, :, None]
    beyond = rank[:, None, :dims] > dims - corner
    return Simplices(origin[:, None, :dims] + corner - (dims + 1) * beyond, weights)


def _raised(points: Floats) -> Floats:
    """Map points (N, d) into the plane of d + 1 coordinates that sum to 0, where the blur has unit variance."""
    count, dims = points.shape
    steps = np.arange(1, dims + 1)
    scaled = points * ((dims + 1) * np.sqrt(2 / 3) / np.sqrt(steps * (steps + 1)))
    raised = np.zeros((count, dims + 1))
    raised[:, :dims] = np.cumsum(scaled[:, ::-1], axis=1)[:, ::-1]
    raised[:, 1:] -= steps * scaled
    return raised
