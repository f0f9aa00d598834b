"""The feedback bank: the mask that the net is shown with each image, by id, in the frame of the unaugmented image.

Paper: FANet (Tomar et al., IEEE TNNLS 2022) keeps the mask of each training image from epoch to epoch. The released
code finds it by its place in the batch, which holds only for unshuffled data and batches of one size; here it is found
by the image's id. It has the size of the net's input or, where training is on crops, of the whole frame at their
scale, so that sizes can differ; a crop is shown its window.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed

from polybench.core.errors import DataError
from polybench.core.processes import from_all
from polybench.methods.feedback.codec import CodedMask, MaskState, decode_batch, encode_batch, from_state, to_state


@dataclass
class MaskBank:
    """One mask per image, run-length encoded.

    Attributes:
        masks: Id -> mask.
    """

    masks: dict[str, CodedMask] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.masks)

    @property
    def nbytes(self) -> int:
        """Bytes that the masks take."""
        return sum(mask.nbytes for mask in self.masks.values())

    def get(self, ids: Sequence[str]) -> Tensor:
        """Masks (N, 1, H, W), bool, on the CPU.

        Raises:
            DataError: If there is no mask for an id.
        """
        self.require(ids)
        return decode_batch([self.masks[name] for name in ids])

    def put(self, ids: Sequence[str], masks: Tensor) -> None:
        """Store masks (N, 1, H, W), bool, on any device, in place of earlier ones."""
        self.masks.update(zip(ids, encode_batch(masks), strict=True))

    def update(self, other: "MaskBank") -> None:
        """Store the masks of another bank."""
        self.masks.update(other.masks)

    def require(self, ids: Iterable[str], size: tuple[int, int] | None = None) -> None:
        """Check that there are masks.

        Args:
            ids: For these images.
            size: Of this height and width; None for any.

        Raises:
            DataError: If one is missing or of another size.
        """
        for name in ids:
            mask = self.masks.get(name)
            if mask is None or (size is not None and mask.shape != size):
                found = "no mask" if mask is None else f"a mask of {mask.shape[0]}x{mask.shape[1]}"
                raise DataError(
                    f"The feedback bank has {found} for the image '{name}': resume with the images and the size that "
                    "the checkpoint was trained with, or start a new run."
                )

    def gathered(self) -> "MaskBank":
        """Gather the masks of all processes; every process has to call it and gets the same.

        Where two have a mask for one image, that of the lower rank is kept.
        """
        masks: dict[str, CodedMask] = {}
        for state in reversed(from_all(to_state(self.masks))):
            masks.update(from_state(state))
        return MaskBank({name: masks[name] for name in sorted(masks)})

    def state(self) -> MaskState:
        """Plain lists and tensors, for a checkpoint."""
        return to_state(self.masks)

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> "MaskBank":
        """Restore a bank from its `state`.

        Raises:
            DataError: If something is missing or was changed.
        """
        return cls(from_state(state))


def same_everywhere(buffers: Iterable[Tensor]) -> None:
    """Copy the first process's values to every process, in place; batch statistics differ between them after a step."""
    if distributed.is_available() and distributed.is_initialized():
        with torch.no_grad():
            for buffer in buffers:
                distributed.broadcast(buffer, 0)
