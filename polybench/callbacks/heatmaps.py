"""Where a net looks: the strength of its stages' features over the image, as in FANet's figure 4.

The paper doesn't say how its heatmaps are made; here a pixel's heat is the mean magnitude of a stage's channels,
stretched from the stage's least to its largest, on the image at network size.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.data.images import UInt8Array

OPACITY = 0.55
TITLE_HEIGHT = 22
COLUMNS = 4
LEAST_SIDE = 160


def stage_heat(net: nn.Module, stages: Sequence[str], predict: Callable[[], Any]) -> dict[str, Tensor]:
    """Watch stages while a net predicts.

    Args:
        net: The net.
        stages: Names of its modules.
        predict: Runs the net on one image.

    Returns:
        Stage -> heat in [0, 1], (h, w) as the stage has it, on the CPU.
    """
    heat: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            features = output[0] if isinstance(output, tuple | list) else output
            strength = features[0].detach().float().abs().mean(dim=0)
            low, high = strength.min(), strength.max()
            heat[name] = ((strength - low) / (high - low).clamp_min(1e-12)).cpu()

        return keep

    handles = [net.get_submodule(name).register_forward_hook(watch(name)) for name in stages]
    try:
        with torch.inference_mode():
            predict()
    finally:
        for handle in handles:
            handle.remove()
    return heat


def draw_heat(image: Tensor, heat: Mapping[str, Tensor]) -> Image.Image:
    """Draw the image and, beside it, the heat of each stage on it, four in a row.

    Args:
        image: RGB (3, H, W), uint8.
        heat: Stage -> heat in [0, 1].
    """
    pixels: UInt8Array = image.permute(1, 2, 0).numpy()
    panels = [("image", pixels), *((name, tint(pixels, values)) for name, values in heat.items())]
    factor = max(1, -(-LEAST_SIDE // min(pixels.shape[:2])))
    height, width = pixels.shape[0] * factor, pixels.shape[1] * factor
    rows = -(-len(panels) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * (width + 6), rows * (height + TITLE_HEIGHT)), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for place, (name, panel) in enumerate(panels):
        x, y = place % COLUMNS * (width + 6), place // COLUMNS * (height + TITLE_HEIGHT)
        picture.paste(Image.fromarray(panel).resize((width, height), Image.Resampling.NEAREST), (x, y + TITLE_HEIGHT))
        draw.text((x + 2, y + 3), name, fill="black", font=font)
    return picture


def tint(image: UInt8Array, heat: Tensor) -> UInt8Array:
    """Lay heat (h, w), of any size, over an image (H, W, 3)."""
    import matplotlib as mpl  # half a second that a run without heatmaps doesn't wait for

    resized = F.interpolate(heat[None, None], size=image.shape[:2], mode="bilinear", align_corners=False)[0, 0]
    colours = mpl.colormaps["inferno"](resized.numpy())[..., :3] * 255
    tinted: UInt8Array = np.round((1 - OPACITY) * image + OPACITY * colours).astype(np.uint8)
    return tinted
