"""Samples of training on crops, and of the evaluation of whole frames at the scale of the crops."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from polybench.core.errors import DataError
from polybench.core.randomness import generator
from polybench.data.cache import ImageCache
from polybench.data.crops import Crop, Cut, Window, draw_window, frame_of, shares_in_view, window_of
from polybench.data.loader import CachedSamples
from polybench.data.sample import Sample
from polybench.metrics.prepare import resize_affine


class CropSamples(Dataset[Sample]):
    """Dataset of the crops of a subset over all epochs: sample `epoch * len + k` is the k-th of that epoch.

    A crop is a pure function of (seed, epoch, image, its number among the crops of the image), and its id is
    `<image>/c<number>`.

    Args:
        cache: The cache of images at native size.
        ids: The images of the subset.
        groups: Image id -> group.
        crop: Size, scale and draw of the crops.
        seed: Seed of the draws.
        variants: Number of samples per crop, `<image>/c<number>#<variant>`, all of the same pixels.
    """

    def __init__(
        self, cache: ImageCache, ids: Sequence[str], groups: dict[str, str], crop: Crop, *, seed: int, variants: int = 1
    ) -> None:
        self.cache = cache
        self.ids = list(ids)
        self.groups = groups
        self.crop = crop
        self.seed = seed
        self.variants = variants

    def __len__(self) -> int:
        return len(self.ids) * self.crop.per_image * self.variants

    def __getitem__(self, number: int) -> Sample:
        epoch, index = divmod(number, len(self))
        index, variant = divmod(index, self.variants)
        image, k = divmod(index, self.crop.per_image)
        image_id, cache, crop = self.ids[image], self.cache, self.crop
        position = cache.position[image_id]
        window = self.window(image_id, epoch, k)
        name = f"{image_id}/c{k}"
        sample: Sample = {
            "id": name if self.variants == 1 else f"{name}#{variant}",
            "group": self.groups[image_id],
            "position": position,
            "cut": Cut(image_id, k, *window),
            "to_native": _to_native(cache.sizes[position], crop, window),
            "image": torch.from_numpy(window_of(cache.image(position), window, crop)),
            "mask": torch.from_numpy(window_of(cache.mask(position), window, crop))[None],
        }
        if self.variants > 1:
            sample["variant"] = variant
        if cache.has_valid:
            sample["valid"] = torch.from_numpy(window_of(cache.valid(position), window, crop))[None]
        return sample

    def window(self, image_id: str, epoch: int, number: int) -> Window:
        """Draw the window of a crop.

        Args:
            image_id: Its image.
            epoch: The epoch, from 0.
            number: Its number among the crops of the image, from 0.
        """
        source = generator("crop", self.seed, epoch, image_id, number)
        return draw_window(self.cache, self.cache.position[image_id], self.crop, source)


class FrameSamples(CachedSamples):
    """Dataset of whole frames at the scale of the crops.

    Args:
        cache: The cache of images at native size.
        ids: The images of the subset.
        groups: Image id -> group.
        crop: The scale.
        native: Add the native mask, and the label map where the dataset has instances, for evaluation.
    """

    def __init__(
        self, cache: ImageCache, ids: Sequence[str], groups: dict[str, str], crop: Crop, *, native: bool
    ) -> None:
        super().__init__(cache, ids, groups, native=native)
        self.crop = crop

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        native = self.cache.native_sizes[sample["position"]]
        if self.crop.frame_size(native) == native:
            return sample
        sample["image"] = _at_scale(sample["image"], self.crop)
        sample["mask"] = _at_scale(sample["mask"][0], self.crop)[None]
        if "valid" in sample:
            sample["valid"] = _at_scale(sample["valid"][0], self.crop)[None]
        sample["to_native"] = resize_affine(self.crop.frame_size(native), native)
        return sample


def _at_scale(pixels: Tensor, crop: Crop) -> Tensor:
    return torch.from_numpy(np.array(frame_of(pixels.numpy(), crop)))


def _to_native(native: tuple[int, int], crop: Crop, window: Window) -> Tensor:
    """Return the affine map (2, 3) from pixels (x, y, 1) of a crop to native pixels."""
    affine = resize_affine(crop.frame_size(native), native)
    affine[:, 2] += affine[:, :2] @ torch.tensor([window.left, window.top], dtype=affine.dtype)
    return affine


def refuse_small_frames(cache: ImageCache, ids: Iterable[str], crop: Crop) -> None:
    """Refuse crops that are larger than a frame at their scale.

    Args:
        cache: The cache of images at native size.
        ids: The frames.
        crop: The crops.

    Raises:
        DataError: If there is such a frame; the smallest is named, with what would fit.
    """
    natives = {name: cache.native_sizes[cache.position[name]] for name in ids}
    smallest = min(natives, key=lambda name: (min(natives[name]), name), default=None)
    if smallest is None or min(crop.frame_size(natives[smallest])) >= crop.size:
        return
    height, width = natives[smallest]
    side = min(crop.frame_size((height, width)))
    scale = crop.size / min(height, width)
    larger = f", or raise crop.scale to {scale:.3g}" if crop.scale < scale <= 1 else ""
    at_scale = "" if crop.scale == 1 else f" ({side} pixels at scale {crop.scale:g})"
    raise DataError(
        f"A crop of {crop.size}x{crop.size} pixels is larger than the smallest frame, '{smallest}' of "
        f"{height}x{width}{at_scale}: lower crop.size to at most {side}{larger}."
    )


def refuse_dark_frames(cache: ImageCache, ids: Iterable[str], crop: Crop) -> None:
    """Refuse training frames without a window that has enough of the field of view.

    Args:
        cache: The cache of images at native size.
        ids: The training frames.
        crop: The crops.

    Raises:
        DataError: If there is such a frame; it is named.
    """
    for name in ids if cache.has_valid and crop.in_view > 0 else ():
        share = shares_in_view(cache, cache.position[name], crop).max()
        if share < crop.in_view:
            raise DataError(
                f"No crop of {crop.size}x{crop.size} pixels of the frame '{name}' has {crop.in_view:g} of its pixels "
                f"in the field of view: lower crop.in_view to at most {np.floor(100 * share) / 100:g}, or crop.size."
            )
