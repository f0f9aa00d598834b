"""Prepare a probability map for the protocols: native size, network size, 8 bits, the range from 0 to 1.

Resizing is bilinear, as `interpolate(mode="bilinear", align_corners=False)` and OpenCV do it, without antialiasing.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.metrics.structure import min_max_

BYTE = 255
STEPS = 4096 * BYTE
"""Probabilities are rounded to multiples of 1 / STEPS before they are cut into levels; every k / 255 is one. So the
last bits of a resize, or of a byte divided by 255, move no pixel across a level."""


def resize_affine(size: tuple[int, int], native: tuple[int, int]) -> Tensor:
    """The (2, 3) map from network to native pixels that undoes a plain resize; pixel centres are integers.

    Args:
        size: Network height and width.
        native: Native height and width.
    """
    sy, sx = native[0] / size[0], native[1] / size[1]
    return torch.tensor([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2]], dtype=torch.float32)


def to_native_size(probability: Tensor, to_native: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample a network-size map at the centres of the native pixels, bilinear, edges repeated.

    For a plain resize this is `interpolate(mode="bilinear", align_corners=False)`; a letterbox is cut off. A map that
    has the native size already is left as it is.

    Args:
        probability: Map at network size, (C, H, W), in [0, 1].
        to_native: Affine map (2, 3) from network to native pixels (x, y, 1), pixel centres at integers.
        size: Native height and width.

    Returns:
        Map at native size, (C, h, w), float32.
    """
    if _is_identity(to_native) and tuple(probability.shape[-2:]) == size:
        return probability.float()
    (a, b, tx), (c, d, ty) = to_native.double().tolist()
    determinant = a * d - b * c
    y, x = _pixels(size, probability.device)
    y, x = y - ty, x - tx
    return _sample(probability, (d * x - b * y) / determinant, (a * y - c * x) / determinant)


def to_network_size(mask: Tensor, to_native: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample a native mask at the centres of the network's pixels, bilinear; a share of one half is foreground.

    Args:
        mask: Boolean mask at native size, (C, h, w).
        to_native: Affine map (2, 3) from network to native pixels.
        size: Network height and width.

    Returns:
        Boolean mask at network size, (C, H, W); background where the network saw padding.
    """
    if _is_identity(to_native) and tuple(mask.shape[-2:]) == size:
        return mask
    (a, b, tx), (c, d, ty) = to_native.double().tolist()
    y, x = _pixels(size, mask.device)
    native_x, native_y = a * x + b * y + tx, c * x + d * y + ty
    height, width = mask.shape[-2:]
    inside = (native_x > -0.5) & (native_x < width - 0.5) & (native_y > -0.5) & (native_y < height - 0.5)
    foreground: Tensor = inside & (fine_steps(_sample(mask, native_x, native_y)) >= STEPS // 2)
    return foreground


def fine_steps(probability: Tensor) -> Tensor:
    """Round probabilities in [0, 1] of any shape to multiples of 1 / STEPS; the multiples, int64."""
    return probability.to(torch.float64, copy=True).mul_(STEPS).round_().long()


def rounded_to_steps(probability: Tensor) -> Tensor:
    """Round probabilities in [0, 1] of any shape to multiples of 1 / STEPS, float64."""
    return probability.to(torch.float64, copy=True).mul_(STEPS).round_().div_(STEPS)


@dataclass
class Prepared:
    """One image in every form that a protocol asks for; a form is made when it is first asked for, and once.

    Attributes:
        network: Foreground probability at network size, (H, W), in [0, 1].
        mask: Truth at native size, boolean, (h, w).
        valid: Field of view at native size, boolean, (h, w).
        to_native: Affine map (2, 3) from network to native pixels.
        labels: True instances at native size, int32, (h, w), 0 is background; None where they aren't told apart.
        predicted_labels: Predicted instances, likewise; None where they are the components of the prediction.
    """

    network: Tensor
    mask: Tensor
    valid: Tensor
    to_native: Tensor
    labels: Tensor | None = None
    predicted_labels: Tensor | None = None

    @cached_property
    def native(self) -> Tensor:
        """Probability at native size, float32, (h, w)."""
        return self._at_native_size(self.network)

    @cached_property
    def network_mask(self) -> Tensor:
        """Truth at network size, boolean, (H, W)."""
        size = (self.network.shape[-2], self.network.shape[-1])
        return to_network_size(self.mask[None], self.to_native, size)[0]

    @cached_property
    def stretched(self) -> Tensor:
        """Probability at native size, stretched to the range from 0 to 1 (min-max), float64, (h, w)."""
        return min_max_(rounded_to_steps(self.native))

    @cached_property
    def eight_bit(self) -> Tensor:
        """Probability cut to 8 bits at network size, brought to native size and rounded to 8 bits, int64, (h, w)."""
        cut = (fine_steps(self.network) // (STEPS // BYTE)).float() / BYTE
        return torch.round(self._at_native_size(cut).double() * BYTE).long()

    def _at_native_size(self, probability: Tensor) -> Tensor:
        size = (self.mask.shape[-2], self.mask.shape[-1])
        return to_native_size(probability[None], self.to_native, size)[0]


def _is_identity(affine: Tensor) -> bool:
    return bool(affine.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _pixels(size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows and columns of every pixel, each (h, w), float32."""
    y, x = torch.meshgrid(
        torch.arange(size[0], device=device, dtype=torch.float32),
        torch.arange(size[1], device=device, dtype=torch.float32),
        indexing="ij",
    )
    return y, x


def _sample(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Read an image (C, H, W) at pixel positions (h, w), bilinear, edges repeated; (C, h, w), float32."""
    height, width = image.shape[-2:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    with torch.autocast(image.device.type, enabled=False):  # mixed precision is for nets, not for coordinates
        return F.grid_sample(
            image.float()[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False
        )[0]
