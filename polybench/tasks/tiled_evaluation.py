"""Evaluation of whole frames by overlapping tiles of the size that a net was trained on.

Tiles begin wherever the overlap puts them, as the crops of training do; of each, the part up to half-way through its
overlap with its neighbours is kept, so that every pixel of the frame comes from one tile. A frame that is smaller than
a tile, which only prediction of further images meets, is padded at the right and at the bottom by repeating its last
pixels. Batches of tiles have tiles of one frame only, so that predictions don't depend on the number of processes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.data.crops import Crop, Tiles, frame_of
from polybench.data.images import UInt8Array
from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Batch
from polybench.tasks.base import Task
from polybench.tasks.criterion import Terms
from polybench.tasks.images import as_input
from polybench.tasks.outputs import Outputs, logits_of
from polybench.tasks.tiles import Span, Tiling

OutputsOf = Callable[[Batch], Outputs]
"""Computes a net's outputs for a batch of tiles, see `foreground_outputs`."""

TermsOf = Callable[[Outputs, Batch], Terms]
"""Computes the loss of a batch of tiles."""


class Tile(NamedTuple):
    """A tile of a frame: its rows and its columns, and which of them are kept."""

    down: Span
    across: Span


class Evaluated(NamedTuple):
    """Logits of a batch (N, 1, H, W), and its loss where it was asked for."""

    logits: Tensor
    terms: Terms | None


def tiles_of(size: tuple[int, int], tiles: Tiles) -> list[Tile]:
    """List the tiles of a frame, row by row.

    Args:
        size: Height and width of the frame, pixels.
        tiles: Size and overlap of tiles.

    Example:
        >>> [(tile.down.start, tile.across.start) for tile in tiles_of((4, 10), Tiles(4, 2, 1))]
        [(0, 0), (0, 2), (0, 4), (0, 6)]
    """
    tiling = Tiling(tiles.size, tiles.overlap, stride=1)
    down, across = (tiling.spans(max(length, tiles.size)) for length in size)
    return [Tile(rows, columns) for rows in down for columns in across]


def as_tiled_batch(image: UInt8Array, crop: Crop, tiles_together: int, device: torch.device) -> Batch:
    """Make a batch of one image (h, w, 3), without a mask, at the scale of crops, to be predicted by tiles.

    Args:
        image: The image at native size.
        crop: The crops that the net was trained on.
        tiles_together: Tiles in a batch.
        device: Where the batch is put.
    """
    images = as_input(frame_of(image, crop), None).to(device)
    return cast(Batch, {"image": images, "tiles": Tiles(crop.size, crop.tile_overlap, tiles_together)})


class FrameTiles:
    """The tiles of a frame in batches: cuts what has the frame's size, and stitches what a net made of its tiles.

    Args:
        size: Height and width of the frame, pixels.
        tiles: Size and overlap of tiles, and tiles in a batch.

    Attributes:
        batches: The tiles of each batch, in fixed order.
    """

    def __init__(self, size: tuple[int, int], tiles: Tiles) -> None:
        self.size = size
        places = tiles_of(size, tiles)
        starts = range(0, len(places), tiles.batch_size)
        self.batches = [places[first : first + tiles.batch_size] for first in starts]

    def cut(self, frame: Tensor) -> Iterator[Tensor]:
        """Cut a frame (1, C, H, W) into batches of tiles (n, C, size, size); it is extended by its last pixels."""
        return (torch.cat([_cut(frame, place) for place in places]) for places in self.batches)

    def stitched(self, parts: Iterable[Tensor]) -> Tensor:
        """Stitch batches of tiles (n, C, size, size) to a frame (1, C, H, W): of each tile, what is kept of it."""
        height, width = self.size
        last = self.batches[-1][-1]
        frame: Tensor | None = None
        for places, part in zip(self.batches, parts, strict=True):
            if frame is None:
                frame = part.new_empty(1, part.shape[1], last.down.stop, last.across.stop)
            for (down, across), tile in zip(places, part, strict=True):
                top, left = down.start, across.start
                kept = tile[:, down.first - top : down.last - top, across.first - left : across.last - left]
                frame[0, :, down.first : down.last, across.first : across.last] = kept
        assert frame is not None
        return frame[..., :height, :width]


