"""Who begins with whose backbone in a plan, as a graph: in Mermaid for the page, drawn for a dashboard."""

from collections.abc import Mapping
from pathlib import Path

import networkx as nx
from matplotlib.figure import Figure

from polybench.results.record import Record
from polybench.runs.plan import Plan


def lineage_graph(plan: Plan, records: Mapping[str, Record]) -> "nx.DiGraph[str]":
    """Stages, and what the first of them start from, with a `label`; an edge is `used` where no backbone travels.

    Args:
        plan: The plan.
        records: Name of a cell -> its record.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    origins: dict[str, str] = {}
    for name, stage in plan.stages.items():
        record = next(record for cell, record in records.items() if cell.rpartition("-s")[0] == name)
        what = "refined test" if stage.classifier else record.task
        graph.add_node(_node(name), label=f"{name}: {what}, {record.dataset.name}", stage=True)
        for parent in plan.parents(stage):
            graph.add_edge(_node(parent.name), _node(name), used=stage.classifier is not None)
        if not plan.parents(stage):
            label = "random weights" if stage.source is None else "/".join(Path(stage.source).parts[-3:])
            origin = origins.setdefault(label, f"origin_{len(origins)}")
            graph.add_node(origin, label=label, stage=False)
            graph.add_edge(origin, _node(name), used=False)
    return graph


def mermaid(graph: "nx.DiGraph[str]") -> list[str]:
    """The graph as lines of Mermaid; a dotted arrow is a net that is used as it is."""
    nodes = [
        f'    {node}["{data["label"]}"]' if data["stage"] else f'    {node}(["{data["label"]}"])'
        for node, data in graph.nodes.items()
    ]
    edges = [f"    {start} {'-.->' if data['used'] else '-->'} {end}" for (start, end), data in graph.edges.items()]
    return ["graph LR", *nodes, *edges]


def draw(graph: "nx.DiGraph[str]") -> Figure:
    """The graph as a picture, from left to right."""
    layers: dict[int, list[str]] = {}
    rank: dict[str, float] = {}
    for layer, nodes in enumerate(nx.topological_generations(graph)):
        layers[layer] = sorted(nodes, key=lambda node: _mean([rank[parent] for parent in graph.predecessors(node)]))
        rank |= {node: place for place, node in enumerate(layers[layer])}
    tallest = max(map(len, layers.values()))
    figure = Figure(figsize=(2.2 * len(layers), 0.8 * tallest + 0.6), layout="constrained")
    axes = figure.subplots()
    places = nx.multipartite_layout(graph, subset_key=layers)
    styles = ["dotted" if used else "solid" for _, _, used in graph.edges(data="used")]
    nx.draw_networkx_edges(graph, places, ax=axes, style=styles, node_size=2500, edge_color="0.45")
    for node, (x, y) in places.items():
        words = graph.nodes[node]["label"].replace(": ", "\n").replace(", ", "\n")
        box = {"boxstyle": "round", "facecolor": "0.95" if graph.nodes[node]["stage"] else "white", "edgecolor": "0.6"}
        axes.text(x, y, words, ha="center", va="center", fontsize=7, bbox=box)
    axes.margins(0.15)
    axes.set_axis_off()
    return figure


def _mean(values: list[float]) -> float:
    """The mean place of a node's parents, beside which it stands."""
    return sum(values) / len(values) if values else 0.0


def _node(name: str) -> str:
    """A stage's name as Mermaid takes it, which keeps some words for itself."""
    return "stage_" + name.replace("+", "_with_")
