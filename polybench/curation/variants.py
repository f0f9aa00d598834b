"""A picture of what an augmentation policy makes of one image: each of its variants, with the outline of the mask."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from polybench.augment import Policy
from polybench.augment.operations import Chain
from polybench.data.images import UInt8Array
from polybench.data.sample import image_to_float

OUTLINE = (255, 225, 0)
COLUMNS = 6
GAP, LABEL, FONT = 4, 34, 13
"""Pixels between pictures, of the two lines below one, and of their letters."""


@dataclass(frozen=True)
class Variant:
    """One variant.

    Attributes:
        label: Its operations.
        image: RGB, (h, w, 3).
        mask: Its mask, (h, w), boolean.
    """

    label: str
    image: UInt8Array
    mask: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]"


def variants_of(image: UInt8Array, mask: UInt8Array, name: str, policy: Policy, seed: int = 0) -> list[Variant]:
    """Make every variant of an image as a training with an expanded set does.

    Args:
        image: RGB, (h, w, 3).
        mask: (h, w); non-zero is foreground.
        name: Id of the image.
        policy: The policy.
        seed: Seed of the training.
    """
    places = range(len(policy.variants))
    size = (image.shape[0], image.shape[1])
    transform = policy.transform([(seed, name)] * len(places), size, torch.device("cpu"), list(places))
    pixels = image_to_float(torch.from_numpy(np.array(image))[None].expand(len(places), -1, -1, -1))
    truth = torch.from_numpy((mask > 0).astype(np.float32))[None, None].expand(len(places), -1, -1, -1)
    images = (transform.image(pixels) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    masks = transform.mask(truth)[:, 0].numpy() > 0
    return [Variant(_label(policy.variants[k]), images[k], masks[k]) for k in places]


def sheet(variants: Sequence[Variant]) -> Image.Image:
    """Lay variants out at their own size, each above its operations.

    Args:
        variants: Of images of one size, at least one.
    """
    height, width = variants[0].mask.shape
    columns = min(COLUMNS, len(variants))
    rows = -(-len(variants) // columns)
    page = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + LABEL + GAP) - GAP), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(FONT)
    for place, variant in enumerate(variants):
        x, y = place % columns * (width + GAP), place // columns * (height + LABEL + GAP)
        page.paste(Image.fromarray(outlined(variant)), (x, y))
        draw.multiline_text((x + 2, y + height + 1), variant.label.replace(" + ", "\n+ "), "black", font, spacing=1)
    return page


def outlined(variant: Variant) -> UInt8Array:
    """The image under the outline of its mask."""
    width = max(1, min(variant.mask.shape) // 120)
    edge = variant.mask & ~ndimage.binary_erosion(variant.mask, iterations=width, border_value=1)
    result = variant.image.copy()
    result[edge] = OUTLINE
    return result


def _label(chain: Chain) -> str:
    names = [
        re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])", " ", type(step.operation).__name__).lower()
        for step in chain
    ]
    return " + ".join(names) or "unchanged"
