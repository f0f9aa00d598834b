"""Statistics of the images and masks of a copy, collected file by file."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from polybench.curation.inspection import FileInspection, Finding, Kind, MaskInspection, inspect_image, inspect_mask
from polybench.curation.verification import Verification
from polybench.data.images import UInt8Array, pixels_sha256
from polybench.data.mask_coding import AMBIGUOUS
from polybench.data.sample import Decoded, Source


class Tally:
    """Statistics of the images and masks of a copy.

    Args:
        objects: Whether each object has its own mask file.
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
        self._note("image(s)", inspect_image(source.image, source.page, decoded.image))
        drawn = np.zeros(decoded.mask.shape, np.uint16)
        for path in source.masks:
            inspection = inspect_mask(path, source.page)
            self._note("mask(s)", inspection)
            self.levels += inspection.levels
            drawn += inspection.foreground
            if self.masks_are_objects and not inspection.foreground.any():
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
            self._add_defect("blank", f"The image '{source.image}' has a single colour, but its mask isn't empty")
        self._compare_files(source)
        self.same_image[pixels_sha256(decoded.image)].append(source.id)
        self.mask_of[source.id] = pixels_sha256(decoded.mask)

    def _note(self, what: str, inspection: FileInspection | MaskInspection) -> None:
        self.traits.update((trait, what) for trait in inspection.traits)
        self.defects += inspection.defects

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
        """Write the statistics to a verification."""
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
        """Return remarks on converted files, and on foreground outside the field of view."""
        notes = [f"{count} {what} {trait}." for (trait, what), count in sorted(self.traits.items())]
        if self.outside:
            notes.append(f"{self.outside} foreground pixel(s) lie outside the field of view.")
        levels = np.flatnonzero(self.levels).tolist()
        if 2 < len(levels) <= 16:
            shown = ", ".join(map(str, levels))
            notes.append(f"Masks have the grey levels {shown}, which may be classes; those above 127 are foreground.")
        return notes
