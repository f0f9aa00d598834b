"""A net of one's own in a single module, whose name no other test has: modules of one name are imported once."""

from pathlib import Path
from typing import Any

from tests.conftest import write_frames, write_split
from tests.experiments.test_run import OWN_BLOCKS, OWN_NET


def write_project(folder: Path, module: str) -> dict[str, Any]:
    """Write frames, their split and the module, and return the net's configuration."""
    write_frames(folder / "data" / "CVC-ClinicDB")
    write_split(folder / "data" / "split.csv")
    (folder / f"{module}.py").write_text(OWN_BLOCKS + OWN_NET.replace("from own_blocks import block\n", ""))
    return {"class_path": f"{module}.Own", "init_args": {"width": 4}}
