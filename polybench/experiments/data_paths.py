"""The folders and lists that a configuration's data come from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule

from polybench.data.module import SegmentationDataModule
from polybench.datasets import FolderDataModule, SyntheticPolypDataModule
from polybench.experiments.canonical import existing
from polybench.results.config import DATA_ROOT

VARIABLE = "POLYBENCH_DATA"
WRITTEN = ("ckpt_path", "leaderboard", "default_root_dir", "dirpath", "save_dir", "cache_dir", "logger", "out")
"""Keys whose value is written to, or that a command names itself."""
DEFAULT_ROOT = "data"
"""The folder of the datasets where `POLYBENCH_DATA` is not set."""


def whole_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a resolved configuration with whole paths, so that it is valid in any folder.

    Args:
        config: The configuration; in its `data`, `root` and the paths of lists become whole paths. A root that
            `POLYBENCH_DATA` gave becomes the interpolation that asks for it.
    """
    return {key: _whole(value, key) if key == "data" else value for key, value in config.items()}


def roots_of(data: Any) -> list[str | None]:
    """Return every `root` below a configuration's `data`; None stands for one that is not set."""
    if not isinstance(data, Mapping):
        return []
    own = [data["root"]] if "root" in data else []
    return [*own, *(root for value in data.values() for root in roots_of(value))]


def from_environment(root: str | None) -> bool:
    """Check whether a root comes from `POLYBENCH_DATA`, or is its default."""
    return root is None or root == os.environ.get(VARIABLE, DEFAULT_ROOT)


def class_paths(config: Any) -> list[str]:
    """Return every `class_path` of a configuration, also nested ones."""
    if isinstance(config, Mapping):
        own = [str(config["class_path"])] if "class_path" in config else []
        return [*own, *(path for value in config.values() for path in class_paths(value))]
    return [path for item in config for path in class_paths(item)] if isinstance(config, list) else []


def relative_paths(config: Any) -> list[Path]:
    """Return the files and folders that a configuration names relative to the current folder, each once."""
    if isinstance(config, Mapping):
        root = config.get("root")
        given = isinstance(root, str) and not Path(root).is_absolute() and VARIABLE not in os.environ
        found = [Path(root)] if given and root and Path(root).exists() else []
        found += [path for key, value in config.items() if key not in WRITTEN for path in relative_paths(value)]
    elif isinstance(config, list):
        found = [path for item in config for path in relative_paths(item)]
    else:
        path = existing(config) if isinstance(config, str) else None
        found = [] if path is None or path.is_absolute() else [path]
    return list(dict.fromkeys(found))


def folders_of(data: LightningDataModule) -> list[str]:
    """Return the official folders of the datasets that a data module reads."""
    if isinstance(data, SegmentationDataModule):
        return [] if isinstance(data, FolderDataModule | SyntheticPolypDataModule) else [*data.official_folders()]
    parts = (getattr(data, name, None) for name in ("source", "images"))
    return [folder for part in parts if isinstance(part, LightningDataModule) for folder in folders_of(part)]


def _whole(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _whole(item, name) for name, item in value.items()}
    if key == "root" and isinstance(value, str):
        return DATA_ROOT if from_environment(value) else str(Path(value).expanduser().absolute())
    if key == "split" and isinstance(value, str) and value.endswith(".csv"):
        return str(Path(value).expanduser().absolute())
    return value
