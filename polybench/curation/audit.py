"""Audit of leaks: pairs of similar images, within and across the subsets and groups of a split."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polybench.core.errors import DataError
from polybench.curation.duplicates import KINDS, Fingerprint, Kind, Pair, Search, find_pairs, fingerprint
from polybench.curation.object_sizes import ObjectSizes, largest_share, object_sizes
from polybench.data.copy_reading import SourceReading, copy_problems, decode_observed
from polybench.data.decoding import ReadError
from polybench.data.manifest import manifest_sha256
from polybench.data.module import SegmentationDataModule
from polybench.data.progress import progress
from polybench.data.splits import SUBSETS, Split, Subset, crossing_groups, join


@dataclass(frozen=True)
class PlacedPair:
    """A pair of images in a split.

    Attributes:
        pair: The two images.
        subsets: Subsets of the first and the second image.
        groups: Groups of the first and the second image.
    """

    pair: Pair
    subsets: tuple[Subset, Subset]
    groups: tuple[str, str]


@dataclass(frozen=True)
class PairCount:
    """Number of pairs of one kind between two subsets, or within one.

    Attributes:
        subsets: Two subsets in the order train, val, test; the same twice for pairs within one.
        kind: Kind of the pairs.
        within_groups: Pairs of images of the same group.
        across_groups: Pairs of images of different groups.
    """

    subsets: tuple[Subset, Subset]
    kind: Kind
    within_groups: int
    across_groups: int


@dataclass(frozen=True)
class Leak:
    """Numbers of images of an evaluated subset that resemble training images.

    Attributes:
        subset: `val` or `test`.
        images: Its images.
        exact: Images with the same pixels in train.
        duplicate: Images with a near-duplicate in train, including exact ones.
        scene: Images with the same scene in train, including duplicates.
        group: Images of a group with images in train.
    """

    subset: Subset
    images: int
    exact: int
    duplicate: int
    scene: int
    group: int


@dataclass(frozen=True)
class AuditResult:
    """Result of the audit of a split.

    Attributes:
        images: Audited images of the split.
        subsets: Their subsets.
        groups: Their groups.
        crossing: Groups in more than one subset.
        leaks: Leaks of val and test, where they have images.
        counts: Numbers of pairs by subsets and kind, without zeros.
        pairs: All pairs, most certain first.
    """

    images: int
    subsets: frozenset[Subset]
    groups: int
    crossing: int
    leaks: tuple[Leak, ...]
    counts: tuple[PairCount, ...]
    pairs: tuple[PlacedPair, ...]


@dataclass(frozen=True)
class SplitAudit:
    """A split, the result of its audit, and the sizes of the objects in its training part."""

    split: Split
    result: AuditResult
    object_sizes: ObjectSizes


@dataclass(frozen=True)
class AuditReport:
    """Audit of a copy of a dataset under several splits.

    Attributes:
        dataset: Its short name.
        manifest_sha256: Hash of the copy's content.
        copy_notes: Differences from the official copy.
        images: Number of compared images.
        search: Similar images.
        splits: Audits of splits of the dataset.
    """

    dataset: str
    manifest_sha256: str
    copy_notes: tuple[str, ...]
    images: int
    search: Search
    splits: tuple[SplitAudit, ...]


@dataclass(frozen=True)
class ReportedPair:
    """A pair with its subsets in every split.

    Attributes:
        pair: The two images.
        groups: Groups of the first and the second image.
        subsets: Subsets of the two images in each split; None where an image is not in the split.
    """

    pair: Pair
    groups: tuple[str, str]
    subsets: tuple[tuple[Subset, Subset] | None, ...]


def audit_copy(data: SegmentationDataModule, splits: Sequence[Split]) -> AuditReport:
    """Search a copy of a dataset for similar images, and audit splits of it.

    Args:
        data: The data module; with `on_error="skip"`, unreadable images are left out and listed in its `problems`. The
            images of all splits are searched.
        splits: Splits of the dataset.

    Raises:
        DataError: If there is no copy, its layout is wrong, an image can't be read, or files have several codings.
    """
    data.problems.clear()
    data = data.with_split(join(splits))
    fingerprints: list[Fingerprint] = []
    sizes: list[tuple[int, int]] = []
    shares: dict[str, float] = {}
    readings: dict[str, SourceReading] = {}
    sources = data.sources()
    for source in progress(sources, "Decoding"):
        try:
            decoded, readings[source.id] = decode_observed(data.decode, source)
        except DataError as error:
            if isinstance(error, ReadError):
                raise
            data.report(str(error), source.id)
            continue
        fingerprints.append(fingerprint(source.id, decoded.image, decoded.mask))
        sizes.append((decoded.image.shape[0], decoded.image.shape[1]))
        shares[source.id] = largest_share(decoded.mask, decoded.valid)
    for problem in copy_problems(readings, data.bits):
        raise DataError(f"'{data.directory}': {problem}")
    search = find_pairs(fingerprints)
    manifest = manifest_sha256(sources, data.cache_dir)
    return AuditReport(
        dataset=data.short_name,
        manifest_sha256=manifest,
        copy_notes=tuple(data.differences_from_official(sizes, manifest)),
        images=len(fingerprints),
        search=search,
        splits=tuple(_split_audit(split, search, shares) for split in splits),
    )


def _split_audit(split: Split, search: Search, shares: Mapping[str, float]) -> SplitAudit:
    """Audit a split of searched images, whose largest objects cover these shares."""
    subsets = {image_id: split.subsets[image_id] for image_id in shares if image_id in split.subsets}
    return SplitAudit(split, audit(search, subsets, split.groups), object_sizes(shares, subsets))


def audit(search: Search, subsets: Mapping[str, Subset], groups: Mapping[str, str]) -> AuditResult:
    """Audit a split, given the pairs of a search.

    Args:
        search: Pairs among the images of a dataset.
        subsets: Image id -> subset, for every searched image of the split; pairs with other images are left out.
        groups: Image id -> group, for the same images.
    """
    placed = [
        PlacedPair(pair, (subsets[pair.first], subsets[pair.second]), (groups[pair.first], groups[pair.second]))
        for pair in search.pairs
        if pair.first in subsets and pair.second in subsets
    ]
    return AuditResult(
        images=len(subsets),
        subsets=frozenset(subsets.values()),
        groups=len({groups[image_id] for image_id in subsets}),
        crossing=crossing_groups(subsets, groups),
        leaks=_leaks(placed, subsets, groups),
        counts=_counts(placed),
        pairs=tuple(placed),
    )


def reported_pairs(report: AuditReport) -> list[ReportedPair]:
    """List all pairs in a split, worst first.

    Pairs across groups come first, since their images count as independent; then pairs across the subsets of a split;
    then the most certain pairs.
    """
    places: list[dict[Pair, PlacedPair]] = [{item.pair: item for item in split.result.pairs} for split in report.splits]
    rows = []
    for pair in report.search.pairs:
        found = [place.get(pair) for place in places]
        groups = next((item.groups for item in found if item), None)
        if groups is not None:
            rows.append(ReportedPair(pair, groups, tuple(item.subsets if item else None for item in found)))
    return sorted(
        rows,
        key=lambda row: (
            row.groups[0] == row.groups[1],
            all(places is None or places[0] == places[1] for places in row.subsets),
            KINDS.index(row.pair.kind),
            -row.pair.correlation,
        ),
    )


def _leaks(placed: list[PlacedPair], subsets: Mapping[str, Subset], groups: Mapping[str, str]) -> tuple[Leak, ...]:
    surest: dict[str, int] = {}
    for item in placed:
        rank = KINDS.index(item.pair.kind)
        for image_id, other in zip((item.pair.first, item.pair.second), reversed(item.subsets), strict=True):
            if other == "train":
                surest[image_id] = min(rank, surest.get(image_id, rank))
    trained = {groups[image_id] for image_id, subset in subsets.items() if subset == "train"}
    leaks = []
    for subset in SUBSETS[1:]:
        ids = [image_id for image_id, name in subsets.items() if name == subset]
        exact, duplicate, scene = (
            sum(surest.get(image_id, len(KINDS)) <= rank for image_id in ids) for rank in range(len(KINDS))
        )
        if ids:
            shared = sum(groups[image_id] in trained for image_id in ids)
            leaks.append(Leak(subset, len(ids), exact, duplicate, scene, shared))
    return tuple(leaks)


def _counts(placed: list[PlacedPair]) -> tuple[PairCount, ...]:
    tally: Counter[tuple[Subset, Subset, Kind, bool]] = Counter()
    for item in placed:
        first, second = min(item.subsets, key=SUBSETS.index), max(item.subsets, key=SUBSETS.index)
        tally[first, second, item.pair.kind, item.groups[0] != item.groups[1]] += 1
    keys = [(a, b, kind) for n, a in enumerate(SUBSETS) for b in SUBSETS[n:] for kind in KINDS]
    rows = (PairCount((a, b), kind, tally[a, b, kind, False], tally[a, b, kind, True]) for a, b, kind in keys)
    return tuple(row for row in rows if row.within_groups or row.across_groups)
