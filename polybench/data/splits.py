"""Split files: a CSV of id, subset and group with comment lines, hashed and validated when it is loaded.

An image that a list leaves out on purpose has the subset `unused`, since each image of a copy must be in its list.

A list of papers that select on what they report has no validation images and says `# selects_on_test: true`: its test
images are those of validation, too. Its name begins with `selects_on_test`, so that no page hides it.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args

from polybench.core.errors import ConfigError, DataError, did_you_mean
from polybench.core.wording import counted
from polybench.data.folds import fold_of
from polybench.results.fact_parts import SELECTS_ON_TEST, FoldFacts

Subset = Literal["train", "val", "test"]
SUBSETS: tuple[Subset, ...] = get_args(Subset)
UNUSED = "unused"
"""In the place of a subset: an image of the dataset that the list leaves out."""


@dataclass(frozen=True)
class Split:
    """Assignment of images to training, validation and test.

    Attributes:
        name: The file's stem.
        sha256: Hash of the file's bytes.
        subsets: Image id -> subset.
        groups: Image id -> group (video, patient, lesion); frames of a group are not independent.
        group_disjoint: Whether the file claims that no group is in two subsets; None where groups are unknown.
        note: Remark on the list for readers of the numbers.
        unused: Ids of images that the list leaves out on purpose.
        fold: Which fold of how many the list is; None where it is none.
        selects_on_test: Whether validation is on the test images, since the list has no others for it.
    """

    name: str
    sha256: str
    subsets: Mapping[str, Subset]
    groups: Mapping[str, str]
    group_disjoint: bool | None
    note: str
    unused: frozenset[str] = frozenset()
    fold: FoldFacts | None = None
    selects_on_test: bool = False

    def ids(self, subset: Subset) -> list[str]:
        """Return the ids of a subset, in the file's order."""
        listed = "test" if subset == "val" and self.selects_on_test else subset
        return [image_id for image_id, name in self.subsets.items() if name == listed]

    def present(self, subset: Subset, here: Collection[str], source: Path) -> list[str]:
        """Return the ids of a subset that are in a copy, in the file's order.

        Args:
            subset: The subset.
            here: Ids of the copy's images.
            source: Folder of the copy, for messages.

        Raises:
            ConfigError: If the list has no image of the subset.
            DataError: If the copy has none of them.
        """
        listed = self.ids(subset)
        if not listed:
            other = "use `polybench test` on it, or choose" if subset == "train" else "choose"
            raise ConfigError(f"Split '{self.name}' lists no image of '{subset}': {other} another with --data.split.")
        found = [image_id for image_id in listed if image_id in here]
        if not found:
            raise DataError(
                f"'{source}' has none of the {counted(len(listed), 'image')} of '{subset}' in split '{self.name}': "
                "add them, or choose another split."
            )
        return found

    @property
    def crossing(self) -> int:
        """Number of groups in more than one subset."""
        return crossing_groups(self.subsets, self.groups)

    def cover(self, present: Collection[str], *, allow_missing: bool, source: Path) -> list[str]:
        """Compare the list with a copy.

        Args:
            present: Ids of the copy's images.
            allow_missing: Accept a copy that lacks images of the list.
            source: Folder of the copy, for messages.

        Returns:
            The ids that the copy lacks.

        Raises:
            DataError: If images are missing and that is not allowed, or the copy has images that the list lacks.
        """
        unknown = [image_id for image_id in present if image_id not in self.subsets and image_id not in self.unused]
        if unknown:
            raise DataError(
                f"'{source}' has {counted(len(unknown), 'image')} that split '{self.name}' does not list, "
                f"'{unknown[0]}' first: remove them or choose a split made for this copy."
            )
        here = set(present)
        missing = [image_id for image_id in self.subsets if image_id not in here]
        if missing and not allow_missing:
            raise DataError(
                f"'{source}' lacks {counted(len(missing), 'image')} of split '{self.name}': {', '.join(missing[:5])}"
                f"{', …' if len(missing) > 5 else ''}. Add them, or set --data.allow_missing true, which "
                "the record states."
            )
        return missing


def crossing_groups(subsets: Mapping[str, Subset], groups: Mapping[str, str]) -> int:
    """Count the groups in more than one subset.

    Args:
        subsets: Image id -> subset.
        groups: Image id -> group, for the same images at least.
    """
    pairs = {(groups[image_id], subset) for image_id, subset in subsets.items()}
    return sum(n > 1 for n in Counter(group for group, _ in pairs).values())


