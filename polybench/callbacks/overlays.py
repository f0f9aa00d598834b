"""A picture of a prediction: the image, and beside it the image with its errors in three colours, under a legend.

Image and overlay have the image's own size and shape; images of more than `LARGEST_SIDE` pixels are shrunk, and small
ones enlarged by a whole factor, so that every picture can be read and none is large.
"""

import io
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from polybench.data.images import UInt8Array

TRUE_POSITIVE = (0, 158, 115)
FALSE_POSITIVE = (230, 159, 0)
FALSE_NEGATIVE = (204, 60, 170)
"""Three colours that remain apart for the colour-blind (after Okabe and Ito)."""

LEGEND = (("true positive", TRUE_POSITIVE), ("false positive", FALSE_POSITIVE), ("false negative", FALSE_NEGATIVE))

SMALLEST_SIDE = 256
"""An image whose shorter side has fewer pixels is enlarged."""

LARGEST_SIDE = 1024
"""An image whose longer side has more pixels is shrunk."""

LARGEST_FILE = 3 * 2**20
"""Bytes of a picture; one that needs more is shrunk further."""

SHRINK = 0.75
"""By how much at a time."""

GAP = 8
"""Pixels between image and overlay."""

FONT = 14
LINE = 22
"""Heights of letters and of a line of text, pixels."""

Mask = npt.NDArray[np.bool_]
Pixel = TypeVar("Pixel", np.uint8, np.bool_)


@dataclass(frozen=True)
class Overlay:
    """What a picture shows, at native size.

    Attributes:
        id: The image's id.
        dice: Its Dice coefficient.
        image: RGB, (h, w, 3).
        mask: Truth, (h, w), of the pixels that count.
        prediction: Prediction, likewise.
        protocol: Name of the protocol of the Dice coefficient.
    """

    id: str
    dice: float
    image: UInt8Array
    mask: Mask
    prediction: Mask
    protocol: str


def encode_overlay(overlay: Overlay) -> bytes:
    """Draw a picture as PNG of at most `LARGEST_FILE` bytes."""
    scale = shown_scale(overlay.image.shape[0], overlay.image.shape[1])
    while len(content := _png(draw_overlay(overlay, scale))) > LARGEST_FILE:
        scale *= SHRINK
    return content


def shown_scale(height: int, width: int) -> float:
    """By how much an image is enlarged, by a whole factor, or shrunk."""
    if max(height, width) > LARGEST_SIDE:
        return LARGEST_SIDE / max(height, width)
    enough = -(-SMALLEST_SIDE // min(height, width))
    return max(1, min(enough, LARGEST_SIDE // max(height, width)))


def draw_overlay(overlay: Overlay, scale: float) -> Image.Image:
    """Draw the image and, beside it, the image under its three colours, with a legend.

    Args:
        overlay: What to draw.
        scale: By how much image and masks are enlarged or shrunk.

    Returns:
        RGB picture: two panels side by side, id and Dice below them, then the legend.
    """
    image = resized(overlay.image, scale)
    mask, prediction = (resized(one, scale, smooth=False) for one in (overlay.mask, overlay.prediction))
    height, width = image.shape[:2]
    native = f"{overlay.image.shape[1]}x{overlay.image.shape[0]} pixels"
    dice = f"Dice {overlay.dice:.4f} ({overlay.protocol})"
    caption = f"{overlay.id}   {dice}   {native}{'' if scale == 1 else f', shown at {scale:.3g}'}"
    font = ImageFont.load_default(FONT)
    needed = max(font.getlength(caption), sum(font.getlength(label) + 40 for label, _ in LEGEND))
    picture = Image.new("RGB", (max(2 * width + GAP, int(needed) + 8), height + 2 * LINE), "white")
    picture.paste(Image.fromarray(image), (0, 0))
    picture.paste(Image.fromarray(tint_errors(image, mask, prediction)), (width + GAP, 0))
    draw = ImageDraw.Draw(picture)
    draw.text((4, height + LINE // 2), caption, fill="black", font=font, anchor="lm")
    x = 4
    for label, colour in LEGEND:
        draw.rectangle((x, height + LINE + 4, x + 13, height + LINE + 17), fill=colour)
        draw.text((x + 19, height + LINE + 11), label, fill="black", font=font, anchor="lm")
        x += 40 + int(font.getlength(label))
    return picture


def tint_errors(image: UInt8Array, mask: Mask, prediction: Mask, opacity: float = 0.55) -> UInt8Array:
    """Tint the pixels of an image by how they were predicted.

    Args:
        image: RGB, (H, W, 3).
        mask: Truth, (H, W).
        prediction: Prediction, (H, W).
        opacity: Share of the tint.

    Returns:
        RGB, (H, W, 3); true negatives are left as they are.
    """
    tinted = image.astype(np.float32)
    for region, colour in (
        (mask & prediction, TRUE_POSITIVE),
        (~mask & prediction, FALSE_POSITIVE),
        (mask & ~prediction, FALSE_NEGATIVE),
    ):
        tinted[region] = (1 - opacity) * tinted[region] + opacity * np.array(colour, dtype=np.float32)
    return tinted.round().astype(np.uint8)


def resized(pixels: npt.NDArray[Pixel], scale: float, *, smooth: bool = True) -> npt.NDArray[Pixel]:
    """Enlarge or shrink an image or a mask.

    Args:
        pixels: (H, W, 3) or (H, W), uint8 or boolean.
        scale: By how much; 1 leaves it as it is.
        smooth: Average the pixels that become one, as suits an image; otherwise take one of them.
    """
    if scale == 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    method = Image.Resampling.BOX if smooth and scale < 1 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size, method), dtype=pixels.dtype)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
