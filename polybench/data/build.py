"""Construction of caches: decode and resize every image once, resumably, and rename the complete cache into place."""

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock

from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.core.errors import DataError
from polybench.core.leftovers import sweep
from polybench.data.cache import VERSION, ImageCache, Shape, cache_path
from polybench.data.copy_reading import Decode, SourceReading, copy_notes, copy_problems, decode_observed
from polybench.data.decoding import ReadError
from polybench.data.fitting import STRETCH, Fitting
from polybench.data.images import UInt8Array, UInt16Array
from polybench.data.manifest import manifest_sha256
from polybench.data.progress import progress
from polybench.data.sample import Decoded, Source

STREAMS = ("images.bin", "masks.bin", "native_masks.bin", "valids.bin", "native_valids.bin", "native_labels.bin")
JOURNAL = "journal.jsonl"
CHECKED = "checked.json"
"""File with the size and times of each array at its last checksum."""


@dataclass(frozen=True)
class Entry:
    """A line of the journal: bytes that one source added to each stream, or the reason why it was skipped."""

    id: str
    skipped: str | None = None
    native_size: tuple[int, int] = (0, 0)
    objects: int | None = None
    has_valid: bool = False
    has_labels: bool = False
    lengths: tuple[int, ...] = (0,) * len(STREAMS)
    checksums: tuple[int, ...] = (0,) * len(STREAMS)
    reading: SourceReading = field(default_factory=SourceReading)


