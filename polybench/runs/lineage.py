"""Which stage of a plan takes a file of which other, as a graph: in Mermaid for the page, drawn for a dashboard."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from polybench.results.record import Record
from polybench.runs.plan import Plan, Stage

COLUMN_INCHES, ROW_INCHES = 2.2, 0.8


@dataclass(frozen=True)
class Edge:
    """A file that a stage takes.

    Attributes:
        start: The node that gives it.
        end: The stage that takes it.
        label: What it is to that stage.
        trained: Whether that stage trains on; otherwise it evaluates what it takes.
    """

    start: str
    end: str
    label: str
    trained: bool


@dataclass(frozen=True)
class Lineage:
    """Stages of a plan and the weights that the first of them start from.

    Attributes:
        stages: Node of a stage -> its label.
        origins: Node of start weights from outside the plan -> its label.
        edges: Files that are taken.
    """

    stages: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def parents(self) -> dict[str, list[str]]:
        """Node -> the nodes that give what it takes, each once."""
        found: dict[str, list[str]] = {node: [] for node in (*self.stages, *self.origins)}
        for edge in self.edges:
            found[edge.end] += [edge.start] if edge.start not in found[edge.end] else []
        return found


def lineage_of_plan(plan: Plan, records: Mapping[str, Record]) -> Lineage:
    """The lineage of a plan's stages.

    Args:
        plan: The plan.
        records: Name of a cell -> its record.
    """
    lineage = Lineage()
    by_label: dict[str, str] = {}
    for name, stage in plan.stages.items():
        record = next(record for cell, record in records.items() if cell.rpartition("-s")[0] == name)
        trained, sources = stage.command == "fit", plan.sources(stage)
        lineage.stages[_node(name)] = f"{name}: {record.task if trained else stage.command}, {record.dataset.name}"
        for given, source in sources.items():
            lineage.edges.append(Edge(_node(source.name), _node(name), given, trained))
        for given, label in _origins(plan, stage, record).items():
            origin = by_label.setdefault(label, f"origin_{len(by_label)}")
            lineage.origins[origin] = label
            lineage.edges.append(Edge(origin, _node(name), given, trained))
    return lineage


def _origins(plan: Plan, stage: Stage, record: Record) -> dict[str, str]:
    """Input -> the weights from outside the plan that it is; of a stage without inputs, the net's own weights."""
    given = {name: value for name, value in stage.inputs.items() if value is not None}
    outside = {name: value for name, value in given.items() if value not in plan.stages}
    if given:
        return {name: "/".join(Path(value).parts[-3:]) for name, value in outside.items()}
    own = record.net.start_weights if record.net is not None else "random"
    return {"weights": f"{own} weights"}


def mermaid(lineage: Lineage) -> list[str]:
    """The graph as lines of Mermaid; a dotted arrow leads to a test."""
    nodes = [f'    {node}["{label}"]' for node, label in lineage.stages.items()]
    nodes += [f'    {node}(["{label}"])' for node, label in lineage.origins.items()]
    edges = [f"    {edge.start} {'-->' if edge.trained else '-.->'}|{edge.label}| {edge.end}" for edge in lineage.edges]
    return ["graph LR", *nodes, *edges]


def draw(lineage: Lineage) -> Figure:
    """The graph as a picture, from left to right; a dotted arrow leads to a test."""
    routes, places = _layout(lineage)
    columns = 1 + max(x for x, _ in places.values())
    rows = 1 + max(y for _, y in places.values())
    figure = Figure(figsize=(COLUMN_INCHES * columns, ROW_INCHES * rows + 0.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.set_axis_off()
    boxes = {node: _draw_box(axes, places[node], label, "0.95") for node, label in lineage.stages.items()}
    boxes |= {node: _draw_box(axes, places[node], label, "white") for node, label in lineage.origins.items()}
    for edge, route in zip(lineage.edges, routes, strict=True):
        _draw_route(axes, [places[node] for node in route], boxes[edge.start], boxes[edge.end], edge.trained)
    return figure


def _draw_box(axes: Axes, place: tuple[float, float], label: str, face: str) -> Text:
    """A label in a box."""
    box = {"boxstyle": "round", "facecolor": face, "edgecolor": "0.6"}
    text = label.replace(": ", "\n").replace(", ", "\n")
    return axes.text(*place, text, ha="center", va="center", fontsize=7, bbox=box, zorder=3)


def _draw_route(axes: Axes, route: list[tuple[float, float]], start: Text, end: Text, solid: bool) -> None:
    """An arrow from box to box, through points."""
    style: dict[str, Any] = {"color": "0.45", "linestyle": "-" if solid else ":", "linewidth": 1.1}
    axes.plot([x for x, _ in route[:-1]], [y for _, y in route[:-1]], **style)
    arrow: dict[str, Any] = {"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0, "patchB": end.get_bbox_patch(), **style}
    if len(route) == 2:
        arrow["patchA"] = start.get_bbox_patch()
    axes.annotate("", route[-1], route[-2], arrowprops=arrow, zorder=4)  # after the boxes, whose sizes it needs


def _layout(lineage: Lineage) -> tuple[list[list[str]], dict[str, tuple[float, float]]]:
    """Columns by the longest way from an origin, rows beside the nodes that give what is taken.

    An edge that passes columns gets a point in each, so that it crosses no box.

    Returns:
        Each edge's nodes and points, from its start to its end; node or point -> column and row.
    """
    parents = lineage.parents()
    level: dict[str, int] = {}
    for node in TopologicalSorter(parents).static_order():
        level[node] = 1 + max((level[parent] for parent in parents[node]), default=-1)
    routes, before = [], {node: list[str]() for node in level}
    for number, edge in enumerate(lineage.edges):
        points = [f"{number}/{column}" for column in range(level[edge.start] + 1, level[edge.end])]
        level |= {point: level[edge.start] + 1 + place for place, point in enumerate(points)}
        route = [edge.start, *points, edge.end]
        routes.append(route)
        for start, end in itertools.pairwise(route):
            before.setdefault(end, []).append(start)
    places: dict[str, tuple[float, float]] = {}
    columns = [[node for node, place in level.items() if place == column] for column in range(1 + max(level.values()))]
    tallest = max(map(len, columns))
    for column, nodes in enumerate(columns):
        wanted = {node: fmean([places[one][1] for one in before.get(node, [])] or [0.0]) for node in nodes}
        ordered = sorted(nodes, key=lambda node: wanted[node])
        offset = (tallest - len(nodes)) / 2
        places |= {node: (float(column), offset + row) for row, node in enumerate(ordered)}
    return routes, places


def _node(name: str) -> str:
    """A stage's name as Mermaid takes it, which keeps some words for itself."""
    return "stage_" + name.replace("+", "_with_")
