"""Sufficient statistics per image, and the protocols that turn them into numbers."""

from polybench.metrics.prepare import THRESHOLD
from polybench.metrics.protocols import EXTRA_PROTOCOLS, PER_IMAGE, PROTOCOLS, Protocol
from polybench.metrics.rows import ImageRows
from polybench.metrics.stored import STORED
from polybench.metrics.sufficient import Rows

__all__ = ["EXTRA_PROTOCOLS", "PER_IMAGE", "PROTOCOLS", "STORED", "THRESHOLD", "ImageRows", "Protocol", "Rows"]
