"""Iterative pruning: a feedback net refines its own mask, iteration after iteration.

Paper: FANet (Tomar et al., IEEE TNNLS 2022), section III-C, where each iteration is shown the mask of the one before
it, ten times. An iteration is a fixed function of image and mask, so that once a mask repeats, so does all that
followed it: nothing more has to be computed, whether the mask stays (a fixed point) or several alternate (a cycle).
That changes no bit of any iteration, and neither do the other savings: the net's work that needs no mask is done once
for each image, and a waiting image takes the place of one that has finished.

The last bits of a convolution can depend on the size of the batch and on the place in it. So batches keep their size (a
place that no image waits for goes on, its result unused), and an image is always in the same place: image k of n, in
batches of b, in place k mod b.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from polybench.methods.feedback.codec import CodedMask, encode_batch

Precompute = Callable[[Tensor], Any]
"""Makes a state of images (b, 3, H, W): a tensor, or what takes `state[row]` and `state[row] = other[row]` like one."""
Refine = Callable[[Any, Tensor], Tensor]
"""Makes logits (b, 1, H, W) of the state and boolean masks (b, 1, H, W)."""


class Trajectory:
    """The iterations of one image; those that were computed determine all others.

    Args:
        start: The mask that the first iteration was shown.

    Attributes:
        logits: What each computed iteration made, (1, H, W).
        repeated: The iteration whose mask the last computed iteration made again, 0 for the start mask; None for none.
    """

    def __init__(self, start: CodedMask) -> None:
        self.logits: list[Tensor] = []
        self.repeated: int | None = None
        self._seen = {start: 0}

    def add(self, logits: Tensor, mask: CodedMask) -> None:
        """Add an iteration: its logits (1, H, W) and the mask that they make."""
        self.logits.append(logits)
        self.repeated = self._seen.setdefault(mask, len(self.logits))
        if self.repeated == len(self.logits):
            self.repeated = None

    @property
    def period(self) -> int:
        """After how many iterations masks come again: 1 for a fixed point, 0 if none came again."""
        return 0 if self.repeated is None else len(self.logits) - self.repeated

    def computed(self, number: int) -> int:
        """The computed iteration that equals an iteration.

        Args:
            number: The iteration, from 1.

        Raises:
            ValueError: If it was not computed and follows from none that was.
        """
        if 1 <= number <= len(self.logits):
            return number
        if number < 1 or self.repeated is None:
            raise ValueError(f"iteration {number} is not among the {len(self.logits)} that were computed")
        return self.repeated + 1 + (number - self.repeated - 1) % self.period

    def at(self, number: int) -> Tensor:
        """Logits (1, H, W) of an iteration, from 1."""
        return self.logits[self.computed(number) - 1]


def iterate(
    precompute: Precompute,
    refine: Refine,
    images: Tensor,
    masks: Tensor,
    iterations: int,
    batch_size: int | None = None,
) -> list[Trajectory]:
    """Refine the masks of images until each comes again, or so many times.

    Args:
        precompute: The net's work that needs no mask.
        refine: The rest of it; both in evaluation mode, without a gradient.
        images: (N, 3, H, W), N at least 1.
        masks: The first masks, boolean (N, 1, H, W).
        iterations: The most iterations for an image, at least 1.
        batch_size: Images that the net sees at once, b; None for all N, as where N is smaller.

    Returns:
        One for each image, from which every iteration up to `iterations` can be read.
    """
    size = min(batch_size or len(images), len(images))
    chunks = _Chunks(precompute, images, size)
    trajectories = [Trajectory(code) for code in encode_batch(masks)]
    places = list(range(size))  # the image in each place; beyond the last one, none
    state, shown = chunks[0], masks[:size].clone()
    while any(row < len(images) for row in places):
        logits = refine(state, shown)
        shown = logits > 0
        for place, code in enumerate(encode_batch(shown)):
            row = places[place]
            if row >= len(images):
                continue
            trajectory = trajectories[row]
            trajectory.add(logits[place].clone(), code)
            if trajectory.repeated is None and len(trajectory.logits) < iterations:
                continue
            places[place] = row + size
            chunks.forget(min(places) // size)
            if places[place] < len(images):
                state[place] = chunks[places[place] // size][place]
                shown[place] = masks[places[place]]
    return trajectories


class _Chunks:
    """Precomputed states of images k b to (k + 1) b - 1, made when first asked for."""

    def __init__(self, precompute: Precompute, images: Tensor, size: int) -> None:
        self.precompute, self.images, self.size = precompute, images, size
        self.states: dict[int, Any] = {}

    def forget(self, number: int) -> None:
        """Let go of the states before a chunk, which no place needs any more."""
        for earlier in [key for key in self.states if key < number]:
            del self.states[earlier]

    def __getitem__(self, number: int) -> Any:
        if number not in self.states:
            chunk = self.images[number * self.size : (number + 1) * self.size]
            self.states[number] = self.precompute(_filled(chunk, self.size))
        return self.states[number]


def _filled(chunk: Tensor, size: int) -> Tensor:
    """A chunk of the last images, filled up with repetitions of its first."""
    return torch.cat([chunk, chunk[:1].expand(size - len(chunk), *chunk.shape[1:])])
