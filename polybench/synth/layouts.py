"""How each dataset is written: which of its images, and by what.

Images of one group show the same polyp, lesion or person. Groups have the same names in all datasets, so images that
are the same in reality are the same here: those of CVC-ClinicDB, CVC-EndoSceneStill and PraNet's arrangement, of
CVC-300 and CVC-EndoSceneStill, and of both ISIC sets.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from polybench.data.module import SegmentationDataModule
from polybench.synth import pairs, writers
from polybench.synth.files import Size
from polybench.synth.frames import Frame, first, listed, polyp_frames, spread

Module = type[SegmentationDataModule]


@dataclass(frozen=True)
class Layout:
    """How a dataset is written.

    Attributes:
        write: Writes frames below the dataset's own folder, from a seed, in a size (height, width) or the official one.
        choose: The frames of so many images.
    """

    write: Callable[[Path, Iterable[Frame], int, Size | None], None]
    choose: Callable[[Module, int], Sequence[Frame]] = spread


def _pranet_frames(module: Module, n: int) -> list[Frame]:
    """Frames of the default list, and of each other list as many test images as that has."""
    folders: Mapping[str, str] = vars(module)["test_folders"]
    frames = spread(module, n)
    count = sum(frame.subset == "test" for frame in frames)
    for split in folders:
        if split != module.default_split:
            frames += [frame for frame in listed(module, split) if frame.subset == "test"][:count]
    return [replace(frame, folder=folders[frame.part]) if frame.subset == "test" else frame for frame in frames]


def _own_frames(module: Module, n: int) -> Sequence[Frame]:
    """Frames that no list names."""
    return polyp_frames(n)


LAYOUTS = {
    "chase": Layout(writers.write_chase),
    "clinicdb": Layout(pairs.CLINICDB.write_all),
    "colondb": Layout(pairs.COLONDB.write_all),
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
"""By the dataset's short name."""
