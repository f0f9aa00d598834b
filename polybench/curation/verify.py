"""Verification: look at every file of a copy, count and compare, and name each defect."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from polybench.core.checksum import file_sha256
from polybench.core.errors import DataError
from polybench.curation.inspection import Finding, Kind, Look, MaskLook, look_at_image, look_at_mask
from polybench.data.card import SYNTHETIC_MARKER
from polybench.data.copy_reading import SourceReading, coding_notes, coding_problems, decode_observed, peaks_of
from polybench.data.decoding import FileError, open_image
from polybench.data.images import UInt8Array, pixels_sha256
from polybench.data.listing import left_out_words
from polybench.data.manifest import manifest_sha256, same_id
from polybench.data.mask_coding import AMBIGUOUS
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import split_folder
from polybench.data.progress import progress
from polybench.data.sample import Decoded, Source
from polybench.data.splits import SUBSETS, Split, Subset, join
from polybench.data.unread import NAMED, left_out_beside, unread_files, unread_notes, unreadable_images
from polybench.data.value_range import range_note, range_problem
from polybench.results.facts import UNCHECKED


@dataclass
class Verification:
    """What was found in a copy.

    Attributes:
        images: Images with a mask.
        decoded: How many of them could be read.
        groups: Different groups among them.
        subsets: Subset of the split -> images of it that are here.
        sizes: Native size (height, width) -> images.
        objects: Objects in all images; None where they are not told apart.
        foreground: Mean share of foreground in a mask.
        empty_masks: Masks without foreground.
        full_masks: Masks without background.
        ambiguous: Share of all mask pixels whose grey level is ambiguous.
        mask_levels: Grey level -> pixels of all masks.
        field_of_view: Mean share of valid pixels; None where every pixel is.
        manifest_sha256: Hash of the content; None if a file can't be read.
        official_copy: Whether the copy is known to be the official one.
        missing: Images of the split, or of all lists that were asked for, that are not here.
        unlisted: Images here that no such list names.
        equal_images: Images of the same pixels, by twos or more.
        equal_masks: Different images that have the same mask, by twos or more.
        unread: Files that belong to no image.
        left_out: What lies in the folders of images and masks and belongs to no image, counted by reason.
        defects: What is wrong with the copy.
        notes: What is worth knowing and is handled, one sentence each.
    """

    images: int
    decoded: int = 0
    groups: int = 0
    subsets: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    objects: int | None = None
    foreground: float = 0.0
    empty_masks: int = 0
    full_masks: int = 0
    ambiguous: float = 0.0
    mask_levels: dict[int, int] = field(default_factory=dict)
    field_of_view: float | None = None
    manifest_sha256: str | None = None
    official_copy: bool = False
    missing: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    equal_images: list[list[str]] = field(default_factory=list)
    equal_masks: list[list[str]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    left_out: str = ""
    defects: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(data: SegmentationDataModule, lists: Sequence[Split] = ()) -> Verification:
    """Look at every file of a dataset's copy.

    Args:
        data: The data module, made with `on_error="skip"` so that one broken file doesn't hide the next.
        lists: Further lists of the dataset, whose images are looked at as well: another list may be of other images.

    Raises:
        DataError: If there is no copy, or its layout is not the dataset's.
    """
    data.problems.clear()
    split, data = data.split, data.with_split(join([data.split, *lists]))
    sources = data.sources()
    present = [source.id for source in sources]
    found = Verification(images=len(sources), groups=len({source.group for source in sources}))
    found.subsets.update(split.subsets[image_id] for image_id in present if image_id in split.subsets)
    found.defects += [Finding("layout", problem) for problem in (*data.problems, *same_id(sources))]
    if (data.directory / SYNTHETIC_MARKER).is_file():
        found.notes.append(f"Generated images, none of them real, as '{SYNTHETIC_MARKER}' says.")
    tally = _Tally(objects=data.shows_instances)
    readings: dict[str, SourceReading] = {}
    for source in progress(sources, "Decoding"):
        try:
            decoded, readings[source.id] = decode_observed(data.decode, source)
            tally.add(source, decoded)
        except DataError as error:
            found.defects += _undecoded(source, error)
    tally.summarise(found)
    _compare_readings(readings, data.bits, found)
    found.defects += tally.defects + _duplicates(tally, split.subsets, found)
    if tally.native_sizes and len(tally.native_sizes) == len(sources):
        found.manifest_sha256 = manifest_sha256(sources, data.cache_dir)
    _compare(data, present, tally.native_sizes, found)
    found.unread = [
        name
        for name in unread_files(data.directory, sources)
        if not name.endswith(".csv") or file_sha256(data.directory / name) != split.sha256
    ]
    found.defects += [Finding("decode", text) for text in unreadable_images(data.directory, found.unread)]
    found.left_out = left_out_words(left_out_beside(sources, data.unread_official))
    found.notes += tally.notes() + unread_notes(found.unread)
    return found


class _Tally:
    """Adds up what the images of a copy show.

    Args:
        objects: Whether each object has a mask file of its own.
    """

    def __init__(self, *, objects: bool) -> None:
        self.masks_are_objects = objects
        self.native_sizes: list[tuple[int, int]] = []
        self.shares: list[float] = []
        self.valid_shares: list[float] = []
        self.objects: list[int] = []
        self.levels = np.zeros(256, np.int64)
        self.outside = 0
        self.same_image: dict[str, list[str]] = defaultdict(list)
        self.mask_of: dict[str, str] = {}
        self.files: dict[tuple[Path, int | None], str] = {}
        self.traits: Counter[tuple[str, str]] = Counter()
        self.defects: list[Finding] = []

    def add(self, source: Source, decoded: Decoded) -> None:
        """Add an image."""
        self._note("image(s)", look_at_image(source.image, source.page, decoded.image))
        drawn = np.zeros(decoded.mask.shape, np.uint16)
        for path in source.masks:
            look = look_at_mask(path, source.page)
            self._note("mask(s)", look)
            self.levels += look.levels
            drawn += look.foreground
            if self.masks_are_objects and not look.foreground.any():
                self._add_defect("objects", f"The mask '{path}' of an object is empty")
        self.native_sizes.append((decoded.mask.shape[0], decoded.mask.shape[1]))
        self.shares.append(float(decoded.mask.mean()))
        if decoded.valid is not None:
            self._add_valid(source, decoded.mask, decoded.valid)
        if decoded.objects is not None:
            self.objects.append(decoded.objects)
        if (shared := np.count_nonzero(drawn > 1)) > 0:
            self._add_defect("objects", f"Masks of image '{source.id}' overlap in {shared} pixel(s)")
        if (decoded.image == decoded.image[0, 0]).all() and decoded.mask.any():
            self._add_defect("blank", f"The image '{source.image}' is of one colour, but its mask shows something")
        self._compare_files(source)
        self.same_image[pixels_sha256(decoded.image)].append(source.id)
        self.mask_of[source.id] = pixels_sha256(decoded.mask)

    def _note(self, what: str, look: Look | MaskLook) -> None:
        self.traits.update((trait, what) for trait in look.traits)
        self.defects += look.defects

    def _add_defect(self, kind: Kind, finding: str) -> None:
        self.defects.append(Finding(kind, f"{finding}: replace the wrong file."))

    def _add_valid(self, source: Source, mask: UInt8Array, valid: UInt8Array) -> None:
        self.valid_shares.append(float(valid.mean()))
        self.outside += int(np.count_nonzero(mask & ~valid & 1))
        if not valid.any():
            self._add_defect("view", f"The field of view of '{source.image}' is empty")

    def _compare_files(self, source: Source) -> None:
        for path in source.files[: 1 + len(source.masks)]:
            key = (path.resolve(), source.page)
            if key in self.files:
                other = f"of image '{self.files[key]}' " if self.files[key] != source.id else ""
                self._add_defect("duplicate", f"'{path}' of image '{source.id}' is the same file as another {other}")
            self.files.setdefault(key, source.id)

    def summarise(self, found: Verification) -> None:
        """Write the sums down."""
        found.decoded = len(self.native_sizes)
        found.sizes = Counter(self.native_sizes)
        found.objects = sum(self.objects) if self.objects else None
        found.foreground = float(np.mean(self.shares)) if self.shares else 0.0
        found.empty_masks = sum(share == 0 for share in self.shares)
        found.full_masks = sum(share == 1 for share in self.shares)
        grey = self.levels[AMBIGUOUS[0] + 1 : AMBIGUOUS[1]].sum()
        found.ambiguous = float(grey / max(1, self.levels.sum()))
        found.mask_levels = {level: count for level, count in enumerate(self.levels.tolist()) if count}
        found.field_of_view = float(np.mean(self.valid_shares)) if self.valid_shares else None

    def notes(self) -> list[str]:
        """Files that are read in a way of their own, and truth outside the field of view."""
        notes = [f"{count} {what} {trait}." for (trait, what), count in sorted(self.traits.items())]
        if self.outside:
            notes.append(f"{self.outside} foreground pixel(s) lie outside the field of view.")
        levels = np.flatnonzero(self.levels).tolist()
        if 2 < len(levels) <= 16:
            shown = ", ".join(map(str, levels))
            notes.append(f"Masks have the grey levels {shown}, as classes have; those above 127 are foreground.")
        return notes


def _compare_readings(readings: Mapping[str, SourceReading], bits: int | None, found: Verification) -> None:
    """Say whether all masks are coded in one way, and whether the range of the images' values is known."""
    peaks = peaks_of(readings)
    out_of_range = range_problem(peaks, bits, "--bits")
    found.defects += [Finding("coding", text) for text in coding_problems(readings)]
    found.defects += [Finding("range", out_of_range)] if out_of_range else []
    notes = [*coding_notes(readings), *range_note(peaks, bits)]
    found.notes += [f"{note[0].upper()}{note[1:]}." for note in notes]


