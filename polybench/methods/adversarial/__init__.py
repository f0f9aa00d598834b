"""Adversarial training: a second net tells predicted masks from true ones, and the first learns to deceive it."""

from polybench.methods.adversarial.task import AdversarialSegmentationTask

__all__ = ["AdversarialSegmentationTask"]
