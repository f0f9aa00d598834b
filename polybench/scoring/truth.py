"""The truth of `polybench score`: masks with their groups and protocols, from a folder or a dataset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from polybench.core.errors import DataError
from polybench.scoring.predictions import Int32Array, MapFolder

if TYPE_CHECKING:  # imports torch, which --help doesn't need
    from polybench.metrics.protocols import Protocol

BoolArray = npt.NDArray[np.bool_]

THRESHOLD = 0.5
"""Threshold of masks and predictions."""


class Labelled(NamedTuple):
    """A boolean mask (h, w), its boolean field of view and its instances from 1; None where there are none."""

    mask: BoolArray
    valid: BoolArray | None = None
    labels: Int32Array | None = None


@dataclass(frozen=True)
class Truth:
    """The images to be scored.

    Attributes:
        groups: Image id -> group.
        aliases: Other name of an image's files -> image id.
        read: Reads the mask, field of view and instances of an image id.
        protocols: Protocols of the score.
        ranked_by: The protocol that ranks.
        title: Description for readers.
        place: `<split>/<subset>` of a dataset; None for a folder.
        identify: Returns the identity: names, and hashes of the contents.
        remarks: Returns remarks for readers, after all masks have been read.
    """

    groups: Mapping[str, str]
    aliases: Mapping[str, str]
    read: Callable[[str], Labelled]
    protocols: "tuple[Protocol, ...]"
    ranked_by: "Protocol"
    title: str
    place: str | None
    identify: Callable[[], dict[str, str]]
    remarks: Callable[[], list[str]]


def refuse_mixture(folder: MapFolder, path: Path) -> None:
    """Refuse a folder that mixes masks of 0 and 1 with masks of other values.

    Raises:
        DataError: If it does.
    """
    if folder.mixture is not None:
        raise DataError(f"'{path}' mixes {folder.mixture}: use one coding for all of them, 0 and 255.")