def _undecoded(source: Source, problem: DataError) -> Iterable[Finding]:
    """Every file of a source that can't be read, or what else is the problem."""
    problems = []
    for path in source.files:
        try:
            open_image(path, source.page)
        except DataError as error:
            problems.append(error)
    found = {str(error): error.kind if isinstance(error, FileError) else "decode" for error in problems or [problem]}
    return [Finding(kind, text) for text, kind in found.items()]


def _duplicates(tally: _Tally, subsets: Mapping[str, Subset], found: Verification) -> list[Finding]:
    """Defects where equal images have unequal masks; notes where an image or a mask is there twice."""
    defects = []
    twins: dict[str, list[str]] = defaultdict(list)
    for ids in tally.same_image.values():
        if len(ids) == 1:
            twins[tally.mask_of[ids[0]]].append(ids[0])
            continue
        found.equal_images.append(ids)
        if len({tally.mask_of[image_id] for image_id in ids}) > 1:
            defects.append(Finding("duplicate", f"Equal images have different masks: {_listed(ids)}: keep one."))
        else:
            homes = sorted({subsets[image_id] for image_id in ids if image_id in subsets}, key=SUBSETS.index)
            leak = f", in {' and '.join(homes)}: the split LEAKS" if len(homes) > 1 else ""
            found.notes.append(f"The same image and mask: {_listed(ids)}{leak}.")
    found.equal_masks = shared = [ids for ids in twins.values() if len(ids) > 1]
    if shared:
        found.notes.append(
            f"{sum(map(len, shared))} images have the mask of another one, such as {_listed(shared[0])}."
        )
    return defects