def join(splits: Sequence[Split]) -> Split:
    """Join several lists of a dataset: the first one, and the further images of the others."""
    joined = splits[0]
    for other in splits[1:]:
        if other.subsets.keys() - joined.subsets.keys():
            subsets = {**other.subsets, **joined.subsets}
            joined = replace(
                joined,
                name=f"{joined.name}+{other.name}",
                unused=(joined.unused | other.unused) - subsets.keys(),
                fold=None,
                subsets=subsets,
                groups={**other.groups, **joined.groups},
            )
    return joined


def load_split(folder: Path, name: str) -> Split:
    """Read and validate `folder/name.csv`, or the file at the path `name`.

    Raises:
        ConfigError: If there is no such split; the nearest is suggested.
        DataError: If the file is not a valid list, or claims to be group-disjoint and isn't.
    """
    path = Path(name) if name.endswith(".csv") else folder / f"{name}.csv"
    if name.endswith(".csv") and not path.is_file():
        raise ConfigError(f"There is no split file '{name}': check the path, or write one with `polybench data split`.")
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.csv"))
        if not known:
            raise ConfigError(
                f"There is no split '{name}', since '{folder}' has no list: put one there, or give the path of "
                "a CSV, which `polybench data split` writes."
            )
        raise ConfigError(f"There is no split '{name}'; known are {', '.join(known)}.{did_you_mean(name, known)}")
    content = path.read_bytes()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"The split '{path}' is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    facts = dict(line[1:].strip().split(":", 1) for line in lines if line[:1] == "#" and ":" in line)
    rows = list(csv.reader(text for line in lines if (text := line.partition("#")[0]).strip()))
    _check_rows(rows, path)
    split = Split(
        name=path.stem,
        sha256=hashlib.sha256(content).hexdigest(),
        subsets=cast(dict[str, Subset], {image_id: subset for image_id, subset, _ in rows[1:] if subset != UNUSED}),
        groups={image_id: group for image_id, _, group in rows[1:]},
        group_disjoint=_claim(facts.get("group_disjoint", "false").strip(), path),
        note=facts.get("note", "").strip(),
        unused=frozenset(image_id for image_id, subset, _ in rows[1:] if subset == UNUSED),
        fold=fold_of(path),
        selects_on_test=facts.get(SELECTS_ON_TEST, "false").strip() == "true",
    )
    _check_selection(split, path)
    if split.group_disjoint:
        _check_groups(split, path)
    return split


def _claim(word: str, path: Path) -> bool | None:
    claims = {"true": True, "false": False, "unknown": None}
    if word not in claims:
        raise DataError(f"The split '{path}' says group_disjoint: {word}; allowed are {', '.join(claims)}.")
    return claims[word]


def _check_rows(rows: Sequence[Sequence[str]], path: Path) -> None:
    if not rows:
        raise DataError(f"The split '{path}' is empty: it needs the columns id,subset,group.")
    header, *lines = rows
    if list(header) != ["id", "subset", "group"]:
        found = ",".join(header)
        raise DataError(f"The split '{path}' must have the columns id,subset,group, separated by commas, not {found}.")
    for line in lines:
        if len(line) != 3:
            raise DataError(f"The split '{path}' has {len(line)} values in the line '{','.join(line)}': write three.")
    for image_id, times in Counter(line[0] for line in lines).items():
        if times > 1:
            raise DataError(f"The split '{path}' lists '{image_id}' twice: keep one of the lines.")
    for image_id, subset, group in lines:
        if not image_id or not group:
            raise DataError(
                f"The split '{path}' leaves the id or the group of '{image_id}' empty: give each image both."
            )
        if subset not in (*SUBSETS, UNUSED):
            raise DataError(
                f"The split '{path}' has the subset '{subset}'; allowed are {', '.join((*SUBSETS, UNUSED))}."
            )


def _check_selection(split: Split, path: Path) -> None:
    if split.selects_on_test != split.name.startswith(SELECTS_ON_TEST):
        raise DataError(
            f"The split '{path}' must begin its name with {SELECTS_ON_TEST} and say '# {SELECTS_ON_TEST}: true', or do "
            "neither: pages tell such numbers from others by the name."
        )
    if split.selects_on_test and "val" in split.subsets.values():
        raise DataError(f"The split '{path}' has images of 'val' and says {SELECTS_ON_TEST}: leave one out.")


def _check_groups(split: Split, path: Path) -> None:
    home: dict[str, str] = {}
    for image_id, subset in split.subsets.items():
        group = split.groups[image_id]
        if home.setdefault(group, subset) != subset:
            raise DataError(
                f"The split '{path}' says group_disjoint, but group '{group}' is in {home[group]} and {subset}: "
                "move its images into one of them, or write group_disjoint: false."
            )
