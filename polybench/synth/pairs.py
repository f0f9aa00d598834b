"""Distributions with one image and one mask file per frame: their paths and drawing functions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from polybench.synth.brush import smooth_step
from polybench.synth.files import Mask, MaskMode, Pixels, Size, save_image, save_mask
from polybench.synth.frames import Frame
from polybench.synth.kvasir import kvasir_frame
from polybench.synth.lesions import lesion_frame
from polybench.synth.polyps import polyp_frame


@dataclass(frozen=True)
class Pairs:
    """Paths and drawing function of images and masks.

    Attributes:
        image: The image's path; `{stem}` is the id and `{half}` is Training or Test.
        mask: The mask's path.
        draw: Draws image (H, W, 3) and mask (H, W) from frame, seed and size.
        sizes: Heights and widths of official images, used in turn by scene.
        mode: Pillow mode of the mask file.
    """

    image: str
    mask: str
    draw: Callable[[Frame, int, Size], tuple[Pixels, Mask]]
    sizes: tuple[Size, ...]
    mode: MaskMode = "L"

    def write(self, folder: Path, frame: Frame, seed: int, size: Size | None) -> Mask:
        """Draw a frame and write both files.

        Args:
            folder: The dataset's own folder.
            frame: The frame.
            seed: Seed of the generator.
            size: Height and width; None for the official size.

        Returns:
            The drawn mask.
        """
        image, mask = self.draw(frame, seed, size or in_turn(self.sizes, frame))
        half = "Test" if frame.subset == "test" else "Training"
        save_image(folder / self.image.format(stem=frame.stem, half=half), image)
        save_mask(folder / self.mask.format(stem=frame.stem, half=half), mask, self.mode)
        return mask

    def write_all(self, folder: Path, frames: Iterable[Frame], seed: int, size: Size | None) -> None:
        """Write frames one by one, see `write`."""
        for frame in frames:
            self.write(folder, frame, seed, size)


def in_turn(sizes: tuple[Size, ...], frame: Frame) -> Size:
    """Select one of several sizes, the same for all frames of a scene."""
    return sizes[frame.scene % len(sizes)]


def draw_polyp(frame: Frame, seed: int, size: Size, *, polyp_every: int | None = None) -> tuple[Pixels, Mask]:
    """Draw a frame of the group's video, with another polyp after every `polyp_every` frames."""
    other = frame.number // polyp_every if polyp_every else 0
    return polyp_frame(seed, frame.scene + other, frame.number, size=size)


def draw_still(frame: Frame, seed: int, size: Size) -> tuple[Pixels, Mask]:
    """Draw a single colonoscopy image."""
    return polyp_frame(seed, frame.scene, 0, size=size)


def draw_kvasir(frame: Frame, seed: int, size: Size) -> tuple[Pixels, Mask]:
    """Draw an endoscopy image with the appearance of Kvasir-SEG."""
    return kvasir_frame(seed, frame.scene, size=size)


def draw_lesion(frame: Frame, seed: int, size: Size) -> tuple[Pixels, Mask]:
    """Draw a dermoscopy image."""
    return lesion_frame(seed, frame.scene, size=size)


def draw_ph2(frame: Frame, seed: int, size: Size) -> tuple[Pixels, Mask]:
    """Draw a lesion through a tube, with black corners in most images."""
    image, mask = lesion_frame(seed, frame.scene, size=size)
    down, across = (np.linspace(-1, 1, side) * side / size[1] for side in size)
    tube = np.hypot(down[:, None], across[None]) / (1.02 + 0.06 * (frame.scene % 4))
    light = smooth_step(1 - tube, -0.01, 0.06)
    return (image * light[..., None]).astype(np.uint8), mask & (tube < 1)


_run = partial(draw_polyp, polyp_every=12)
"""CVC-300 is a few videos of unknown length."""

CLINICDB = Pairs("Original/{stem}.tif", "Ground Truth/{stem}.tif", draw_polyp, ((288, 384),))
KVASIR = Pairs(
    "images/{stem}.jpg",
    "masks/{stem}.jpg",
    draw_kvasir,
    ((530, 622), (547, 626), (529, 622), (546, 626), (530, 570), (576, 720), (1070, 1348)),
    mode="RGB",
)
CVC300 = Pairs("images/{stem}.png", "masks/{stem}.png", _run, ((500, 574),))
COLONDB = Pairs("images/{stem}.png", "masks/{stem}.png", draw_still, ((500, 574),))
ETIS = Pairs("ETIS-LaribPolypDB/{stem}.tif", "Ground Truth/p{stem}.tif", draw_still, ((966, 1225),))
ENDOSCENESTILL = {
    "CVC-300": Pairs("CVC-300/bbdd/{stem}.bmp", "CVC-300/gtpolyp/{stem}.bmp", _run, CVC300.sizes),
    "CVC-612": Pairs("CVC-612/bbdd/{stem}.bmp", "CVC-612/gtpolyp/{stem}.tif", draw_polyp, CLINICDB.sizes),
}
PRANET = {"kvasir": KVASIR, "clinicdb": CLINICDB, "cvc300": CVC300, "colondb": COLONDB, "etis": ETIS}
ISIC2016 = Pairs(
    "ISBI2016_ISIC_Part1_{half}_Data/{stem}.jpg",
    "ISBI2016_ISIC_Part1_{half}_GroundTruth/{stem}_Segmentation.png",
    draw_lesion,
    ((767, 1022),),
)
ISIC2018 = Pairs(
    "ISIC2018_Task1-2_Training_Input/{stem}.jpg",
    "ISIC2018_Task1_Training_GroundTruth/{stem}_segmentation.png",
    draw_lesion,
    ((767, 1022),),
)
PH2 = Pairs(
    "PH2 Dataset images/{stem}/{stem}_Dermoscopic_Image/{stem}.bmp",
    "PH2 Dataset images/{stem}/{stem}_lesion/{stem}_lesion.bmp",
    draw_ph2,
    ((575, 766),),
    mode="1",
)
FOLDER = Pairs("images/{stem}.png", "masks/{stem}.png", draw_polyp, ((288, 384),))
