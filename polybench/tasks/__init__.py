"""Tasks: LightningModules that hold a net, a loss and an optimizer."""

from polybench.moved import moved_name
from polybench.tasks.classification import PatchClassificationTask
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.segmentation import SegmentationTask

__all__ = ["ParameterGroups", "PatchClassificationTask", "SegmentationTask"]


def __getattr__(name: str) -> object:
    """Import a class that moved to a method's package."""
    return moved_name(__name__, name)