def _compare(
    data: SegmentationDataModule, present: Sequence[str], sizes: list[tuple[int, int]], found: Verification
) -> None:
    """Say how the copy differs from the split's list and from the official copy."""
    split, here, card = data.split, set(present), data.official_card()
    found.missing = [image_id for image_id in split.subsets if image_id not in here]
    found.unlisted = [image_id for image_id in present if image_id not in split.subsets]
    texts = []
    if found.missing:
        total, lost, of = len(split.subsets), len(found.missing), f"image(s) of split '{split.name}'"
        texts.append(f"{total - lost} of {total} images: it lacks {lost} {of}: {_listed(found.missing)}")
    if found.unlisted:
        texts.append(
            f"{len(found.unlisted)} image(s) that split '{split.name}' does not list: {_listed(found.unlisted)}"
        )
    own_list = all((split_folder(type(data)) / f"{name}.csv").is_file() for name in split.name.split("+"))
    if not own_list and card.images not in {None, len(present)}:
        texts.append(f"{len(present)} of the {card.images} images of the official copy")
    texts += replace(card, images=None).differences(sizes)
    found.defects += [Finding("official", f"{text[0].upper()}{text[1:]}.") for text in texts]
    if not texts and found.manifest_sha256 is not None:
        _compare_content(data, sizes, found.manifest_sha256, found)


def _compare_content(
    data: SegmentationDataModule, sizes: list[tuple[int, int]], manifest: str, found: Verification
) -> None:
    """Say whether a copy that agrees in counts and sizes has the official content."""
    notes = data.differences_from_official(sizes, manifest)
    found.official_copy = not notes
    if not notes:
        found.notes.append("This is the official copy, by the hash of its content.")
    elif notes == [UNCHECKED]:
        found.notes.append(f"{UNCHECKED[0].upper()}{UNCHECKED[1:]}.")
    elif not data.is_generated() and data.card.images is not None:
        found.defects += [Finding("official", f"{text[0].upper()}{text[1:]}.") for text in notes]


def _listed(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more
