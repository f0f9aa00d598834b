"""The first frames of a copy of CVC-ClinicDB as sources, and their decoding without a field of view."""

from pathlib import Path

from polybench.data.images import read_image, read_mask
from polybench.data.sample import Decoded, Source


def sources(root: Path) -> list[Source]:
    folder = root / "CVC-ClinicDB"
    return [
        Source(str(k), "g", folder / "Original" / f"{k}.tif", (folder / "Ground Truth" / f"{k}.tif",))
        for k in range(1, 5)
    ]


def decode(source: Source) -> Decoded:
    return Decoded(read_image(source.image), read_mask(source.masks[0]))
