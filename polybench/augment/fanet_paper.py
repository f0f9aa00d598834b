"""The offline augmentation of FANet's paper: variants of each image, as many as its table I counts.

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", 2022, section
IV-A-2: random crop, flipping, rotation, elastic transformation, grid distortion, optical distortion, greyscale,
random brightness, contrast, channel, and coarse dropout. Table I has 16 to 32 times the images, and the text doesn't
say which variants those are: here the unchanged image, each operation of the list by itself, then each with a
horizontal, and each with a vertical flip, in the order of the list, cut off at the factor. Strengths are those of the
released code where it has the operation (rotation, dropout), and those of `efen25` elsewhere.
"""

from polybench.augment.colour import Brightness, ChannelShuffle, Contrast, Grey
from polybench.augment.dropout import CoarseDropout
from polybench.augment.geometry import HorizontalFlip, RandomCrop, Rotate, VerticalFlip
from polybench.augment.operations import Chain, GeometricOperation, PixelOperation, Step
from polybench.augment.warps import ElasticDeformation, GridDistortion, OpticalDistortion

FACTORS = (16, 19, 22, 29, 32)
"""Times the images: EM, Kvasir-SEG, ISIC-2018, CVC-ClinicDB, and DSB-2018, DRIVE and CHASE_DB1."""

_OTHERS: tuple[GeometricOperation | PixelOperation, ...] = (
    Rotate(degrees=35),
    ElasticDeformation(deviation=3.26 / 256, smoothness=6 / 256, affine=3.6 / 256),
    GridDistortion(steps=5, limit=0.3),
    OpticalDistortion(limit=2, shift=0.5 / 256),
    Grey(),
    Brightness(limit=0.2),
    Contrast(limit=0.2),
    ChannelShuffle(),
    CoarseDropout(holes=10, share=32 / 256),
)


def variants(factor: int) -> list[Chain]:
    """The first variants of an image.

    Args:
        factor: How many, the unchanged one among them; at most 33.
    """
    flips = (HorizontalFlip(), VerticalFlip())
    combined = (RandomCrop(0.75), *_OTHERS)
    alone: list[Chain] = [(Step(one),) for one in (combined[0], *flips, *_OTHERS)]
    flipped: list[Chain] = [(Step(one), Step(flip)) for flip in flips for one in combined]
    return [(), *alone, *flipped][:factor]
