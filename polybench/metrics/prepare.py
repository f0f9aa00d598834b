"""Preparation of a probability map for the protocols: native size, network size, 8 bits, stretched range.

Resizing is bilinear, as `interpolate(mode="bilinear", align_corners=False)` and OpenCV do it, without antialiasing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from polybench.metrics.bands import bands, sum_in_place
from polybench.metrics.measures.boundary import Surfaces, surfaces_of
from polybench.metrics.measures.histograms import histograms
from polybench.metrics.measures.labels import Mask, Objects, components, objects_of
from polybench.metrics.measures.structure import stretch_
from polybench.metrics.sampling import (
    EVERYWHERE,
    are_inside,
    at_native_pixels,
    axes,
    is_identity,
    pixel_centres,
    sample,
)

BYTE = 255
STEPS = 4096 * BYTE
"""Probabilities are rounded to multiples of 1 / STEPS before they are cut into levels; every k / 255 and one half are
such multiples, so that rounding errors of a resize, or of a byte divided by 255, move no pixel across a level. (This
doesn't hold for the levels of a map that is stretched afterwards.)"""
THRESHOLD = 0.5
"""Threshold of a resized mask, and of a probability at native size."""


def resize_affine(size: tuple[int, int], native: tuple[int, int]) -> Tensor:
    """Compute the affine map (2, 3), float64, from network to native pixels that undoes a plain resize.

    Args:
        size: Network height and width.
        native: Native height and width; pixel centres are integers.

    Example:
        >>> resize_affine((2, 2), (4, 4)).tolist()
        [[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]]
    """
    sy, sx = native[0] / size[0], native[1] / size[1]
    return torch.tensor([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2]], dtype=torch.float64)


