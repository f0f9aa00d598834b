"""FCN16s-Atrous and its patch classifier: one encoder of output stride 16 under two heads.

Paper: the first of the five, whose Keras code was released (`MELSunny/Keras-FCN`). The whole last stage is dilated by
2 instead of strided; there is no skip connection ("16s" is the output stride). Deviations from the code: the encoder
is SMP's (torchvision's) ResNet-50, which strides in the 3x3 convolutions, has no convolution biases and pads the
pooling, so that the sizes are 80, 40, 20, 20 at 320 pixels instead of 79, 40, 20, 20; the logits are brought to image
size with pixel centres (`align_corners=False`), not anchored at the corner. Keras counts 23,591,810 parameters: the
biases, and four numbers for each channel of batch normalisation. `batch_norm="keras"` takes Keras' constants, epsilon
0.001 and momentum 0.99 (torch's 0.01), in place of torch's 0.00001 and 0.1.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError

STRIDE = 16
UNDILATED = 32
"""Output stride of the library's encoders as they are."""

BatchNorm = Literal["torch", "keras"]
KERAS = {"eps": 1e-3, "momentum": 0.01}
"""Keras' constants of batch normalisation; its momentum .99 is the share that is kept, torch's that which is new."""

_NOT_DILATED = (ValueError, NotImplementedError, TypeError, AssertionError)
"""What the libraries' encoders raise that can't be dilated."""


class FCN16sAtrous(nn.Module):
    """An encoder of output stride 16, one 1x1 convolution to the classes, bilinear upsampling to image size.

    With ResNet-50 it has 23,512,130 parameters; all three 3x3 convolutions of layer4 are dilated by 2.

    Args:
        encoder: Any encoder of segmentation_models_pytorch that can be dilated; `tu-<name>` for one of timm's, which
            dilates the layers behind the last stride by 2, and not the layer that had it.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.
        classes: Output channels; two are read as a softmax over background and foreground.
        batch_norm: Constants of batch normalisation, those of `torch` or of `keras`.

    Raises:
        ConfigError: If there is no such encoder, or it can't be dilated.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        encoder: str = "resnet50",
        encoder_weights: str | None = "imagenet",
        classes: int = 2,
        batch_norm: BatchNorm = "torch",
    ) -> None:
        super().__init__()
        self.encoder_name = encoder
        self.encoder = with_constants(atrous_encoder(encoder, encoder_weights), batch_norm)
        self.head = nn.Conv2d(last_channels(self.encoder), classes, 1)
        nn.init.kaiming_normal_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W).

        Returns:
            Raw logits (N, classes, H, W).
        """
        return self.decode(self.encoder(images)[-1], images.shape[-2:])

    def decode(self, features: Tensor, size: Sequence[int]) -> Tensor:
        """Raw logits (N, classes, H, W) at a size, of the encoder's last features (N, C, h, w)."""
        return F.interpolate(self.head(features), size=tuple(size), mode="bilinear", align_corners=False)


class PatchClassifier(nn.Module):
    """An encoder, its last feature map pooled, and one linear layer to the classes.

    With ResNet-50 it has 23,512,130 parameters, as in the released code; with `head="flatten"` for patches of 320
    pixels 25,146,434.

    Args:
        encoder: Any encoder of segmentation_models_pytorch, or `tu-<name>` for one of timm's; one that can't be dilated
            to output stride 16, such as VGG or DenseNet, keeps its own stride, and a warning says so. Or a module that
            follows SMP's encoder contract, such as EFEN's `polybench.models.vgg.VGG19Encoder`.
        encoder_weights: `imagenet`, a file of weights, or null for random weights; null for a module.
        classes: Output channels; two are read as a softmax over no object and object.
        head: `average` for global average pooling, `flatten` for every place of the last feature map.
        size: Side of a patch in pixels, for `flatten`.
        batch_norm: Constants of batch normalisation, those of `torch` or of `keras`.

    Raises:
        ConfigError: If there is no such encoder, a module is to have weights by name, or `size` isn't divisible by 16.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        encoder: str | nn.Module = "resnet50",
        encoder_weights: str | None = "imagenet",
        classes: int = 2,
        head: Literal["average", "flatten"] = "average",
        size: int = 320,
        batch_norm: BatchNorm = "torch",
    ) -> None:
        super().__init__()
        if head == "flatten" and size % STRIDE:
            raise ConfigError(f"The flattened head needs patches whose side is divisible by {STRIDE}, not {size}.")
        if encoder_weights is not None and not isinstance(encoder, str):
            raise ConfigError(
                f"encoder_weights '{encoder_weights}' are those of an encoder given by name, and encoder is a "
                f"{type(encoder).__name__}: set encoder_weights: null."
            )
        self.encoder_name = encoder if isinstance(encoder, str) else None
        made = any_encoder(encoder, encoder_weights) if isinstance(encoder, str) else encoder
        self.encoder = with_constants(made, batch_norm)
        places = _places(self.encoder, size) if head == "flatten" else 1
        self.pool = nn.Identity() if head == "flatten" else nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(places * last_channels(self.encoder), classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify.

        Args:
            images: Patches (N, 3, S, S).

        Returns:
            Raw logits (N, classes).

        Raises:
            ConfigError: If the patches have another size than the flattened head.
        """
        features = self.pool(self.encoder(images)[-1]).flatten(1)
        if features.shape[1] != self.head.in_features:
            height, width = images.shape[-2:]
            raise ConfigError(f"The flattened head was made for patches of another size than {height}x{width}.")
        result: Tensor = self.head(features)
        return result


