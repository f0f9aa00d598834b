"""Prepare a probability map for the protocols: native size, network size, 8 bits, the range from 0 to 1.

Resizing is bilinear, as `interpolate(mode="bilinear", align_corners=False)` and OpenCV do it, without antialiasing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from polybench.metrics.bands import bands, sum_in_place
from polybench.metrics.measures.boundary import Surfaces, surfaces_of
from polybench.metrics.measures.histograms import histograms
from polybench.metrics.measures.labels import Mask, Objects, components, objects_of
from polybench.metrics.measures.structure import stretch_

BYTE = 255
STEPS = 4096 * BYTE
"""Probabilities are rounded to multiples of 1 / STEPS before they are cut into levels; every k / 255 is one, and so is
one half. So the last bits of a resize, or of a byte divided by 255, move no pixel across a level. (A map that is then
stretched by its minimum and maximum has levels of its own, and no such care.)"""
EVERYWHERE = slice(None)
THRESHOLD = 0.5
"""The threshold of a mask's share of a pixel, and of a probability at native size."""


def resize_affine(size: tuple[int, int], native: tuple[int, int]) -> Tensor:
    """The (2, 3) map from network to native pixels that undoes a plain resize, float64; pixel centres are integers.

    Args:
        size: Network height and width.
        native: Native height and width.
    """
    sy, sx = native[0] / size[0], native[1] / size[1]
    return torch.tensor([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2]], dtype=torch.float64)


