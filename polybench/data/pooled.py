"""Base DataModule of pools: several datasets below one root, in which every frame counts once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from polybench.core.errors import DataError
from polybench.core.wording import counted, listed
from polybench.data.card import SYNTHETIC_MARKER, Card
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import is_ours
from polybench.data.sample import Decoded, Source
from polybench.results.facts import GENERATED, UNCHECKED


class PooledDataModule(SegmentationDataModule):
    """Pool of several datasets, each in its own layout below one root.

    An id is the member's name and the image's id there, such as `kvasir/cju0u82z3cuma0835wlxrnrjv`. Each member reads
    its own files: its layout, its messages and its decoding are those of its data module. A frame that several members
    contain has one id (`frame_of`) and is read from the first of them.

    A subclass states `members`, `short_name`, `default_split` and `card`; where members share frames also `frame_of`,
    and `test_sets` for numbers of each set of a test. With `allow_missing`, members whose folders are not there are
    left out; without it, they are an error. All masks have one coding, as in any dataset, and either all members have
    a field of view or none.
    """

    folder = "."

    members: ClassVar[Mapping[str, type[SegmentationDataModule]]] = {}
    """First part of an id -> the dataset."""

    _homes: Mapping[str, tuple[SegmentationDataModule, Source]] = MappingProxyType({})
    _members_of: Mapping[str, list[str]] = MappingProxyType({})
    _made: Mapping[str, SegmentationDataModule] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Derive what depends on the members; a new version of one member's decoding raises that of the pool."""
        super().__init_subclass__(**kwargs)
        cls.decode_version = sum(member.decode_version for member in cls.members.values())
        patterns = [pattern for member in cls.members.values() for pattern in member.unread_official]
        cls.unread_official = tuple(dict.fromkeys(patterns))

    def frame_of(self, name: str) -> str:
        """Return the pool's id of an image, the same for all names of one frame.

        Args:
            name: The member's name and the image's id there.
        """
        return name

    @classmethod
    def official_folders(cls) -> tuple[str, ...]:
        """Folders of the members' official distributions."""
        return tuple(dict.fromkeys(member.folder for member in cls.members.values()))

    @property
    def directory(self) -> Path:
        """The root, which contains the folder of each member.

        Raises:
            DataError: If it contains none, or, without `allow_missing`, not all; they are named.
        """
        missing = self.missing_members()
        if missing and (not self.allow_missing or len(missing) == len(self.members)):
            raise DataError(self._missing_sentence(missing))
        return self.root

    @property
    def directories(self) -> list[Path]:
        """The members' own folders that are there."""
        return list(dict.fromkeys(member.directory for member in self._present().values()))

    def missing_members(self) -> list[str]:
        """Return the names of the members whose folders are not below the root."""
        return [name for name, cls in self.members.items() if not (self.root / cls.folder).is_dir()]

    def _missing_sentence(self, names: list[str]) -> str:
        classes = {self.members[name].folder: self.members[name] for name in names}
        folders = listed([f"'{folder}'" for folder in classes])
        commands = [f"`polybench data download {cls.short_name}`" for cls in classes.values() if is_ours(cls)]
        help_words = "downloads it or lists the steps" if len(commands) == 1 else "download them or list the steps"
        return (
            f"'{self.root}' lacks {folders} of the pool {self.short_name}: put {'it' if len(classes) == 1 else 'them'} "
            "there, or set the environment variable POLYBENCH_DATA (or --data.root) to the folder that contains all "
            f"members{f'; {listed(commands)} {help_words}' if commands else ''}; --data.allow_missing "
            "true goes on without."
        )

    def _present(self) -> dict[str, SegmentationDataModule]:
        """Create the data modules of the members that are there."""
        root, missing = str(self.directory), self.missing_members()
        return {
            name: cls(root=root, allow_missing=True, on_error=self.on_error, bits=self.bits)
            for name, cls in self.members.items()
            if name not in missing
        }

    def sources(self) -> list[Source]:
        """List the images of all members, each frame once; the group is that of the pool's split.

        Raises:
            DataError: If a member is not there or its layout is wrong; it is named.
        """
        found: dict[str, Source] = {}
        homes: dict[str, tuple[SegmentationDataModule, Source]] = {}
        members_of: dict[str, list[str]] = {}
        made, doubles = self._present(), []
        for name, member in made.items():
            for source in member.sources():
                frame = self.frame_of(f"{name}/{source.id}")
                members_of.setdefault(frame, []).append(name)
                if frame in found:
                    doubles.append(source)
                    continue
                found[frame] = replace(source, id=frame, group=self.split.groups.get(frame, source.group))
                homes[frame] = (member, source)
            self.problems += [text for text in member.problems if text not in self.problems]
            self._skipped_ids |= {self.frame_of(f"{name}/{image_id}") for image_id in member._skipped_ids}
        self.doubles = doubles
        self._homes, self._members_of, self._made = homes, members_of, made
        return list(found.values())

    def decode(self, source: Source) -> Decoded:
        """Decode an image as its member does, without instances."""
        if source.id not in self._homes:
            self.sources()
        member, own = self._homes[source.id]
        decoded = member.decode(own)
        return Decoded(decoded.image, decoded.mask, decoded.valid)

    def _log_reading(self) -> None:
        """Log the members that are left out and the frames that several members contain, too."""
        super()._log_reading()
        if missing := self.missing_members():
            rank_zero_warn(f"{self.short_name} without {', '.join(missing)}, as allow_missing permits.")
        if self.doubles:
            shared = sum(len(names) > 1 for names in self._members_of.values())
            rank_zero_info(f"{counted(shared, 'frame')} of several members count once in {self.short_name}.")

    def is_generated(self) -> bool:
        """Whether the images of a member are generated."""
        return any((folder / SYNTHETIC_MARKER).exists() for folder in self.directories)

    def official_card(self) -> Card:
        """Return the card of the images that the split lists."""
        return replace(self.card, images=len(self.split.subsets))

    def differences_from_official(self, native_sizes: list[tuple[int, int]], manifest_sha256: str) -> list[str]:
        """List the differences of each member from its official copy; the content of a pool is never checked.

        Args:
            native_sizes: Height and width of each image of the pool.
            manifest_sha256: Hash of its content.
        """
        notes = [GENERATED] if self.is_generated() else []
        notes += self.official_card().differences(native_sizes)
        notes += [f"without {self.members[name].card.title}" for name in self.missing_members()]
        for name, member in self._made.items() if self._cache is not None else ():
            frames = [frame for frame, names in self._members_of.items() if name in names]
            sizes = [native_sizes[self.cache.position[frame]] for frame in frames if frame in self.cache.position]
            notes += [f"{member.card.title}: {note}" for note in member.card.differences(sizes)]
        return notes or [UNCHECKED]