class JointFCN16sAtrous(FCN16sAtrous):
    """One encoder under both heads, trained together: a control that the paper lacks.

    As a net it segments; with ResNet-50 it has 23,516,228 parameters. Both heads are those of the two nets above.

    Args:
        encoder: As for `FCN16sAtrous`, so that the weights of one fit the other.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.
        classes: Output channels of either head.
        batch_norm: Constants of batch normalisation, those of `torch` or of `keras`.

    Raises:
        ConfigError: If there is no such encoder, or it can't be dilated.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        encoder: str = "resnet50",
        encoder_weights: str | None = "imagenet",
        classes: int = 2,
        batch_norm: BatchNorm = "torch",
    ) -> None:
        super().__init__(encoder, encoder_weights, classes, batch_norm)
        linear = nn.Linear(last_channels(self.encoder), classes)
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)

    def classify(self, patches: Tensor) -> Tensor:
        """Classify.

        Args:
            patches: (N, 3, S, S).

        Returns:
            Raw logits (N, classes).
        """
        result: Tensor = self.classifier(self.encoder(patches)[-1])
        return result

    def segment_and_classify(self, images: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Do both in one pass through the encoder, so that its batch statistics are those of images and patches.

        In two passes each would be normalised by its own statistics in training, and by a mixture in evaluation.

        Args:
            images: (N, 3, H, W).
            patches: (M, 3, H, W), of the same size.

        Returns:
            Raw logits of the images, (N, classes, H, W), and of the patches, (M, classes).
        """
        features = self.encoder(torch.cat([images, patches]))[-1]
        of_images, of_patches = features.split([len(images), len(patches)])
        return self.decode(of_images, images.shape[-2:]), self.classifier(of_patches)


def with_constants(encoder: nn.Module, batch_norm: BatchNorm) -> nn.Module:
    """Give the batch normalisation of an encoder the constants of a library.

    Args:
        encoder: The encoder, which is changed.
        batch_norm: `torch` leaves it as it is; `keras` sets `KERAS`.
    """
    for module in encoder.modules():
        if batch_norm == "keras" and isinstance(module, nn.BatchNorm2d):
            module.eps, module.momentum = KERAS["eps"], KERAS["momentum"]
    return encoder


def last_channels(encoder: nn.Module) -> int:
    """Channels of an encoder's deepest feature map."""
    channels = cast(Sequence[int], encoder.out_channels)
    return int(channels[-1])


def atrous_encoder(name: str, weights: str | None) -> nn.Module:
    """Make an encoder whose last stage is dilated by 2 instead of strided.

    Args:
        name: As segmentation_models_pytorch calls it.
        weights: `imagenet`, a file of weights, or None for random weights.

    Raises:
        ConfigError: If there is no such encoder, or it can't be dilated.
    """
    try:
        return _encoder(name, weights, STRIDE)
    except _NOT_DILATED as error:
        raise ConfigError(f"The encoder '{name}' can't be dilated to output stride {STRIDE}: {error}") from error


def any_encoder(name: str, weights: str | None) -> nn.Module:
    """Make an encoder, dilated as `atrous_encoder` has it where that is possible; a warning says where it isn't.

    Args:
        name: As segmentation_models_pytorch calls it.
        weights: `imagenet`, a file of weights, or None for random weights.

    Raises:
        ConfigError: If there is no such encoder.
    """
    try:
        return _encoder(name, weights, STRIDE)
    except _NOT_DILATED:
        encoder = _encoder(name, weights, UNDILATED)
    rank_zero_warn(f"The encoder '{name}' can't be dilated to output stride {STRIDE}: it keeps its own, {UNDILATED}.")
    return encoder


def _encoder(name: str, weights: str | None, output_stride: int) -> nn.Module:
    """Make an encoder, with weights of this machine where they are, and its library's over the network otherwise.

    Raises:
        ConfigError: If there is none of that name, it has no such weights, or they can be neither found nor fetched.
    """
    from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

    try:
        return make_encoder(name, weights, output_stride)
    except KeyError as error:
        raise ConfigError(f"encoder '{name}' with weights '{weights}' is unknown: {error.args[0]}") from error


def _places(encoder: nn.Module, size: int) -> int:
    """Places of an encoder's deepest feature map, for patches whose sides have `size` pixels."""
    with torch.no_grad():
        features: Tensor = encoder.eval()(torch.zeros(1, 3, size, size))[-1]
    encoder.train()
    return features.shape[-2] * features.shape[-1]
