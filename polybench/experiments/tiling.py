"""`--tile` and `--overlap` of `predict`: large images at their own scale, tile by tile."""

from collections.abc import Iterator

import torch

from polybench.core.errors import ConfigError
from polybench.data.crops import Crop
from polybench.data.images import UInt8Array
from polybench.data.images_only import ImagesOnly
from polybench.data.module import SegmentationDataModule
from polybench.experiments.session import Session
from polybench.tasks.base import task_of
from polybench.tasks.images import as_input
from polybench.tasks.parameter_groups import unwrapped
from polybench.tasks.stride import PROBE, stride_of
from polybench.tasks.tiles import Seams, Tiling, predict_in_tiles

USUAL_STRIDE = 32
"""Stride of encoders with five stages, for nets of which it can't be found."""

SEEN = 1e-4
"""A difference of probabilities along seams that rounding doesn't explain."""


def crop_of(data: object) -> Crop | None:
    """The crops of a data module; None where it gives whole images, or patches."""
    return data.crop if isinstance(data, SegmentationDataModule | ImagesOnly) else None


def tiling_of(session: Session, option: str | None) -> Tiling | None:
    """How the options cut images; None where they don't.

    Args:
        session: The command.
        option: The option that changes the masks, for which the prediction of the whole image is needed.

    Raises:
        ConfigError: If the numbers don't go with each other or with the net, or net or task can't predict tiles.
    """
    size, overlap = session.config.tile, session.config.overlap
    if size is None:
        if overlap is not None:
            raise ConfigError(
                "--overlap has no effect without --tile, the size of the tiles: give --tile, or leave out --overlap."
            )
        return None
    if option is not None:
        raise ConfigError(f"{option} needs the prediction of the whole image: leave out {option}, or --tile.")
    if crop_of(session.datamodule) is not None:
        raise ConfigError(
            "A net that was trained on crops predicts by tiles of their size and scale: leave out --tile, or change "
            "the overlap with --data.crop.overlap."
        )
    task = task_of(session.model)
    if not task.by_tiles:
        raise ConfigError(f"{type(task).__name__} predicts from whole images: leave out --tile.")
    stride = stride_of(unwrapped(task.net), [(PROBE, PROBE), session.datamodule.size]) or USUAL_STRIDE
    tiling = Tiling(size, size // 4 // stride * stride if overlap is None else overlap, stride)
    try:
        task.check_outputs((size, size))
    except ConfigError as error:
        raise ConfigError(f"Tiles of --tile {size} can't be predicted: {error}") from error
    return tiling


def tiled(session: Session, image: UInt8Array, tiling: Tiling, seams: Seams) -> Iterator[torch.Tensor]:
    """Predict an image (h, w, 3) in tiles; some rows of foreground probabilities at a time, (rows, w), float32."""
    task = task_of(session.model)

    def predict(tile: UInt8Array) -> torch.Tensor:
        with torch.inference_mode(), session.trainer.precision_plugin.forward_context():
            return task.predict_probability(as_input(tile, None).to(task.device))[0, 0]

    return predict_in_tiles(predict, image, tiling, seams)


def described(tiling: Tiling) -> str:
    """A sentence on how images are cut."""
    return (
        f"Images are predicted at their own scale, in tiles of {tiling.size}x{tiling.size} pixels that overlap by "
        f"{tiling.overlap} (the net's stride is {tiling.stride})."
    )


def measured(tiling: Tiling, seams: Seams) -> str:
    """A sentence on how tiles agree where they meet."""
    if tiling.overlap == 0:
        return "Tiles that don't overlap can't be compared where they meet: give --overlap to learn how they agree."
    if not seams.pixels:
        return "No image is larger than a tile: the predictions are those of whole images."
    found = (
        f"Along the seams of the tiles, probabilities differ by at most {seams.largest:.1e} and by {seams.mean:.1e} in "
        "the mean"
    )
    if seams.largest > SEEN:
        return (
            f"{found}: the net looks farther than half of --overlap, or at the whole image; raise --overlap or --tile."
        )
    return f"{found}: they agree up to rounding, as where the net looks no farther than half of --overlap."
