"""Post-processing of any segmentation: the mean over flips, and a fully connected CRF."""

from polybench.methods.postprocessing.callback import PostprocessingCallback
from polybench.methods.postprocessing.postprocessor import Postprocessing, PostprocessingMethod

METHOD = PostprocessingMethod()

__all__ = ["METHOD", "Postprocessing", "PostprocessingCallback", "PostprocessingMethod"]
