"""Boxes that mark regions of interest in pictures of images: `ID:x,y,w,h`."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from polybench.core.errors import ConfigError

FORM = re.compile(r"(?P<id>.+):(?P<x>\d+),(?P<y>\d+),(?P<width>\d+),(?P<height>\d+)")


class Box(NamedTuple):
    """A box in pixels of the image at native size: its left upper corner, and its sides."""

    x: int
    y: int
    width: int
    height: int


def read_boxes(texts: Sequence[str], ids: Sequence[str]) -> dict[str, tuple[Box, ...]]:
    """Read boxes as a user types them.

    Args:
        texts: Such as `12:40,60,100,80`; an image may have several.
        ids: The images that are shown.

    Returns:
        Image id -> its boxes.

    Raises:
        ConfigError: If one is written otherwise, or is of none of the images.

    Example:
        >>> read_boxes(["12:40,60,100,80"], ["12"])
        {'12': (Box(x=40, y=60, width=100, height=80),)}
    """
    found: dict[str, tuple[Box, ...]] = {}
    for text in texts:
        parts = FORM.fullmatch(text)
        if parts is None or "0" in (parts["width"], parts["height"]):
            raise ConfigError(
                f"--boxes '{text}' is no box: give ID:x,y,w,h, the left upper corner and the sides in pixels of the "
                "image, such as 12:40,60,100,80."
            )
        if parts["id"] not in ids:
            raise ConfigError(f"--boxes '{text}' is of '{parts['id']}', which is not among --ids: add it there.")
        box = Box(*(int(parts[name]) for name in Box._fields))
        found[parts["id"]] = (*found.get(parts["id"], ()), box)
    return found


def refuse_outside(name: str, boxes: Sequence[Box], size: tuple[int, int]) -> None:
    """Refuse boxes that reach beyond their image.

    Args:
        name: Id of the image.
        boxes: Its boxes.
        size: Its height and width.

    Raises:
        ConfigError: If one does.
    """
    for box in boxes:
        if box.x + box.width > size[1] or box.y + box.height > size[0]:
            raise ConfigError(
                f"--boxes {name}:{','.join(map(str, box))} reaches beyond the image, which has {size[1]}x{size[0]} "
                "pixels: give a smaller one."
            )
