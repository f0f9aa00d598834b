"""Rendering of masks: predictions at half the image size are refined point by point, where they are uncertain."""

from polybench.methods.rendering.task import RenderingSegmentationTask

__all__ = ["RenderingSegmentationTask"]