def tile_batches(batch: Batch) -> Iterator[tuple[Sequence[Tile], Batch]]:
    """Cut a batch of one frame into batches of tiles, in fixed order.

    Args:
        batch: A batch of one frame, with its `tiles`.

    Yields:
        Some tiles, and a batch of them, with the mask and the field of view where the frame has them.
    """
    pixels = {name: cast(Tensor, values) for name, values in batch.items() if name in ("image", "mask", "valid")}
    frame = FrameTiles((batch["image"].shape[-2], batch["image"].shape[-1]), batch["tiles"])
    for chosen, *cut in zip(frame.batches, *map(frame.cut, pixels.values()), strict=True):
        parts = dict(zip(pixels, cut, strict=True))
        names = {
            name: cast(list[str], value) * len(chosen)
            for name, value in batch.items()
            if name in ("id", "group", "position")
        }
        yield chosen, cast(Batch, {**parts, **names})


def _cut(pixels: Tensor, tile: Tile) -> Tensor:
    """Crop a tile of a frame (1, C, H, W); beyond the frame its last pixels are repeated."""
    part = pixels[..., tile.down.start : tile.down.stop, tile.across.start : tile.across.stop]
    bottom = tile.down.stop - tile.down.start - part.shape[-2]
    right = tile.across.stop - tile.across.start - part.shape[-1]
    if not bottom and not right:
        return part
    return F.pad(part.float(), (0, right, 0, bottom), mode="replicate").to(part.dtype)


def evaluate(batch: Batch, outputs_of: OutputsOf, loss: TermsOf | None, *, reads_outputs: bool) -> Evaluated:
    """Predict an evaluation batch, by tiles where it states them.

    The loss of a frame that is predicted by tiles is that of its stitched logits; that of a loss that reads further
    outputs is the mean over its tiles.

    Args:
        batch: The batch.
        outputs_of: Computes the outputs for a batch.
        loss: Computes the loss of a batch; None for no loss.
        reads_outputs: Whether the loss reads further outputs than logits.
    """
    if "tiles" not in batch:
        outputs = outputs_of(batch)
        return Evaluated(logits_of(outputs)[0], loss(outputs, batch) if loss else None)
    logits, terms = evaluate_in_tiles(batch, outputs_of, loss if reads_outputs else None)
    return Evaluated(logits, loss(logits, batch) if loss and not reads_outputs else terms)


def evaluate_in_tiles(batch: Batch, outputs_of: OutputsOf, terms_of: TermsOf | None = None) -> Evaluated:
    """Predict a frame tile by tile.

    Args:
        batch: A batch of one frame, with its `tiles`.
        outputs_of: Computes the outputs for a batch of tiles.
        terms_of: Computes the loss of a batch of tiles; None for no loss.
    """
    losses: list[Terms] = []
    counts: list[int] = []

    def predicted() -> Iterator[Tensor]:
        for chosen, tiles in tile_batches(batch):
            outputs = outputs_of(tiles)
            if terms_of is not None:
                losses.append(terms_of(outputs, tiles))
                counts.append(len(chosen))
            yield logits_of(outputs)[0]

    logits = FrameTiles((batch["image"].shape[-2], batch["image"].shape[-1]), batch["tiles"]).stitched(predicted())
    return Evaluated(logits, mean_terms(losses, counts) if losses else None)


def mean_terms(losses: Sequence[Terms], counts: Sequence[int]) -> Terms:
    """Average the loss and each of its terms over batches.

    Args:
        losses: The loss of each batch.
        counts: Number of tiles in each batch.

    Example:
        >>> float(mean_terms([Terms(torch.tensor(1.0)), Terms(torch.tensor(4.0))], [2, 1]).total)
        2.0
    """
    whole = sum(counts)

    def mean(values: Sequence[Tensor]) -> Tensor:
        return torch.stack([value * (count / whole) for value, count in zip(values, counts, strict=True)]).sum()

    named = {name: mean([loss.named[name] for loss in losses]) for name in losses[0].named}
    return Terms(mean([loss.total for loss in losses]), named)


def refuse_crops(data: object, task: Task) -> None:
    """Refuse crops of a task that predicts from whole images.

    Args:
        data: The data module.
        task: The task.

    Raises:
        ConfigError: If the data module has crops, and the task can't evaluate frames by tiles.
    """
    if isinstance(data, SegmentationDataModule) and data.crop is not None and not (task.by_tiles or task.on_crops):
        raise ConfigError(
            f"{type(task).__name__} takes no crops, since it predicts from whole images, not by tiles: give "
            "--data.crop null."
        )
