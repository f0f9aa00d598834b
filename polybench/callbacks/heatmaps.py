"""Heatmaps: the strength of a net's features over the image, stage by stage, as in FANet's figure 4.

The paper does not state how its heatmaps are made; here a pixel's heat is the mean magnitude of a stage's channels,
scaled from the stage's smallest value to its largest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.callbacks.overlays import FONT, GAP, LINE, resized, shown_scale
from polybench.data.images import UInt8Array

OPACITY = 0.55
COLUMNS = 4
LARGEST_PANEL = 512
"""Pixels of a panel's longer side."""


def stage_heat(net: nn.Module, stages: Sequence[str], predict: Callable[[], Any]) -> dict[str, Tensor]:
    """Record the features of some stages while a net predicts.

    Args:
        net: The net.
        stages: Names of its modules.
        predict: Runs the net on one image.

    Returns:
        Stage -> heat in [0, 1], (h, w) as the stage has it, on the CPU.
    """
    heat: dict[str, Tensor] = {}

    def recorder(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            features = output[0] if isinstance(output, tuple | list) else output
            strength = features[0].detach().float().abs().mean(dim=0)
            low, high = strength.min(), strength.max()
            heat[name] = ((strength - low) / (high - low).clamp_min(1e-12)).cpu()

        return keep

    handles = [net.get_submodule(name).register_forward_hook(recorder(name)) for name in stages]
    try:
        with torch.inference_mode():
            predict()
    finally:
        for handle in handles:
            handle.remove()
    return heat


def without_padding(heat: Tensor, size: Sequence[int], inside: tuple[slice, slice]) -> Tensor:
    """Cut the padding of a letterboxed image off its heat.

    Args:
        heat: Heat (h, w) of any size, that of the whole input.
        size: Height and width of the net's input.
        inside: Rows and columns of the input that show the image.

    Returns:
        Heat (h, w) of the image: as it was where nothing is padded, else at the input's scale.
    """
    rows, columns = (one.indices(length) for one, length in zip(inside, size, strict=True))
    if (rows[:2], columns[:2]) == ((0, size[0]), (0, size[1])):
        return heat
    return F.interpolate(heat[None, None], size=list(size), mode="bilinear", align_corners=False)[0, 0][inside]


def draw_heat(image: UInt8Array, heat: Mapping[str, Tensor]) -> Image.Image:
    """Draw the image and, beside it, the heat of each stage on it, four in a row.

    Args:
        image: RGB (h, w, 3).
        heat: Stage -> heat in [0, 1], of any size.

    Returns:
        RGB picture; its panels have the image's shape, at most `LARGEST_PANEL` pixels long.
    """
    height, width = image.shape[:2]
    scale = min(LARGEST_PANEL / max(height, width), shown_scale(height, width))
    pixels = resized(image, scale)
    panels = [("image", pixels), *((name, tint(pixels, values)) for name, values in heat.items())]
    height, width = pixels.shape[:2]
    columns, rows = min(COLUMNS, len(panels)), -(-len(panels) // COLUMNS)
    picture = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + LINE)), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(FONT)
    for place, (name, panel) in enumerate(panels):
        x, y = place % COLUMNS * (width + GAP), place // COLUMNS * (height + LINE)
        picture.paste(Image.fromarray(panel), (x, y + LINE))
        draw.text((x + 2, y + LINE // 2), name, fill="black", font=font, anchor="lm")
    return picture


def tint(image: UInt8Array, heat: Tensor) -> UInt8Array:
    """Blend heat (h, w), of any size, into an image (H, W, 3)."""
    import matplotlib as mpl  # half a second that a run without heatmaps doesn't wait for

    size = (image.shape[0], image.shape[1])
    stretched = F.interpolate(heat[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    colours = mpl.colormaps["inferno"](stretched.numpy())[..., :3] * 255
    tinted: UInt8Array = np.round((1 - OPACITY) * image + OPACITY * colours).astype(np.uint8)
    return tinted
