"""Selection of the ids of generated images among a dataset's own, so that its split lists apply."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from polybench.core.errors import ConfigError
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import open_split
from polybench.data.splits import Subset


@dataclass(frozen=True)
class Frame:
    """One image to generate.

    Attributes:
        id: Id in the split lists.
        subset: Training, validation or test.
        group: Video, person or lesion, which its images have in common.
        position: Its position in the list, from 0.
        folder: Folder of its test set, in a dataset that has several.
    """

    id: str
    subset: Subset
    group: str
    position: int
    folder: str = ""

    @property
    def part(self) -> str:
        """Part of an id before the slash, the folder or set of origin; empty where there is none."""
        return self.id.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The id without that part."""
        return self.id.rpartition("/")[2]

    @property
    def number(self) -> int:
        """The last number in the stem, the time of a video's frame; 0 where there is none."""
        return int((re.findall(r"\d+", self.stem) or ["0"])[-1])

    @property
    def scene(self) -> int:
        """A 32-bit number of the group, so that frames of one group show the same scene in every dataset."""
        return int.from_bytes(hashlib.blake2b(self.group.encode(), digest_size=4).digest(), "big")


def listed(module: type[SegmentationDataModule], split: str | None = None) -> list[Frame]:
    """List all images of a split list.

    Args:
        module: The dataset.
        split: Name of the list; None for that of the papers.
    """
    lists = open_split(module, split)
    entries = enumerate(lists.subsets.items())
    return [Frame(name, subset, lists.groups[name], place) for place, (name, subset) in entries]


def first(module: type[SegmentationDataModule], n: int) -> list[Frame]:
    """Return the first images of the list.

    Raises:
        ConfigError: If the dataset has fewer images.
    """
    frames = listed(module)
    _check(module, n, 1, len(frames))
    return frames[:n]


def spread(module: type[SegmentationDataModule], n: int) -> list[Frame]:
    """Select images of each subset and part in proportion, at least one of each, two at a time of each group.

    Raises:
        ConfigError: If the dataset has fewer images, or more parts.
    """
    place: Counter[str] = Counter()
    strata: dict[tuple[str, str], list[tuple[int, Frame]]] = {}
    for frame in listed(module):
        strata.setdefault((frame.part, frame.subset), []).append((place[frame.group] // 2, frame))
        place[frame.group] += 1
    _check(module, n, len(strata), place.total())
    dealt = []
    for entries in strata.values():
        by_pairs = [frame for _, frame in sorted(entries, key=lambda entry: entry[0])]
        dealt += [(number / len(by_pairs), frame) for number, frame in enumerate(by_pairs)]
    chosen = [frame for _, frame in sorted(dealt, key=lambda entry: entry[0])[:n]]
    return sorted(chosen, key=lambda frame: frame.position)


def _check(module: type[SegmentationDataModule], n: int, least: int, most: int) -> None:
    if not least <= n <= most:
        why = " (one of each part and subset)" if least > 1 else ""
        raise ConfigError(f"Of {module.short_name} {least}{why} to {most} images can be generated, not {n}.")


def polyp_frames(n: int, frames_per_polyp: int = 4) -> Sequence[Frame]:
    """Create images of a folder without a list: `polyp001_frame1` etc.

    Raises:
        ConfigError: If `n` is below 1.
    """
    if n < 1:
        raise ConfigError(f"At least 1 image can be generated, not {n}.")
    names = [divmod(number, frames_per_polyp) for number in range(n)]
    return [
        Frame(f"polyp{polyp + 1:03d}_frame{time + 1}", "train", f"folder/{polyp + 1}", place)
        for place, (polyp, time) in enumerate(names)
    ]
