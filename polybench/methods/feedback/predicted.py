"""The masks that training steps predict in an epoch, and how they come into the bank (`refresh: inverse`).

The mask of a whole frame takes the place of the earlier one. That of a crop is written into its window of the frame's
mask; pixels that no crop of the epoch covers keep their value, at first Otsu's. During an epoch the bank stays as it
was when the epoch began, so that each crop is shown that state, whatever was predicted before it. At the end of the
epoch the crops of an image are written in the order of their numbers, and of their variants in an expanded set: where
windows overlap, the highest number counts. The order of training, workers and processes change nothing.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from polybench.core.errors import DataError
from polybench.core.processes import from_all
from polybench.data.sample import Batch
from polybench.methods.feedback.bank import MaskBank
from polybench.methods.feedback.codec import decode, encode


class Place(NamedTuple):
    """Where a crop's mask is written: image, number and variant of the crop, first row and column of its window."""

    image: str
    number: int
    variant: int
    top: int
    left: int


@dataclass
class Predicted:
    """The masks of an epoch's training steps so far.

    Attributes:
        masks: Those of whole frames by the image's id, those of crops by the crop's.
        places: Id of a crop -> its place; none for whole frames.
    """

    masks: MaskBank = field(default_factory=MaskBank)
    places: dict[str, Place] = field(default_factory=dict)

    def put(self, batch: Batch, masks: Tensor) -> None:
        """Store the masks (N, 1, H, W), bool, of a training batch, in the frame of its samples before augmentation."""
        cuts = batch.get("cut")
        if cuts is None:
            self.masks.put(image_ids(batch), masks)
            return
        self.masks.put(batch["id"], masks)
        for name, cut, variant in zip(batch["id"], cuts, batch.get("variant", [0] * len(cuts)), strict=True):
            self.places[name] = Place(cut.image, cut.number, variant, cut.top, cut.left)

    def write_into(self, bank: MaskBank) -> None:
        """Renew a bank with these masks.

        Raises:
            DataError: If the bank lacks the image of a crop, or the crop isn't inside it.
        """
        if not self.places:
            bank.update(self.masks)
            return
        crops: dict[str, list[tuple[Place, str]]] = defaultdict(list)
        for name, place in self.places.items():
            crops[place.image].append((place, name))
        bank.require(crops)
        for image, placed in crops.items():
            frame = decode(bank.masks[image])
            for place, name in sorted(placed):
                mask = decode(self.masks.masks[name])
                window = frame[place.top : place.top + mask.shape[0], place.left : place.left + mask.shape[1]]
                if window.shape != mask.shape:
                    raise DataError(
                        f"The mask of the crop '{name}' reaches beyond its image's mask in the feedback bank: resume "
                        "with the crop.size and crop.scale that the checkpoint was trained with, or start a new run."
                    )
                window[:] = mask
            bank.masks[image] = encode(frame)

    def gathered(self) -> "Predicted":
        """Gather the masks of all processes; every process has to call it and gets the same."""
        places = {name: place for each in reversed(from_all(self.places)) for name, place in each.items()}
        return Predicted(self.masks.gathered(), places)

    def state(self) -> dict[str, Any]:
        """Plain values and tensors, for a checkpoint: those of the bank and, of crops, `places`."""
        places = {"places": {name: list(place) for name, place in self.places.items()}} if self.places else {}
        return {**self.masks.state(), **places}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Predicted":
        """Restore what `state` returned.

        Raises:
            DataError: If something is missing or was changed.
        """
        masks = MaskBank.from_state(state)
        places = {name: Place(*place) for name, place in state.get("places", {}).items()}
        if places and places.keys() != masks.masks.keys():
            raise DataError("The stored places of feedback masks are damaged: resume from another checkpoint.")
        return cls(masks, places)


def image_ids(batch: Batch) -> list[str]:
    """The images that samples were made of: crops, and the variants of an expanded set, share that of their frame."""
    if "cut" in batch:
        return [cut.image for cut in batch["cut"]]
    if "variant" not in batch:
        return batch["id"]
    return [name.removesuffix(f"#{variant}") for name, variant in zip(batch["id"], batch["variant"], strict=True)]


def kept_masks(bank: MaskBank, batch: Batch) -> Tensor:
    """The masks (N, 1, H, W), bool, on the CPU, that a bank has for the samples of a batch before augmentation.

    Raises:
        DataError: If there is none for an image.
    """
    names = image_ids(batch)
    if "cut" not in batch:
        return bank.get(names)
    bank.require(names)
    height, width = batch["image"].shape[-2:]
    frames = [decode(bank.masks[name]) for name in names]
    windows = [
        torch.from_numpy(frame[cut.top : cut.top + height, cut.left : cut.left + width])
        for frame, cut in zip(frames, batch["cut"], strict=True)
    ]
    return torch.stack(windows)[:, None]
