"""Writing of generated datasets in their true layout, with a note that they are generated."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import ConfigError, DataError
from polybench.data.card import SYNTHETIC_MARKER
from polybench.data.module import LARGEST_SIDE, SegmentationDataModule
from polybench.data.progress import progress
from polybench.synth.files import Size
from polybench.synth.intima_media import INTERFACES, NAME, REGIONS, write_regions
from polybench.synth.layouts import layout_of
from polybench.synth.whole_folder import whole_folder

VERSION = 1
"""Version of written datasets, increased with every change of a byte."""

REGIONS_VERSION = 1
"""The same of `write_intima_media`."""

_SMALLEST = 32
_TEXT = """\
SYNTHETIC IMAGES IN THE LAYOUT OF {title}

NO IMAGE HERE SHOWS A PATIENT, AND NONE COMES FROM A REAL DATASET. Each was drawn by polybench's generator; only the
names of files and folders, and the types of files, are those of the distribution. A score on these images says that a
program works. It says nothing about medicine.

dataset: {name}
generator version: {version}
images: {n}
seed: {seed}
size: {size}
"""


@dataclass(frozen=True)
class Written:
    """A written dataset.

    Attributes:
        folder: The dataset's own folder.
        subsets: Number of images in each subset of the default list; empty where there is no list.
        new: Whether it was written by this call; False if it existed.
    """

    folder: Path
    subsets: Counter[str]
    new: bool


def write_dataset(
    module: type[SegmentationDataModule], out: Path, *, n: int, seed: int = 0, size: Size | None = None
) -> Written:
    """Write generated images in the layout that the DataModule reads.

    The files appear at once or not at all, and their bytes depend only on dataset, `n`, `seed` and `size`. A folder
    with the same parameters is kept.

    Args:
        module: The dataset.
        out: The folder that will contain the dataset's own folder; for `FolderDataModule` that folder itself.
        n: Number of images; for PraNet's benchmark of the default list, with further test images for its other lists.
        seed: Seed of the generator; at least 0.
        size: Height and width of the images in pixels; None for the official or most common ones.

    Raises:
        ConfigError: If the dataset has fewer images, or seed or size is out of range.
        DataError: If the folder has other content.
    """
    _refuse(seed, size)
    layout = layout_of(module)
    frames = layout.choose(module, n)
    folder = (out / module.folder if module.default_split else out).resolve()
    subsets = Counter(str(frame.subset) for frame in frames[:n] if module.default_split)

    def write(unfinished: Path) -> None:
        layout.write(unfinished, progress(frames, f"Drawing {n} images"), seed, size)

    text = _text(module.card.title, module.short_name, VERSION, n, seed, size)
    return Written(folder, subsets, new=_write_whole(folder, text, write))


def write_intima_media(out: Path, *, n: int, seed: int = 0, size: Size | None = None) -> Written:
    """Write generated regions of an artery's wall, with known interfaces, as `write_dataset` writes images.

    The layout is that of `polybench.methods.finetuning.InterfaceDataModule`.

    Args:
        out: The folder that will contain the set's own folder.
        n: Number of regions, two of each subject.
        seed: Seed of the generator; at least 0.
        size: Height and width of the images, which have a margin of 16 pixels around the region; None for regions of
            the paper's size.

    Raises:
        ConfigError: If there are too few regions, or seed or size is out of range.
        DataError: If the folder has other content.
    """
    _refuse(seed, size)
    folder = (out / NAME).resolve()
    subsets = Counter("test" if place // REGIONS % 2 else "train" for place in range(n))
    title = f"A FOLDER OF REGIONS WITH INTERFACES ({', '.join(INTERFACES)})"
    text = _text(title, NAME, REGIONS_VERSION, n, seed, size)
    return Written(folder, subsets, new=_write_whole(folder, text, lambda to: write_regions(to, n, seed, size)))


def _refuse(seed: int, size: Size | None) -> None:
    if seed < 0:
        raise ConfigError(f"The seed must be at least 0, not {seed}.")
    if size is not None and not _SMALLEST <= min(size) <= max(size) <= LARGEST_SIDE:
        raise ConfigError(f"The size must be {_SMALLEST} to {LARGEST_SIDE} pixels each way, not {size[0]} {size[1]}.")


def _text(title: str, name: str, version: int, n: int, seed: int, size: Size | None) -> str:
    shown = f"{size[0]}x{size[1]}" if size else "that of the distribution"
    return _TEXT.format(title=title, name=name, version=version, n=n, seed=seed, size=shown)


def _write_whole(folder: Path, text: str, write: Callable[[Path], None]) -> bool:
    """Write a folder at once, with its note; False where it was there with the same parameters."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        _accept(folder, text)
        return False
    with whole_folder(folder, lambda: _accept(folder, text)) as unfinished:
        write(unfinished)
        atomic_write_text(unfinished / SYNTHETIC_MARKER, text)
    return True


def _accept(folder: Path, text: str) -> None:
    """Check that a folder was written with the same parameters."""
    try:
        found = (folder / SYNTHETIC_MARKER).read_text()
    except OSError:
        raise DataError(
            f"'{folder}' is not empty and has no {SYNTHETIC_MARKER}: choose another folder with --out; nothing was "
            "written."
        ) from None
    if found != text:
        raise DataError(
            f"'{folder}' holds synthetic images of another number, seed, size or version (see its "
            f"{SYNTHETIC_MARKER}): remove it or choose another folder with --out."
        )