def build_cache(
    sources: Sequence[Source],
    size: tuple[int, int] | None,
    decode: Decode,
    folder: Path,
    *,
    rule: str = "",
    bits: int | None = None,
    skip_broken: bool = False,
    fitting: Fitting = STRETCH,
) -> ImageCache:
    """Open the cache of some sources at a size; build it first if it is missing or damaged.

    A build that was killed is continued where it stopped, from a journal of images with checksums.

    Args:
        sources: The images, in the order of the cache.
        size: Height and width of the network's input, pixels; None keeps every image at its native size.
        decode: Decodes one source.
        folder: Folder of all caches.
        rule: Name of the decoding rule; each rule has its own cache.
        bits: Number of significant bits of images of more than 8; None if it isn't stated.
        skip_broken: Skip files that can't be decoded and store the reason, instead of raising an error.
        fitting: How images are fitted to the size; images at native size are not.

    Raises:
        DataError: If a file can't be decoded, masks have two codings, the value range of images is unknown, or the
            cache can't be written; the file is named and nothing is left. After a `ReadError`, which is never skipped,
            the partial cache is kept.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = manifest_sha256(sources, folder)
        shape = Shape(size, fitting)
        target = cache_path(manifest, shape, folder, rule)
        for place in (folder, folder / "manifests", target):
            sweep(place)
        with FileLock(target.with_suffix(".lock")):
            if not is_intact(target) or _can_be_read_now(target, sources, decode):
                shutil.rmtree(target, ignore_errors=True)
                _build(sources, shape, decode, manifest, target, bits, skip_broken)
        cache = ImageCache(target)
    except OSError as error:
        if error.filename is not None and not str(error.filename).startswith(str(folder)):
            raise
        raise DataError(
            f"The cache can't be written to '{folder}' ({error.strerror}): free some space, or set the environment "
            "variable POLYBENCH_CACHE to another folder; the part that is built is kept."
        ) from error
    if cache.skipped and not skip_broken:
        raise DataError(next(iter(cache.skipped.values())))
    return cache


def is_intact(folder: Path) -> bool:
    """Whether a cache is complete: it has an index, and every array has the checksum in the index.

    Arrays are hashed only if their sizes or times have changed since the last time.
    """
    try:
        checksums = json.loads((folder / "index.json").read_text())["sha256"]
        stats = _stats(folder)
        if _checked(folder) == stats:
            return True
        if any(file_sha256(folder / name) != checksum for name, checksum in checksums.items()):
            return False
    except (OSError, ValueError, KeyError):
        return False
    with contextlib.suppress(OSError):  # the cache may be read-only
        atomic_write_text(folder / CHECKED, json.dumps(stats))
    return True


def _checked(folder: Path) -> Any:
    try:
        return json.loads((folder / CHECKED).read_text())
    except (OSError, ValueError):
        return None


def _stats(folder: Path) -> dict[str, list[int]]:
    found = {name: (folder / name).stat() for name in STREAMS}
    return {name: [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns] for name, stat in found.items()}


def _can_be_read_now(folder: Path, sources: Sequence[Source], decode: Decode) -> bool:
    """Whether an image that was skipped during the build can be decoded now."""
    skipped = ImageCache(folder).skipped
    for source in sources:
        if source.id in skipped:
            try:
                decode(source)
            except DataError as error:
                if isinstance(error, ReadError):
                    raise
            else:
                return True
    return False


def _build(
    sources: Sequence[Source],
    shape: Shape,
    decode: Decode,
    manifest: str,
    target: Path,
    bits: int | None,
    skip_broken: bool,
) -> None:
    partial = target.with_name(f".{target.name}.partial")
    partial.mkdir(exist_ok=True)
    try:
        entries = _resume(partial)
        label = f"Building cache {shape.name if shape.size else 'of native images'}"
        with ExitStack() as stack:
            streams = [stack.enter_context((partial / name).open("ab")) for name in STREAMS]
            journal = stack.enter_context((partial / JOURNAL).open("a", encoding="utf-8"))
            rest = sources[len(entries) :]
            for source in progress(rest, label):
                entry = _add(source, shape, decode, streams, skip_broken)
                journal.write(json.dumps(asdict(entry)) + "\n")
                journal.flush()
                entries.append(entry)
            for stream in streams:
                os.fsync(stream.fileno())
        _finish(partial, entries, shape, manifest, bits)
        partial.rename(target)
    except DataError as error:
        if not isinstance(error, ReadError):
            shutil.rmtree(partial, ignore_errors=True)
        raise


def _add(source: Source, shape: Shape, decode: Decode, streams: Sequence[BinaryIO], skip_broken: bool) -> Entry:
    try:
        decoded, reading = decode_observed(decode, source)
    except DataError as error:
        if not skip_broken or isinstance(error, ReadError):
            raise
        return Entry(source.id, skipped=str(error))
    parts = [np.ascontiguousarray(part).data.cast("B") for part in _arrays(decoded, shape)]
    for stream, part in zip(streams, parts, strict=True):
        stream.write(part)
        stream.flush()
    return Entry(
        id=source.id,
        native_size=(decoded.mask.shape[0], decoded.mask.shape[1]),
        objects=decoded.objects,
        has_valid=decoded.valid is not None,
        has_labels=decoded.labels is not None,
        lengths=tuple(len(part) for part in parts),
        checksums=tuple(zlib.crc32(part) for part in parts),
        reading=reading,
    )


def _arrays(decoded: Decoded, shape: Shape) -> list[UInt8Array | UInt16Array]:
    image, mask, valid, _, labels = decoded
    nothing = np.zeros(0, np.uint8)
    native = [np.packbits(mask), nothing if valid is None else np.packbits(valid)]
    if shape.size is not None:
        place = shape.fitting.placement((mask.shape[0], mask.shape[1]), shape.size)
        image, mask = place.image(image, shape.fitting.pad_value), place.mask(mask)
        valid = None if valid is None else place.mask(valid)
    return [
        image,
        mask,
        native[0],
        nothing if valid is None else valid,
        native[1],
        nothing if labels is None else labels,
    ]


def _resume(partial: Path) -> list[Entry]:
    """Continue an interrupted build: keep the entries with complete and correct bytes, truncate the rest."""
    entries: list[Entry] = []
    with ExitStack() as stack:
        streams = [stack.enter_context((partial / name).open("a+b")) for name in STREAMS]
        ends = [0] * len(STREAMS)
        for stream in streams:
            stream.seek(0)
        for entry in _journal(partial / JOURNAL):
            found = tuple(zlib.crc32(stream.read(n)) for stream, n in zip(streams, entry.lengths, strict=True))
            if entry.skipped is not None or found != entry.checksums:
                break
            entries.append(entry)
            ends = [end + n for end, n in zip(ends, entry.lengths, strict=True)]
        for stream, end in zip(streams, ends, strict=True):
            stream.truncate(end)
    atomic_write_text(partial / JOURNAL, "".join(json.dumps(asdict(entry)) + "\n" for entry in entries))
    return entries


def _journal(path: Path) -> list[Entry]:
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            fields: dict[str, Any] = json.loads(line)
            reading = SourceReading(**_with_tuples(fields.pop("reading")))
            entries.append(Entry(**_with_tuples(fields), reading=reading))
        except (ValueError, TypeError, KeyError):
            break
    return entries


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def _finish(partial: Path, entries: Sequence[Entry], shape: Shape, manifest: str, bits: int | None) -> None:
    kept = [entry for entry in entries if entry.skipped is None]
    if not kept:
        raise DataError(f"No image can be read; the first error: {next(e.skipped for e in entries if e.skipped)}")
    if len({entry.has_valid for entry in kept}) > 1:
        without = next(entry.id for entry in kept if not entry.has_valid)
        raise DataError(f"Image '{without}' has no field of view, but others have one: add its file.")
    readings = {entry.id: entry.reading for entry in kept}
    if problems := copy_problems(readings, bits):
        raise DataError(" ".join(problems))
    index = {
        "version": VERSION,
        "size": shape.size,
        "manifest_sha256": manifest,
        "ids": [entry.id for entry in kept],
        "native_sizes": [entry.native_size for entry in kept],
        "objects": [entry.objects for entry in kept],
        "skipped": {entry.id: entry.skipped for entry in entries if entry.skipped is not None},
        "has_valid": kept[0].has_valid,
        "has_labels": kept[0].has_labels,
        "notes": copy_notes(readings, bits),
        "sha256": {name: file_sha256(partial / name) for name in STREAMS},
    }
    if shape.size is not None:
        index |= shape.fitting.arguments
    (partial / JOURNAL).unlink()
    atomic_write_text(partial / CHECKED, json.dumps(_stats(partial)))
    atomic_write_text(partial / "index.json", json.dumps(index))
