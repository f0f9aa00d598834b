"""Anatomy of a synthetic retina: optic disc, fovea, and two vessel trees grown from a seed.

The trees are grown by space colonisation (Runions et al., "Modeling Trees with a Space Colonization Algorithm", 2007):
tips grow towards points that have no vessel yet. It deviates in that vessels keep their direction, only some nodes may
branch, the arcades are drawn first, and coarse points are reached before fine ones. Calibres follow Murray's law.

Lengths are in distances from disc to fovea. The optic disc is the origin; x points to the temple, y down.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from polybench.synth.brush import Floats, along

_STEP = 0.014
_AVASCULAR = 0.15  # radius of the zone round the fovea that no vessel enters
_MURRAY = 2.6  # r^2.6 of a parent is the sum of its children's
_PATIENCE = 6  # steps without progress after which a point is given up
_BUDS = 0.16  # share of nodes that may branch


@dataclass(frozen=True)
class Field:
    """Field of view of a fundus camera.

    Attributes:
        centre: Mean position of the image's centre (x, y).
        radius: Radius of the field of view.
        feed: Number of points to grow to, and the distance at which a point is reached, per round of growth (R, 2).
        share: Mean and deviation of the vessels' share of the field of view.
    """

    centre: tuple[float, float]
    radius: float
    feed: tuple[tuple[int, float], ...]
    share: tuple[float, float]


FIELDS = {
    "drive": Field((0.97, 0.04), 1.36, ((40, 0.12), (100, 0.08), (200, 0.06)), (0.127, 0.009)),
    "chase": Field((0.04, 0.03), 1.06, ((25, 0.12), (45, 0.09), (25, 0.07)), (0.104, 0.007)),
}


@dataclass(frozen=True)
class _Course:
    """A vessel drawn before growth: nodes (N, 2), flow beyond its end, and the course and node it branches from."""

    nodes: Floats
    flow: float
    fork: tuple[int, int] | None = None


@dataclass(frozen=True)
class Tree:
    """Arteries or veins.

    Attributes:
        place: Positions of the nodes (N, 2) as (x, y).
        parent: Index of the node that each node grew from (N); a root is its own.
        calibre: Relative radius (N).
    """

    place: Floats
    parent: npt.NDArray[np.int64]
    calibre: Floats


@dataclass(frozen=True)
class Retina:
    """One eye in one camera, as a left eye.

    Attributes:
        field: Field of view of the camera.
        centre: Centre of the image (x, y).
        fovea: Position of the fovea (x, y).
        arteries: Tree of arteries.
        veins: Tree of veins.
        share: Target share of vessels in the field of view.
    """

    field: Field
    centre: Floats
    fovea: Floats
    arteries: Tree
    veins: Tree
    share: float


def make_retina(person: np.random.Generator, eye: np.random.Generator, field: Literal["drive", "chase"]) -> Retina:
    """Draw the anatomy of an eye.

    Args:
        person: Generator of the person, for tortuosity, density and course of the arcades.
        eye: Generator of the eye.
        field: Dataset of the camera.
    """
    camera = FIELDS[field]
    share = float(np.clip(person.normal(*camera.share), camera.share[0] - 0.016, camera.share[0] + 0.016))
    tortuosity = float(np.exp(person.normal(-0.2, 0.35)))
    arcades = person.uniform((0.70, 0.75), (1.0, 1.35), (2, 2))
    nasal = person.uniform(1.9, 2.6, 2)
    centre = np.array(camera.centre) + eye.normal(0, 0.035, 2)
    fovea = np.array([1.0, 0.10 + eye.normal(0, 0.04)])
    trees = []
    for offset in (-1, 1):
        courses = _trunks(eye, fovea, arcades, nasal, offset)
        grown = _Growth(eye, courses, fovea)
        for count, reached in camera.feed:
            grown.feed(_food(eye, count, centre, 1.06 * camera.radius, fovea), reached)
        trees.append(grown.tree(tortuosity))
    return Retina(camera, centre, fovea, trees[0], trees[1], share)


def _food(rng: np.random.Generator, count: int, centre: Floats, radius: float, fovea: Floats) -> Floats:
    """Draw points (N, 2) all over the field of view, except the fovea and the disc."""
    angle = rng.uniform(-np.pi, np.pi, count)
    places = centre + radius * np.sqrt(rng.random((count, 1))) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    keep = (np.linalg.norm(places - fovea, axis=1) > 1.2 * _AVASCULAR) & (np.linalg.norm(places, axis=1) > 0.22)
    return np.asarray(places[keep])


def _trunks(rng: np.random.Generator, fovea: Floats, arcades: Floats, nasal: Floats, offset: int) -> list[_Course]:
    """Draw the vessels from the disc: two temporal arcades, nasal and small ones, and the arcades' branches."""
    courses: list[_Course] = []
    t = np.linspace(0, 1, 150)[:, None]
    for half, side in enumerate((-1, 1)):
        root = np.array([-0.03, 0.01 * side]) + rng.normal(0, 0.008, 2)
        middle, end = arcades[half] * (1 + 0.09 * offset * rng.uniform(0.2, 1.2) + rng.normal(0, 0.06, 2))
        angle = np.pi - t * rng.uniform(2.3, 2.8)
        distance = 1.03 + (4 * middle - 3.06 - end) * t + (2 * end + 2.06 - 4 * middle) * t**2
        arcade = fovea + distance * np.concatenate([np.cos(angle), side * np.sin(angle)], axis=1)
        course = root + (arcade - arcade[0]) + (arcade[0] - root) * np.minimum(1, t / 0.5)
        courses.append(_Course(along(course, _STEP), 9.0))
        trunk = len(courses) - 1
        for turn in (nasal[half], nasal[half] + rng.uniform(0.4, 0.8))[: rng.integers(1, 3)]:
            heading = side * (turn + 0.12 * offset + rng.normal(0, 0.15) + rng.normal(0, 0.5) * t)
            courses.append(_Course(along(root + _path(heading, 0.012), _STEP), rng.uniform(3.0, 14.0)))
        for place, outward in ((rng.uniform(0.12, 0.3), 1), (rng.uniform(0.3, 0.6), rng.choice((-1, 1)))):
            arcade = courses[trunk].nodes
            node = int(place * len(arcade))
            dx, dy = arcade[node + 1] - arcade[node - 1]
            fork = -side * -outward * (rng.uniform(0.4, 0.8) - rng.uniform(0.0, 1.1) * t)
            reach = 0.0075 if outward > 0 else 0.003
            course = arcade[node] + _path(np.arctan2(dy, dx) + fork, reach)
            courses.append(_Course(along(course, _STEP), rng.uniform(5.0, 14.0) if outward > 0 else 3.0, (trunk, node)))
    for heading in rng.uniform(-np.pi, np.pi, 4):
        course = rng.normal(0, 0.02, 2) + _path(heading + rng.normal(0, 0.5) * t, 0.0017)
        courses.append(_Course(along(course, _STEP), 1.0))
    return courses


