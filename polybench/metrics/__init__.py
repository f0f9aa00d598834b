"""Sufficient statistics per image, and the protocols that turn them into numbers."""

from polybench.metrics.protocols import PER_IMAGE, Protocol
from polybench.metrics.rows import ImageRows, Rows

__all__ = ["PER_IMAGE", "ImageRows", "Protocol", "Rows"]
