"""Layouts of the generated datasets: the selected images and their writer.

Images of one group show the same polyp, lesion or person. Groups have the same names in all datasets, so shared images
are the same here as in reality: those of CVC-ClinicDB, CVC-EndoSceneStill and PraNet's benchmark, of
CVC-300 and CVC-EndoSceneStill, and of both ISIC datasets.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.data.card import SYNTHETIC_MARKER
from polybench.data.module import SegmentationDataModule
from polybench.data.pooled import PooledDataModule
from polybench.synth import pairs, writers
from polybench.synth.files import Size
from polybench.synth.frames import Frame, first, listed, polyp_frames, spread

Module = type[SegmentationDataModule]


@dataclass(frozen=True)
class Layout:
    """Selection and writer of a dataset.

    Attributes:
        write: Writes frames below the dataset's own folder, from a seed and a size (height, width), or None for the
            official one.
        choose: Selects a number of frames.
    """

    write: Callable[[Path, Iterable[Frame], int, Size | None], None]
    choose: Callable[[Module, int], Sequence[Frame]] = spread


def _pranet_frames(module: Module, n: int) -> list[Frame]:
    """Select frames of the default list, and the same number of test images of each other list."""
    folders: Mapping[str, str] = vars(module)["test_folders"]
    frames = spread(module, n)
    count = sum(frame.subset == "test" for frame in frames)
    for split in folders:
        if split != module.default_split:
            frames += [frame for frame in listed(module, split) if frame.subset == "test"][:count]
    return [replace(frame, folder=folders[frame.part]) if frame.subset == "test" else frame for frame in frames]


def _own_frames(module: Module, n: int) -> Sequence[Frame]:
    """Create frames without a list."""
    return polyp_frames(n)


LAYOUTS = {
    "chase": Layout(writers.write_chase),
    "clinicdb": Layout(pairs.CLINICDB.write_all),
    "colondb": Layout(pairs.COLONDB.write_all),
    "colondb300": Layout(pairs.ENDOSCENESTILL["CVC-300"].write_all),
    "cvc300": Layout(pairs.CVC300.write_all),
    "drive": Layout(writers.write_drive),
    "dsb2018": Layout(writers.write_dsb2018),
    "em": Layout(writers.write_em, first),
    "endoscenestill": Layout(writers.write_endoscenestill),
    "etis": Layout(pairs.ETIS.write_all),
    "folder": Layout(pairs.FOLDER.write_all, _own_frames),
    "isic2016": Layout(pairs.ISIC2016.write_all),
    "isic2018": Layout(pairs.ISIC2018.write_all),
    "kvasir_seg": Layout(writers.write_kvasir),
    "ph2": Layout(pairs.PH2.write_all),
    "pranet": Layout(writers.write_pranet, _pranet_frames),
    "synthetic_polyp": Layout(writers.write_synthetic_polyp, first),
}
"""Short name of a dataset -> its layout; see `layout_of` for a pool."""


def layout_of(module: Module) -> Layout:
    """Return a dataset's layout; in a pool each member's frames are in the member's own layout and folder."""
    return Layout(partial(_write_pool, module)) if issubclass(module, PooledDataModule) else LAYOUTS[module.short_name]


def _write_pool(
    module: type[PooledDataModule], folder: Path, frames: Iterable[Frame], seed: int, size: Size | None
) -> None:
    """Write the frames of a pool, in the order of its list, with a note in the folder of each member."""
    for name, of_member in groupby(frames, key=lambda frame: frame.id.partition("/")[0]):
        member = module.members[name]
        own = (replace(frame, id=frame.id.partition("/")[2]) for frame in of_member)
        layout_of(member).write(folder / member.folder, own, seed, size)
        note = f"SYNTHETIC IMAGES, none of them real: see {SYNTHETIC_MARKER} in the folder above.\n"
        atomic_write_text(folder / member.folder / SYNTHETIC_MARKER, note)
