"""What an audit of a dataset, committed beside its pages, says of a split: near-duplicates, and sizes of objects."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polybench.core.errors import DataError
from polybench.results.facts import DatasetFacts

FOLDER = "audits"
"""Folder of the audits in that of the leaderboards."""
NEAR = frozenset({"exact", "duplicate"})
"""Kinds of pairs that are near-duplicates; two frames of one scene are none."""


@dataclass(frozen=True)
class SplitAudit:
    """What an audit says of a split.

    Attributes:
        images: Images of the split in the copy, all of which were compared.
        near_duplicates: Ids of test images with a near-duplicate in training.
        size_cuts: Shares of the image from which its largest object is medium and from which it is large, terciles of
            the training part; None where the audit doesn't have them.
    """

    images: int
    near_duplicates: frozenset[str]
    size_cuts: tuple[float, float] | None


@dataclass(frozen=True)
class Audit:
    """An audit of a copy of a dataset.

    Attributes:
        manifest_sha256: Hash of the copy's content.
        splits: sha256 of a split's list -> what it says of that split.
    """

    manifest_sha256: str
    splits: Mapping[str, SplitAudit]

    def of(self, dataset: DatasetFacts) -> SplitAudit | None:
        """What it says of the images of a record; None for another copy or split, or where it read other images."""
        split = self.splits.get(dataset.split_sha256)
        counts = dataset.counts
        alike = split is not None and split.images == counts.train + counts.val + counts.test
        return split if alike and dataset.manifest_sha256 == self.manifest_sha256 else None


def read_audit(root: Path, dataset: str) -> Audit | None:
    """Read `root/audits/<dataset>.json` and `.csv`; None where one of them is not there.

    Args:
        root: The folder of the leaderboards.
        dataset: Its short name.

    Raises:
        DataError: If they are not what `polybench data audit` writes.
    """
    paths = [root / FOLDER / f"{dataset}{suffix}" for suffix in (".json", ".csv")]
    if not all(path.is_file() for path in paths):
        return None
    try:
        content = json.loads(paths[0].read_text(encoding="utf-8"))
        with paths[1].open(encoding="utf-8", newline="") as file:
            pairs = list(csv.DictReader(file))
        splits = {split["split_sha256"]: _split(split, pairs) for split in content["splits"]}
        return Audit(content["manifest_sha256"], splits)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"'{paths[0]}' or the CSV beside it is no audit as polybench writes it: restore both, or write them again "
            f"with `polybench data audit {dataset}`."
        ) from error


def _split(split: Mapping[str, Any], pairs: list[dict[str, str]]) -> SplitAudit:
    cuts = (split.get("object_sizes") or {}).get("cuts")  # audits of earlier versions have no sizes
    return SplitAudit(
        images=split["images"],
        near_duplicates=_near_duplicates(split["split"], pairs),
        size_cuts=None if cuts is None else (float(cuts[0]), float(cuts[1])),
    )


def _near_duplicates(split: str, pairs: list[dict[str, str]]) -> frozenset[str]:
    """Test images of the pairs between test and training."""
    found = set()
    for pair in pairs:
        subsets = pair[split].split("-")
        if pair["kind"] in NEAR and sorted(subsets) == ["test", "train"]:
            found.add(pair["first"] if subsets[0] == "test" else pair["second"])
    return frozenset(found)
