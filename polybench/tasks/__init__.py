"""What is trained and how: LightningModules that hold a net, a loss and an optimizer."""

from polybench.tasks.classification import PatchClassificationTask
from polybench.tasks.feedback import FeedbackSegmentationTask
from polybench.tasks.joint import JointTask
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.segmentation import SegmentationTask

__all__ = ["FeedbackSegmentationTask", "JointTask", "ParameterGroups", "PatchClassificationTask", "SegmentationTask"]
