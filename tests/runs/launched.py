"""A small matrix, and what its records must say wherever its cells were run."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.cli.recipes import write_recipe

RUN = {"wall_seconds", "peak_memory_bytes", "images_per_second"}
"""What a record says of one training alone."""


def write_matrix(folder: Path, data_root: Path, **more: Any) -> Path:
    """One tiny net, two epochs, with two seeds; a cell can be held in the second epoch."""
    callback = {"class_path": "tests.cli.recorder.HoldUntilTerminated"}
    recipe = yaml.safe_load(write_recipe(folder, data_root, max_epochs=2, callbacks=[callback]).read_text())
    parts = {"tiny": {key: recipe[key] for key in ("model", "trainer")}, "frames": {"data": recipe["data"]}}
    for name, part in parts.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(part))
    text = {"name": "m", "seeds": [0, 1], "methods": {"tiny": "tiny.yaml"}, "datasets": {"clinicdb": "frames.yaml"}}
    path = folder / "matrix.yaml"
    path.write_text(yaml.safe_dump({**text, **more}, sort_keys=False))
    return path


def words(command: str, config: Path, runs: str, *more: str) -> list[str]:
    return [command, "--config", str(config), "--folder", runs, "--leaderboard", f"{runs}-board", *more]


def records_of(board: Path) -> dict[str, Any]:
    """The name of each record -> all of it but times, memory and places, and the bytes of its table."""
    found = {}
    for path in sorted(board.glob("records/*/*.json")):
        record = json.loads(path.read_text())
        training = {key: value for key, value in (record["training"] or {}).items() if key not in RUN}
        keep = ("seed", "dataset", "config", "identity", "metrics", "start", "net", "command", "needs", "sections")
        found[path.name] = [training, {key: record[key] for key in keep}, path.with_suffix(".csv").read_bytes()]
    return found