def _path(heading: Floats, length: float) -> Floats:
    """Return a path from the origin (N, 2) along headings (N, 1), `length` per heading."""
    steps = length * np.concatenate([np.cos(heading), np.sin(heading)], axis=1)
    return np.asarray(np.cumsum(steps, axis=0) - steps[0])


class _Growth:
    """A growing tree; `open` nodes may get a child: tips, and selected other nodes."""

    def __init__(self, rng: np.random.Generator, courses: list[_Course], fovea: Floats) -> None:
        self.rng = rng
        self.fovea = fovea
        starts = np.cumsum([0] + [len(course.nodes) for course in courses])
        self.place = np.concatenate([course.nodes for course in courses])
        self.parent = np.arange(len(self.place)) - 1
        self.parent[starts[:-1]] = [
            start if course.fork is None else starts[course.fork[0]] + course.fork[1]
            for start, course in zip(starts[:-1], courses, strict=True)
        ]
        self.heading = np.concatenate([np.gradient(course.nodes, axis=0) / _STEP for course in courses])
        self.beyond = dict(zip((starts[1:] - 1).tolist(), (course.flow for course in courses), strict=True))
        self.bud = self._buds(len(self.place)) & (np.linalg.norm(self.place, axis=1) > 0.2)
        self.tip = np.zeros(len(self.place), dtype=np.bool_)
        self.tip[starts[1:] - 1] = True

    def _buds(self, count: int) -> npt.NDArray[np.bool_]:
        return np.asarray(self.rng.random(count) < _BUDS)

    def feed(self, food: Floats, reached: float) -> None:
        """Grow until every point is reached, unreachable or given up."""
        candidates = np.flatnonzero(self.bud | self.tip)
        distance, nearest = cKDTree(self.place[candidates]).query(food)
        nearest = candidates[nearest]
        patience = np.full(len(food), _PATIENCE)
        best = distance
        for _ in range(150):
            wanted = (distance > reached) & (patience > 0)
            if not wanted.any():
                return
            food, best, nearest, patience = (a[wanted] for a in (food, best, nearest, patience))
            parents, children = self._step(food, nearest)
            moved = dict(zip(parents.tolist(), children.tolist(), strict=True))
            closed = ~(self.bud | self.tip)[nearest]
            nearest = np.array([moved.get(n, n) if c else n for n, c in zip(nearest.tolist(), closed, strict=True)])
            gap = np.linalg.norm(self.place[nearest] - food, axis=1)
            if len(children):
                to_new = np.linalg.norm(food[:, None] - self.place[children], axis=-1)
                closest = to_new.argmin(1)
                nearest = np.where(to_new.min(1) < gap, children[closest], nearest)
                gap = np.minimum(gap, to_new.min(1))
            patience = np.where(gap < best, _PATIENCE, patience - 1)
            best, distance = np.minimum(best, gap), gap

    def _step(self, food: Floats, nearest: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
        """Add a child to every node that is nearest to a point, and return parents and children."""
        parents, group = np.unique(nearest, return_inverse=True)
        pull = food - self.place[nearest]
        pull /= np.linalg.norm(pull, axis=1, keepdims=True)
        towards = np.zeros((len(parents), 2))
        np.add.at(towards, group, pull)
        towards /= np.linalg.norm(towards, axis=1, keepdims=True) + 1e-9
        ahead = (towards * self.heading[parents]).sum(1)
        can = (ahead > -0.1) & (self.tip[parents] | (ahead < 0.85))
        keep = np.where(self.tip[parents], 2.2, 1.3)[:, None]
        heading = towards + keep * self.heading[parents] + self.rng.normal(0, 0.35, towards.shape)
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        place = self.place[parents] + _STEP * heading
        can &= np.linalg.norm(place - self.fovea, axis=1) > _AVASCULAR
        parents, heading, place = parents[can], heading[can], place[can]
        children = len(self.place) + np.arange(len(parents))
        self.bud[parents[~self.tip[parents]]] = False
        self.tip[parents] = False
        self.place = np.concatenate([self.place, place])
        self.parent = np.concatenate([self.parent, parents])
        self.heading = np.concatenate([self.heading, heading])
        self.bud = np.concatenate([self.bud, self._buds(len(parents))])
        self.tip = np.concatenate([self.tip, np.ones(len(parents), dtype=np.bool_)])
        return parents, children

    def tree(self, tortuosity: float) -> Tree:
        """Return the grown tree, smoothed and bent, with calibres."""
        children = np.bincount(self.parent, minlength=len(self.place))
        flow = np.where(children == 0, 1.0, 0.0)
        for node, beyond in self.beyond.items():
            flow[node] = beyond
        for node in range(len(flow) - 1, -1, -1):
            if self.parent[node] != node:
                flow[self.parent[node]] += flow[node]
        place = self.place.copy()
        for _ in range(3):
            below = np.zeros_like(place)
            np.add.at(below, self.parent, place)
            inner = (children == 1) & (self.parent != np.arange(len(place)))
            place[inner] = 0.5 * place[inner] + 0.25 * (place[self.parent] + below)[inner]
        return Tree(place + tortuosity * self._bend(place), self.parent, flow ** (1 / _MURRAY))

    def _bend(self, place: Floats) -> Floats:
        """Return a smooth random displacement (N, 2), 0 at the disc, as a sum of waves."""
        total = np.zeros_like(place)
        for length in np.exp(self.rng.uniform(np.log(0.12), np.log(1.1), 14)):
            direction, turn, phase = self.rng.uniform(-np.pi, np.pi, 3)
            wave = np.sin(2 * np.pi / length * (place @ [np.cos(direction), np.sin(direction)]) + phase)
            total += 0.035 * length * wave[:, None] * [np.cos(turn), np.sin(turn)]
        return np.asarray(total * np.minimum(1, np.linalg.norm(place, axis=1, keepdims=True) / 0.4))
