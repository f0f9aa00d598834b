"""Draw a contact sheet of each dataset's generated images: `python tools/contact_sheet.py FOLDER`.

Each image stands there twice, as it is and with the outlines of its masks (yellow) and its field of view (blue), as the
dataset's own DataModule reads them.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from polybench.cli.data.modules import modules
from polybench.core.atomic import atomic_writer
from polybench.curation.make_split import make_split
from polybench.data.images import UInt8Array, read_mask
from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Source
from polybench.synth.dataset import write_dataset
from polybench.synth.frames import polyp_frames

MASK, FIELD_OF_VIEW = (255, 225, 0), (0, 120, 255)
CELL = (230, 300)
"""Height and width of a picture on the sheet, pixels."""
HEAD = 28


def outlined(image: UInt8Array, parts: Sequence[UInt8Array], colour: tuple[int, int, int]) -> UInt8Array:
    """Draw the inner edge of each mask (H, W) on an image (H, W, 3), as wide as the sheet shows it."""
    width = max(1, round(1.5 * image.shape[0] / CELL[0]))
    result = image.copy()
    for part in parts:
        inner = ndimage.binary_erosion(part, iterations=width, border_value=1)
        result[(part > 0) & ~inner] = colour
    return result


def pictures(data: SegmentationDataModule, source: Source) -> tuple[UInt8Array, UInt8Array]:
    """An image as it is, and with its outlines."""
    image, _, valid, *_ = data.decode(source)
    with_outlines = outlined(image, [read_mask(path, source.page) for path in source.masks], MASK)
    return image, with_outlines if valid is None else outlined(with_outlines, [valid], FIELD_OF_VIEW)


def sheet(title: str, pairs: Sequence[tuple[UInt8Array, UInt8Array]], columns: int = 3) -> Image.Image:
    """Lay pairs of pictures out, below a title."""
    height, width = CELL
    rows = -(-len(pairs) // columns)
    page = Image.new("RGB", (2 * columns * (width + 4), HEAD + rows * (height + 4)), "white")
    ImageDraw.Draw(page).text((6, 4), title, fill="black", font=ImageFont.load_default(size=18))
    for number, pair in enumerate(pairs):
        row, column = divmod(number, columns)
        for side, pixels in enumerate(pair):
            picture = Image.fromarray(pixels)
            picture.thumbnail((width, height), Image.Resampling.LANCZOS)
            page.paste(picture, ((2 * column + side) * (width + 4) + 2, HEAD + row * (height + 4)))
    return page


def draw(module: type[SegmentationDataModule], folder: Path, *, n: int, seed: int) -> Path:
    """Write a dataset's images to a temporary folder, read them as its DataModule does, and draw the sheet."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "data"
        write_dataset(module, root, n=n, seed=seed)
        split = None
        if not module.default_split:
            split = Path(name) / "split.csv"
            split.write_text(make_split([frame.id for frame in polyp_frames(n)]))
        data = module(root=str(root), split=None if split is None else str(split), allow_missing=True)
        pairs = [pictures(data, source) for source in data.sources()]
    path = folder / f"{module.short_name}.png"
    with atomic_writer(path) as file:
        title = f"SYNTHETIC, in the layout of {module.card.title}"
        sheet(title, pairs).save(file, format="PNG")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the sheets; returns 0."""
    parser = argparse.ArgumentParser(description="Draw a contact sheet of generated images for each dataset.")
    parser.add_argument("folder", type=Path, help="where the sheets go, <short name>.png")
    parser.add_argument("--names", nargs="+", choices=sorted(modules()), default=sorted(modules()), help="datasets")
    parser.add_argument("--n", type=int, default=12, help="images of each (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the generator (%(default)s)")
    options = parser.parse_args(arguments)
    for name in options.names:
        print(draw(modules()[name], options.folder, n=options.n, seed=options.seed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
