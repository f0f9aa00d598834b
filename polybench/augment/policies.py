"""Augmentation policies: the operations on a training set, with their probabilities and strengths.

The augmentation of a sample is a pure function of its key: (seed, epoch, id) where each epoch draws a variant, or
(seed, id) and the number of the variant where the set is expanded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import torch

from polybench.augment.blur import GaussianBlur, GaussianNoise, MedianBlur, MotionBlur
from polybench.augment.colour import (
    Brightness,
    BrightnessContrast,
    ChannelShuffle,
    Contrast,
    Gamma,
    Grey,
    HueSaturationValue,
    RGBShift,
)
from polybench.augment.dropout import CoarseDropout
from polybench.augment.fanet_paper import FACTORS, variants
from polybench.augment.geometry import (
    Affine,
    CentreCrop,
    HorizontalFlip,
    RandomCrop,
    Rotate,
    Rotate90,
    Transpose,
    VerticalFlip,
)
from polybench.augment.operations import Chain, GeometricOperation, PixelOperation, Step, uniform
from polybench.augment.stages import Border, Frame, MaskMode
from polybench.augment.transform import Draw, Transform
from polybench.augment.warps import ElasticDeformation, GridDistortion, OpticalDistortion
from polybench.core.errors import ConfigError, did_you_mean
from polybench.core.randomness import generator


@dataclass(frozen=True)
class Policy:
    """An augmentation policy.

    Args:
        name: Name in recipes and records.
        variants: Chains of operations. In each epoch one is drawn with equal probability; an expanded set contains each
            variant once, and the first must be empty (the unchanged sample).
        version: Version of the policy, increased whenever its numbers may change.
        border: Values outside the frame: `zeros`, `reflection` or `border` (its outermost pixels).
        masks: Resampling of masks: `nearest`, or `truncated`, which erodes them.
    """

    name: str
    variants: Sequence[Chain]
    version: int = 1
    border: Border = "reflection"
    masks: MaskMode = "nearest"

    def __post_init__(self) -> None:
        for name, kinds in (("border", Border), ("masks", MaskMode)):
            if getattr(self, name) not in get_args(kinds):
                raise ConfigError(
                    f"Augmentation policy '{self.name}': {name} must be one of {', '.join(get_args(kinds))}, "
                    f"not '{getattr(self, name)}'."
                )
        if not self.variants:
            raise ConfigError(f"Augmentation policy '{self.name}' has no variants; give at least one chain.")

    def transform(
        self,
        keys: Sequence[tuple[int | str, ...]],
        size: tuple[int, int],
        device: torch.device,
        variants: Sequence[int] | None = None,
    ) -> Transform:
        """Draw the augmentation of a batch.

        Args:
            keys: Key of each sample, on which its draw depends: (seed, epoch, id), or (seed, id) with `variants`.
            size: Height and width of the images in pixels.
            device: Device of the images.
            variants: The variant of each sample of an expanded set; None to draw it.
        """
        chosen = variants if variants is not None else [None] * len(keys)
        draws = [self._draw(key, variant) for key, variant in zip(keys, chosen, strict=True)]
        return Transform(self.variants, draws, Frame(size, torch.device(device), self.border), self.masks)

    def can_be_undone(self, size: tuple[int, int]) -> bool:
        """Whether masks of this height and width can always be transformed back exactly."""
        exact = (HorizontalFlip, VerticalFlip) + ((Transpose, Rotate90) if size[0] == size[1] else ())
        return all(isinstance(step.operation, (PixelOperation, *exact)) for chain in self.variants for step in chain)

    def _draw(self, key: tuple[int | str, ...], variant: int | None) -> Draw:
        source = generator("augment", *key) if variant is None else generator("augment", "variant", variant, *key)
        if variant is None:
            variant = int(torch.randint(len(self.variants), (), generator=source))
        steps = enumerate(self.variants[variant])
        parameters = {
            position: step.operation.draw(source)
            for position, step in steps
            if step.probability >= 1 or uniform(source, (0, 1))[0] < step.probability
        }
        return Draw(variant, parameters)


def _always(*operations: GeometricOperation | PixelOperation) -> Chain:
    return tuple(Step(operation) for operation in operations)


_NONE = Policy("none", variants=[()])

# What segmentation toolboxes commonly do to images without an up or down: every orientation, small turns and zooms,
# mild colour (first, so that what lies outside the frame stays black). Of no paper.
_STANDARD = Policy(
    "standard",
    variants=[
        (
            Step(BrightnessContrast(brightness=0.2, contrast=0.2), 0.5),
            Step(HueSaturationValue(hue=10, saturation=0.1, value=0.1), 0.3),
            Step(HorizontalFlip(), 0.5),
            Step(VerticalFlip(), 0.5),
            Step(Rotate90(), 0.5),
            Step(Affine(degrees=30, zoom=(0.8, 1.25), shift=0.1), 0.75),
        )
    ],
    border="zeros",
)

# EFEN's counts are 26 times its images; the list of exactly 25 that its field uses is that of DoubleU-Net (Jha et al.,
# CBMS 2020, released data.py), so EFEN's is most likely the same. Here lengths in pixels are taken at a side of 256;
# crops keep three quarters of each side (the released ones cut fixed counts of pixels from frames of any size, one from
# the upper left corner); quarter turns never leave the frame as it is; blurs have one kernel where the released ones
# draw it (motion 3 to 7, median 3 to 9; the Gaussian's width is drawn as there); masks stay binary (there they are
# saved as JPEG). Grey is that of the frame, of both flips and of the centre crop.
_EFEN_CROP = CentreCrop(0.75)
_EFEN25 = Policy(
    "efen25",
    variants=[
        (),
        _always(_EFEN_CROP),
        _always(RandomCrop(0.75)),
        _always(Rotate90()),
        _always(Transpose()),
        _always(ElasticDeformation(deviation=3.26 / 256, smoothness=6 / 256, affine=3.6 / 256)),
        _always(GridDistortion(steps=5, limit=0.3)),
        _always(OpticalDistortion(limit=2, shift=0.5 / 256)),
        _always(VerticalFlip()),
        _always(HorizontalFlip()),
        _always(Grey()),
        _always(Grey(), VerticalFlip()),
        _always(Grey(), HorizontalFlip()),
        _always(Grey(), _EFEN_CROP),
        _always(BrightnessContrast(brightness=0.2, contrast=0.2)),
        _always(Gamma(low=0.8, high=1.2)),
        _always(HueSaturationValue(hue=40, saturation=30 / 255, value=20 / 255)),
        _always(RGBShift(limit=20 / 255)),
        _always(Brightness(limit=0.2)),
        _always(Contrast(limit=0.2)),
        _always(MotionBlur(kernel=7)),
        _always(MedianBlur(kernel=5)),
        _always(GaussianBlur(kernel=9, sigma=(0.8, 1.7))),
        _always(GaussianNoise(deviation=(3.2 / 255, 7.1 / 255))),
        _always(ChannelShuffle()),
        _always(CoarseDropout(holes=8, share=32 / 256)),
    ],
)

# FANet (Tomar et al., TNNLS 2022), as the released train.py has it; for the paper's offline list with its factors see
# `fanet_paper`. Holes are 32 pixels of the images before their resize to 256 there, and of 256 here.
_FANET = Policy(
    "fanet",
    variants=[
        (
            Step(Rotate(degrees=35), 0.3),
            Step(HorizontalFlip(), 0.3),
            Step(VerticalFlip(), 0.3),
            Step(CoarseDropout(holes=10, share=32 / 256), 0.3),
        )
    ],
)

_FANET_PAPER = [Policy(f"fanet_paper{factor}", variants=variants(factor)) for factor in FACTORS]

# FCN16s-Atrous in Keras, as its released code augments. There a mask is interpolated like its image and cut down to
# whole numbers, which erodes it; `keras_fcn_eroding` does so too.
_KERAS_FCN = Policy(
    "keras_fcn",
    variants=[
        (
            Step(HorizontalFlip(), 0.5),
            Step(VerticalFlip(), 0.5),
            Step(Affine(degrees=180, zoom=(0.8, 1.25), shift=0.1)),
        )
    ],
    border="zeros",
)
_KERAS_FCN_ERODING = replace(_KERAS_FCN, name="keras_fcn_eroding", masks="truncated")

_POLICIES = {
    policy.name: policy for policy in (_NONE, _STANDARD, _EFEN25, _FANET, *_FANET_PAPER, _KERAS_FCN, _KERAS_FCN_ERODING)
}
POLICY_NAMES = tuple(_POLICIES)


def named_policy(name: str) -> Policy:
    """Find a policy.

    Args:
        name: One of `POLICY_NAMES`.

    Raises:
        ConfigError: If there is none of that name.
    """
    if name not in _POLICIES:
        raise ConfigError(
            f"There is no augmentation policy '{name}': use one of {', '.join(POLICY_NAMES)}."
            f"{did_you_mean(name, POLICY_NAMES)}"
        )
    return _POLICIES[name]