def to_native_size(probability: Tensor, to_native: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample a network-size map at the centres of the native pixels, bilinear, edges repeated.

    For a plain resize this is `interpolate(mode="bilinear", align_corners=False)`. A letterbox of whole pixels is
    cropped first, so that no padding is mixed into the edges of the image. A map of native size is only rounded.

    Args:
        probability: Map at network size, (C, H, W), in [0, 1].
        to_native: Affine map (2, 3) from network to native pixels (x, y, 1), pixel centres at integers.
        size: Native height and width.

    Returns:
        Map at native size, (C, h, w), float64, in multiples of 1 / STEPS.

    Raises:
        ValueError: If the affine map rotates or shears, which resizing and letterboxing don't.

    Example:
        >>> network = torch.tensor([[[0.0, 1.0]]])
        >>> to_native_size(network, resize_affine((1, 2), (1, 4)), (1, 4)).round(decimals=2).tolist()
        [[[0.0, 0.25, 0.75, 1.0]]]
    """
    return rounded_to_steps(at_native_pixels(probability, to_native, size))


def native_parts(probability: Tensor, to_native: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
    """Yield the result of `to_native_size` some rows at a time, to save memory."""
    for rows in bands(size):
        yield rounded_to_steps(at_native_pixels(probability, to_native, size, rows))


def to_network_size(mask: Tensor, to_native: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample a native mask at the centres of the network's pixels, bilinear; 0.5 or more is foreground.

    Args:
        mask: Boolean mask at native size, (C, h, w).
        to_native: Affine map (2, 3) from network to native pixels.
        size: Network height and width.

    Returns:
        Boolean mask at network size, (C, H, W); background where the network saw padding.

    Raises:
        ValueError: If the affine map rotates or shears.

    Example:
        >>> native = torch.tensor([[[True, True, False, True]]])
        >>> to_network_size(native, resize_affine((1, 2), (1, 4)), (1, 2)).tolist()
        [[[True, True]]]
    """
    if is_identity(to_native) and tuple(mask.shape[-2:]) == size:
        return mask
    rows, columns = (
        (scale * pixel_centres(count) + shift) for (scale, shift), count in zip(axes(to_native), size, strict=True)
    )
    inside = (are_inside(rows, mask.shape[-2])[:, None] & are_inside(columns, mask.shape[-1])).to(mask.device)
    foreground: Tensor = inside & (rounded_to_steps(sample(mask, rows, columns)) >= THRESHOLD)
    return foreground


def fine_steps(probability: Tensor) -> Tensor:
    """Round probabilities in [0, 1] of any shape to integer multiples of 1 / STEPS, int64."""
    return _in_steps(probability).long()


def rounded_to_steps(probability: Tensor) -> Tensor:
    """Round probabilities in [0, 1] of any shape to multiples of 1 / STEPS, float64."""
    return _in_steps(probability).div_(STEPS)


def _in_steps(probability: Tensor) -> Tensor:
    return probability.to(torch.float64, copy=True).mul_(STEPS).round_()


@dataclass
class Prepared:
    """One image in every form that protocols read; each form is computed once, on first use.

    Floating-point maps, eight bytes per pixel, are never kept whole: they are computed in `bands`.

    Attributes:
        network: Foreground probability at network size, (H, W), in [0, 1].
        mask: Truth at native size, boolean, (h, w).
        valid: Field of view at native size, boolean, (h, w).
        to_native: Affine map (2, 3) from network to native pixels.
        labels: True instances at native size, int32, (h, w), 0 is background; None where instances are unknown.
        predicted_labels: Predicted instances, likewise; None for the connected components of the prediction.
    """

    network: Tensor
    mask: Tensor
    valid: Tensor
    to_native: Tensor
    labels: Tensor | None = None
    predicted_labels: Tensor | None = None

    def bands(self) -> Iterator[slice]:
        """Yield the rows of the native image in bands."""
        return bands(self.native_size)

    def network_bands(self) -> Iterator[slice]:
        """Yield the rows of the image at network size in bands."""
        return bands(self.network_size)

    @cached_property
    def steps(self) -> Tensor:
        """Probability at native size in units of 1 / STEPS, int32, (h, w)."""
        steps = torch.empty(self.native_size, dtype=torch.int32, device=self.network.device)
        for rows in self.bands():
            steps[rows] = _in_steps(at_native_pixels(self.network[None], self.to_native, self.native_size, rows)[0])
        return steps

    def native(self, rows: slice, columns: slice = EVERYWHERE) -> Tensor:
        """Compute some rows and columns of the probability at native size, float64, in multiples of 1 / STEPS."""
        return self.steps[rows, columns].double().div_(STEPS)

    @cached_property
    def foreground(self) -> Tensor:
        """Prediction at native size, probability >= 0.5, boolean, (h, w)."""
        return self.steps >= STEPS // 2

    def above(self, limit: float) -> Mask:
        """Threshold the probability at native size, > limit, (h, w)."""
        return torch.cat([self.native(rows) > limit for rows in self.bands()]).cpu().numpy()

    @cached_property
    def all_valid(self) -> bool:
        """Whether the field of view is the whole image."""
        return bool(self.valid.all())

    @cached_property
    def in_view(self) -> tuple[Mask, Mask]:
        """Prediction and truth at native size, (h, w); outside the field of view both are background."""
        both = (self.foreground, self.mask)
        prediction, truth = both if self.all_valid else (one & self.valid for one in both)
        return prediction.cpu().numpy(), truth.cpu().numpy()

    @cached_property
    def objects(self) -> tuple[Objects, Objects]:
        """Connected components, of eight neighbours, of prediction and truth inside the field of view."""
        prediction, truth = self.in_view
        return objects_of(components(prediction, 8)), objects_of(components(truth, 8))

    @cached_property
    def surfaces(self) -> Surfaces:
        """Distances between the outlines of prediction and truth inside the field of view."""
        return surfaces_of(*self.in_view)

    @cached_property
    def histograms(self) -> Tensor:
        """Histograms of foreground and background at native size, over all pixels, (2, 256)."""
        return sum_of(histograms(self.native(rows), self.mask[rows]) for rows in self.bands())

    @cached_property
    def network_mask(self) -> Tensor:
        """Truth at network size, boolean, (H, W)."""
        return to_network_size(self.mask[None], self.to_native, self.network_size)[0]

    def network_steps(self, rows: slice) -> Tensor:
        """Compute some rows of the probability at network size in units of 1 / STEPS, int64."""
        return fine_steps(self.network[rows])

    def stretched(self, rows: slice, columns: slice = EVERYWHERE) -> Tensor:
        """Compute some rows and columns of the probability at native size, stretched to [0, 1], float64."""
        return stretch_(self.native(rows, columns), *self._range)

    def eight_bit(self, rows: slice) -> Tensor:
        """Compute some rows of the map that is cut to 8 bits, resized to native size and rounded to 8 bits; int64."""
        levels = at_native_pixels(self._levels[None], self.to_native, self.native_size, rows)[0]
        return torch.floor(fine_steps(levels / BYTE) / (STEPS // BYTE) + 0.5).long()

    @cached_property
    def _levels(self) -> Tensor:
        """Probability cut to 8 bits at network size, uint8, (H, W)."""
        return torch.cat([(self.network_steps(rows) // (STEPS // BYTE)).byte() for rows in self.network_bands()])

    @cached_property
    def _range(self) -> tuple[float, float]:
        """Lowest and highest probability at native size."""
        low, high = torch.aminmax(self.steps)
        return int(low) / STEPS, int(high) / STEPS

    @property
    def network_size(self) -> tuple[int, int]:
        """Height and width of the probability map."""
        return (self.network.shape[-2], self.network.shape[-1])

    @property
    def native_size(self) -> tuple[int, int]:
        """Height and width of the mask."""
        return (self.mask.shape[-2], self.mask.shape[-1])


def sum_of(parts: Iterable[Sequence[Tensor]]) -> Tensor:
    """Sum the tensors of one or more bands by position, and stack the sums."""
    return sum_in_place(torch.stack(tuple(part)) for part in parts)