def to_native_size(probability: Tensor, to_native: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample a network-size map at the centres of the native pixels, bilinear, edges repeated.

    For a plain resize this is `interpolate(mode="bilinear", align_corners=False)`. A letterbox of whole pixels is cut
    off first: no padding is mixed into the image's edges. A map that has the native size already is only rounded.

    Args:
        probability: Map at network size, (C, H, W), in [0, 1].
        to_native: Affine map (2, 3) from network to native pixels (x, y, 1), pixel centres at integers.
        size: Native height and width.

    Returns:
        Map at native size, (C, h, w), float64, in multiples of 1 / STEPS.

    Raises:
        ValueError: The map turns or shears, which no resize and no letterbox does.
    """
    return rounded_to_steps(_at_native_pixels(probability, to_native, size))


def native_parts(probability: Tensor, to_native: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
    """What `to_native_size` gives, some rows at a time, which takes little memory."""
    for rows in bands(size):
        yield rounded_to_steps(_at_native_pixels(probability, to_native, size, rows))


def to_network_size(mask: Tensor, to_native: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample a native mask at the centres of the network's pixels, bilinear; a share of one half is foreground.

    Args:
        mask: Boolean mask at native size, (C, h, w).
        to_native: Affine map (2, 3) from network to native pixels.
        size: Network height and width.

    Returns:
        Boolean mask at network size, (C, H, W); background where the network saw padding.

    Raises:
        ValueError: The map turns or shears.
    """
    if _is_identity(to_native) and tuple(mask.shape[-2:]) == size:
        return mask
    rows, columns = (
        (scale * _steps(count) + shift) for (scale, shift), count in zip(_axes(to_native), size, strict=True)
    )
    inside = (_within(rows, mask.shape[-2])[:, None] & _within(columns, mask.shape[-1])).to(mask.device)
    foreground: Tensor = inside & (rounded_to_steps(_sample(mask, rows, columns)) >= THRESHOLD)
    return foreground


def fine_steps(probability: Tensor) -> Tensor:
    """Round probabilities in [0, 1] of any shape to multiples of 1 / STEPS; the multiples, int64."""
    return _in_steps(probability).long()


def rounded_to_steps(probability: Tensor) -> Tensor:
    """Round probabilities in [0, 1] of any shape to multiples of 1 / STEPS, float64."""
    return _in_steps(probability).div_(STEPS)


def _in_steps(probability: Tensor) -> Tensor:
    return probability.to(torch.float64, copy=True).mul_(STEPS).round_()


@dataclass
class Prepared:
    """One image in every form that a protocol asks for; a form is made when it is first asked for, and once.

    Maps of floating-point numbers, eight bytes a pixel, are never whole: `bands` are made, used and forgotten.

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

    def bands(self) -> Iterator[slice]:
        """Rows of the native image, some at a time."""
        return bands(self.native_size)

    def network_bands(self) -> Iterator[slice]:
        """Rows of the image at network size, some at a time."""
        return bands(self.network_size)

    @cached_property
    def steps(self) -> Tensor:
        """Probability at native size in units of 1 / STEPS, int32, (h, w)."""
        steps = torch.empty(self.native_size, dtype=torch.int32, device=self.network.device)
        for rows in self.bands():
            steps[rows] = _in_steps(_at_native_pixels(self.network[None], self.to_native, self.native_size, rows)[0])
        return steps

    def native(self, rows: slice, columns: slice = EVERYWHERE) -> Tensor:
        """Probability at native size, float64, in multiples of 1 / STEPS, of some of its rows and columns."""
        return self.steps[rows, columns].double().div_(STEPS)

    @cached_property
    def foreground(self) -> Tensor:
        """Where the probability at native size reaches 0.5, boolean, (h, w)."""
        return self.steps >= STEPS // 2

    def above(self, limit: float) -> Mask:
        """Where the probability at native size is above a limit, (h, w)."""
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
        """The connected components, of eight neighbours, of prediction and truth in view."""
        prediction, truth = self.in_view
        return objects_of(components(prediction, 8)), objects_of(components(truth, 8))

    @cached_property
    def surfaces(self) -> Surfaces:
        """Distances between the outlines of prediction and truth in view."""
        return surfaces_of(*self.in_view)

    @cached_property
    def histograms(self) -> Tensor:
        """Histograms of the object's pixels and of the others at native size, of all pixels, (2, 256)."""
        return sum_of(histograms(self.native(rows), self.mask[rows]) for rows in self.bands())

    @cached_property
    def network_mask(self) -> Tensor:
        """Truth at network size, boolean, (H, W)."""
        return to_network_size(self.mask[None], self.to_native, self.network_size)[0]

    def network_steps(self, rows: slice) -> Tensor:
        """Probability at network size in units of 1 / STEPS, int64, of some of its rows."""
        return fine_steps(self.network[rows])

    def stretched(self, rows: slice, columns: slice = EVERYWHERE) -> Tensor:
        """Probability at native size, stretched to the range from 0 to 1, float64, of some rows and columns."""
        return stretch_(self.native(rows, columns), *self._range)

    def eight_bit(self, rows: slice) -> Tensor:
        """Probability of some rows, cut to 8 bits at network size, brought to native size, rounded to 8 bits; int64."""
        levels = _at_native_pixels(self._levels[None], self.to_native, self.native_size, rows)[0]
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
    """Add up what was counted in each band, at least one: the sums of the tensors of one place, stacked."""
    return sum_in_place(torch.stack(tuple(part)) for part in parts)


def _is_identity(affine: Tensor) -> bool:
    return bool(affine.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _axes(to_native: Tensor) -> tuple[tuple[float, float], tuple[float, float]]:
    """Scale and shift of the rows, and of the columns, from network to native pixels."""
    (scale_x, shear_x, shift_x), (shear_y, scale_y, shift_y) = to_native.double().tolist()
    if shear_x or shear_y:
        raise ValueError("The way back to native size may not turn or shear the image.")
    return (scale_y, shift_y), (scale_x, shift_x)


def _steps(count: int) -> Tensor:
    return torch.arange(count, dtype=torch.float64)


def _within(positions: Tensor, count: int) -> Tensor:
    """Which positions lie on the pixels 0 to `count` - 1, up to their outer edges."""
    return (positions > -0.5) & (positions < count - 0.5)


def _at_native_pixels(image: Tensor, to_native: Tensor, size: tuple[int, int], rows: slice = EVERYWHERE) -> Tensor:
    """Read a network-size image (C, H, W), without its padding, at native pixels; (C, h, w), or some rows, float64."""
    if _is_identity(to_native) and tuple(image.shape[-2:]) == size:
        return image[:, rows].double()
    positions = []
    for (scale, shift), count in zip(_axes(to_native), size, strict=True):
        first, last = (-0.5 - shift) / scale + 0.5, (count - 0.5 - shift) / scale - 0.5
        positions.append(((_steps(count) - shift) / scale).clamp(first, max(first, last)))
    return _sample(image, positions[0][rows], positions[1])


def _sample(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Read an image (C, H, W) where rows (h,) and columns (w,) cross, bilinear, edges repeated; (C, h, w), float64."""
    across, down = _between(columns, image.shape[2], image.device), _between(rows, image.shape[1], image.device)
    first = int(down.before.min())
    read = _along(image[:, first : int(down.behind.max()) + 1], across, 2)
    return _along(read, down._replace(before=down.before - first, behind=down.behind - first), 1)


class _Between(NamedTuple):
    """Where positions lie between two pixels of an axis: the pixel before, the one behind, and its weight."""

    before: Tensor
    behind: Tensor
    weight: Tensor


def _between(positions: Tensor, count: int, device: torch.device) -> _Between:
    positions = positions.clamp(0, count - 1).to(device)
    before = positions.floor().long()
    return _Between(before, (before + 1).clamp_(max=count - 1), positions - before)


def _along(image: Tensor, places: _Between, axis: int) -> Tensor:
    """Interpolate linearly along one axis."""
    shape = [1, 1, 1]
    shape[axis] = -1
    before, behind = (image.index_select(axis, place).double() for place in places[:2])
    return before.lerp_(behind, places.weight.view(shape))
