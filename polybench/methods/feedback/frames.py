"""Feedback on a whole frame that a net sees in tiles, since it is trained on crops.

An iteration predicts all tiles of the frame at the crops' scale and stitches them to the frame's mask, of which each
tile of the next iteration is shown its part. So a frame has one mask, one Otsu threshold, and one series of masks with
its fixed point or cycle, as a frame that the net sees whole; and a tile is shown what a crop is shown in training, a
window of the frame's mask. Were each tile to iterate by itself, it would be shown its own prediction as far as its
border, which is cut off and of which its neighbour's takes the place, and Otsu's threshold of its own pixels, of which
some tiles have no foreground.
"""

from typing import Any

from torch import Tensor

from polybench.data.crops import Tiles
from polybench.methods.feedback.pruning import Precompute, Refine, Trajectory, iterate
from polybench.tasks.tiled_evaluation import FrameTiles


def iterate_frame(
    precompute: Precompute,
    refine: Refine,
    image: Tensor,
    mask: Tensor,
    iterations: int,
    tiles: Tiles,
    most_together: int | None = None,
) -> Trajectory:
    """Refine the mask of a frame until it comes again, or so many times; each iteration goes over all tiles.

    The net's work that needs no mask is done once for each tile, and kept for all of them.

    Args:
        precompute: The net's work that needs no mask, for a batch of tiles.
        refine: The rest of it; both in evaluation mode, without a gradient.
        image: (1, 3, H, W), at the scale of crops.
        mask: The first mask, boolean (1, 1, H, W).
        iterations: The most iterations, at least 1.
        tiles: How the frame is cut, and tiles in a batch.
        most_together: The most tiles in a batch, where these are less; None for no such limit.
    """
    together = min(most_together or tiles.batch_size, tiles.batch_size)
    frame = FrameTiles((image.shape[-2], image.shape[-1]), tiles._replace(batch_size=together))

    def precomputed(whole: Tensor) -> list[Any]:
        return [precompute(part) for part in frame.cut(whole)]

    def refined(states: list[Any], shown: Tensor) -> Tensor:
        return frame.stitched(refine(state, part) for state, part in zip(states, frame.cut(shown), strict=True))

    [trajectory] = iterate(precomputed, refined, image, mask, iterations)
    return trajectory
