"""Attributes of a data module that tasks and callbacks read."""

import typing

from polybench.data.images import UInt8Array
from polybench.metrics import Protocol


class TaskData(typing.Protocol):
    """Interface of a data module for tasks and their callbacks."""

    size: tuple[int, int]
    """Height and width of the network's input, pixels."""

    seed: int
    """Seed of order and augmentation."""

    ranked_by: Protocol
    """The protocol that the leaderboard ranks by."""

    extra_protocols: tuple[Protocol, ...]
    """Protocols of this dataset only."""

    def native_image(self, image_id: str) -> UInt8Array:
        """Read an image at native size, (h, w, 3)."""
