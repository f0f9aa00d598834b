"""Launchers: how the process of a cell is started and watched; a cell skips what is finished, so they may be dumb.

`ray` and `slurm` import their libraries, which are extras, only where they are asked for.
"""

from polybench.runs.launch.base import Job, Launcher, Needs
from polybench.runs.launch.local import LocalLauncher

__all__ = ["Job", "Launcher", "LocalLauncher", "Needs"]
