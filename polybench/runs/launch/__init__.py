"""Launchers: how the process of a cell is started and watched; a cell skips what is finished, so they may be dumb."""

from polybench.runs.launch.base import Job, Launcher
from polybench.runs.launch.local import LocalLauncher

__all__ = ["Job", "Launcher", "LocalLauncher"]
