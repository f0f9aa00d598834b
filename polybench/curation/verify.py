"""Verification of a copy: inspect every file, collect statistics, and report each defect."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from polybench.core.checksum import file_sha256
from polybench.core.errors import DataError
from polybench.curation.inspection import Finding
from polybench.curation.tally import Tally
from polybench.curation.verification import Verification
from polybench.data.card import SYNTHETIC_MARKER
from polybench.data.copy_reading import SourceReading, coding_notes, coding_problems, decode_observed, peaks_of
from polybench.data.decoding import FileError, open_image
from polybench.data.listing import left_out_words
from polybench.data.manifest import manifest_sha256, same_id
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import split_folder
from polybench.data.progress import progress
from polybench.data.sample import Source
from polybench.data.splits import SUBSETS, Split, Subset, join
from polybench.data.unread import NAMED, left_out_beside, unread_files, unread_notes, unreadable_images
from polybench.data.value_range import range_note, range_problem
from polybench.results.facts import UNCHECKED


def verify(data: SegmentationDataModule, lists: Sequence[Split] = ()) -> Verification:
    """Inspect every file of a copy of a dataset.

    Args:
        data: The data module, created with `on_error="skip"` so that one broken file doesn't hide the next.
        lists: Further lists of the dataset, with images that are also verified; none by default.

    Raises:
        DataError: If there is no copy, or its layout is wrong.
    """
    data.problems.clear()
    split, data = data.split, data.with_split(join([data.split, *lists]))
    sources = data.sources()
    present = [source.id for source in sources]
    found = Verification(images=len(sources), groups=len({source.group for source in sources}))
    found.subsets.update(split.subsets[image_id] for image_id in present if image_id in split.subsets)
    found.defects += [Finding("layout", problem) for problem in (*data.problems, *same_id(sources))]
    if any((folder / SYNTHETIC_MARKER).is_file() for folder in data.directories):
        found.notes.append(f"Generated images, none of them real, as '{SYNTHETIC_MARKER}' says.")
    tally = Tally(objects=data.shows_instances)
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
        (folder / name).relative_to(data.directory).as_posix()
        for folder in data.directories
        for name in unread_files(folder, [*sources, *data.doubles])
        if not name.endswith(".csv") or file_sha256(folder / name) != split.sha256
    ]
    found.defects += [Finding("decode", text) for text in unreadable_images(data.directory, found.unread)]
    found.left_out = left_out_words(left_out_beside([*sources, *data.doubles], data.unread_official))
    found.notes += tally.notes() + unread_notes(found.unread)
    return found


def _compare_readings(readings: Mapping[str, SourceReading], bits: int | None, found: Verification) -> None:
    """Report an inconsistent coding of masks, or an unknown range of images."""
    peaks = peaks_of(readings)
    out_of_range = range_problem(peaks, bits, "--bits")
    found.defects += [Finding("coding", text) for text in coding_problems(readings)]
    found.defects += [Finding("range", out_of_range)] if out_of_range else []
    notes = [*coding_notes(readings), *range_note(peaks, bits)]
    found.notes += [f"{note[0].upper()}{note[1:]}." for note in notes]


def _undecoded(source: Source, problem: DataError) -> Iterable[Finding]:
    """Report every file of a source that can't be read, or the problem itself."""
    problems = []
    for path in source.files:
        try:
            open_image(path, source.page)
        except DataError as error:
            problems.append(error)
    found = {str(error): error.kind if isinstance(error, FileError) else "decode" for error in problems or [problem]}
    return [Finding(kind, text) for text, kind in found.items()]


def _duplicates(tally: Tally, subsets: Mapping[str, Subset], found: Verification) -> list[Finding]:
    """Report equal images with different masks as defects, and other duplicates of images and masks as notes."""
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
            f"{sum(map(len, shared))} images share their mask with another image, such as {_listed(shared[0])}."
        )
    return defects


def _compare(
    data: SegmentationDataModule, present: Sequence[str], sizes: list[tuple[int, int]], found: Verification
) -> None:
    """Report differences of the copy from the split's list and from the official copy."""
    split, here, card = data.split, set(present), data.official_card()
    listed = split.subsets.keys() | split.unused
    found.missing = [image_id for image_id in split.subsets if image_id not in here]
    found.unlisted = [image_id for image_id in present if image_id not in listed]
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
    """Report whether a copy with the official counts and sizes has the official content."""
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
