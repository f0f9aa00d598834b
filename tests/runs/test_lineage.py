"""The lineage of a plan: every arrow of its file, and a picture of it."""

from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from polybench.runs import read_plan
from polybench.runs.lineage import draw, lineage_of_plan, mermaid
from tests.runs.test_plan import SCHEME, write

NET = SimpleNamespace(start_weights="random")


def graph_of(folder: Path) -> Any:
    plan = read_plan(write(folder, SCHEME + "  S3+C2: {refine: S3, with: C2}"))
    tasks = {"S1": "segmentation", "C2": "classification", "S3": "segmentation", "S3+C2": "segmentation"}
    data = SimpleNamespace(name="toy")
    records: dict[str, Any] = {
        f"{name}-s{seed}": SimpleNamespace(task=task, dataset=data, net=NET)
        for name, task in tasks.items()
        for seed in (0, 2)
    }
    return lineage_of_plan(plan, records)


def test_every_input_is_an_arrow(tmp_path: Path) -> None:
    lines = mermaid(graph_of(tmp_path))
    assert lines[0] == "graph LR"
    assert {line.strip() for line in lines if "->" in line} == {
        "origin_0 -->|weights| stage_S1",
        "stage_S1 -->|encoder| stage_C2",
        "stage_C2 -->|encoder| stage_S3",
        "stage_S3 -.->|checkpoint| stage_S3_with_C2",
        "stage_C2 -.->|classifier| stage_S3_with_C2",
    }
    assert '    stage_C2["C2: classification, toy"]' in lines
    assert '    stage_S3_with_C2["S3+C2: test, toy"]' in lines
    assert '    origin_0(["random weights"])' in lines


def test_picture_is_as_wide_as_the_longest_line_of_descent(tmp_path: Path) -> None:
    file = BytesIO()
    draw(graph_of(tmp_path)).savefig(file, format="png", dpi=50)
    assert Image.open(file).size[0] == round(5 * 2.2 * 50)  # origin, S1, C2, S3, S3+C2


def test_files_of_one_name_stay_apart(tmp_path: Path) -> None:
    stages = []
    for name in ("x", "y"):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        (tmp_path / name / "checkpoints/best.ckpt").touch()
        stages.append(f"  {name}: {{recipe: a.yaml, from: {name}/checkpoints/best.ckpt}}")
    plan = read_plan(write(tmp_path, "stages:\n" + "\n".join(stages)))
    said: dict[str, Any] = {
        f"{name}-s0": SimpleNamespace(task="segmentation", dataset=SimpleNamespace(name="toy"), net=NET)
        for name in "xy"
    }
    lines = mermaid(lineage_of_plan(plan, said))
    assert '    origin_0(["x/checkpoints/best.ckpt"])' in lines
    assert '    origin_1(["y/checkpoints/best.ckpt"])' in lines
