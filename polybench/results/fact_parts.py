"""Parts of the facts of a record: crops, folds, and the identity that folds share."""

from dataclasses import dataclass

SELECTS_ON_TEST = "selects_on_test"
"""How the name of a split begins whose validation images are its test images."""


@dataclass(frozen=True)
class CropFacts:
    """How crops of `DatasetFacts.size` were drawn, and how whole frames were evaluated by tiles of that size.

    Attributes:
        scale: Scale of the frames, 1 for native pixels.
        foreground: Probability that a crop was centred on a foreground pixel.
        in_view: Least share of a crop inside the field of view.
        per_image: Crops of each image and epoch.
        overlap: Least overlap of neighbouring tiles, pixels.
    """

    scale: float
    foreground: float
    in_view: float
    per_image: int
    overlap: int


@dataclass(frozen=True)
class FoldFacts:
    """Which of several folds a split is; together they test each image once.

    Attributes:
        number: Its number, counted from 1.
        of: How many folds there are.
        lists_sha256: Hash of the lists of all folds.
    """

    number: int
    of: int
    lists_sha256: str


@dataclass(frozen=True)
class FoldsIdentity:
    """What the folds of one row share: hashes that do not depend on which of the folds is tested.

    Attributes:
        training_id: As that of `IdentityFacts`, with all lists of the folds in place of the split.
        evaluation_id: As that of `IdentityFacts`, without the test patches.
    """

    training_id: str
    evaluation_id: str
