"""The result of verifying a copy of a dataset."""

from collections import Counter
from dataclasses import dataclass, field

from polybench.curation.inspection import Finding


@dataclass
class Verification:
    """Result of verifying a copy.

    Attributes:
        images: Images with a mask.
        decoded: Number of them that can be read.
        groups: Number of their groups.
        subsets: Subset of the split -> number of its images in the copy.
        sizes: Native size (height, width) -> images.
        objects: Number of objects; None where the dataset has no instances.
        foreground: Mean share of foreground in a mask.
        empty_masks: Masks without foreground.
        full_masks: Masks without background.
        ambiguous: Share of mask pixels with an ambiguous grey level.
        mask_levels: Grey level -> number of pixels in all masks.
        field_of_view: Mean share of valid pixels; None without fields of view.
        manifest_sha256: Hash of the content; None if a file can't be read.
        official_copy: Whether the copy is known to be the official one.
        missing: Images of the split, or of the requested lists, that are not in the copy.
        unlisted: Images of the copy that are not in these lists.
        equal_images: Sets of images with the same pixels.
        equal_masks: Sets of different images with the same mask.
        unread: Files that belong to no image.
        left_out: Numbers of files in the folders of images and masks that belong to no image, by reason.
        defects: Defects of the copy.
        notes: Remarks on properties that are handled, one sentence each.
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
