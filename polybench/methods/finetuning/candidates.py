"""Candidates: boxes that a detector proposes, labelled by the truth, in a list that belongs to one copy of a dataset.

Paper: Tajbakhsh et al., IEEE TMI 2016, whose candidates are those of a handcrafted detector that was never released.
Ours are the 8-connected components of the map of a segmentation net at a low threshold, so that the negatives are the
detector's own mistakes, or the boxes of `polybench.data.patches`: one around each object, and random ones of
background.
A candidate is positive where the centre of its box lies in the truth.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import DataError
from polybench.data.images import UInt8Array
from polybench.data.patches import MIN_AREA, Boxes, label_boxes

VERSION = 1
"""Version of the search for candidates, increased when it changes."""

BOXES = "boxes"
"""Origin of candidates that no detector proposes."""


class Candidate(NamedTuple):
    """A box of an image: top, left, bottom, right in pixels, the last two exclusive; its lesion from 0, -1 for none."""

    image: str
    top: int
    left: int
    bottom: int
    right: int
    lesion: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right."""
        return self.top, self.left, self.bottom, self.right


class Found(NamedTuple):
    """How well candidates cover the lesions of some images.

    Attributes:
        images: Number of images.
        lesions: Their lesions.
        detected: Those on which a candidate lies.
        positives: Candidates on a lesion.
        negatives: All others.
    """

    images: int
    lesions: int
    detected: int
    positives: int
    negatives: int

    @property
    def sentence(self) -> str:
        """What was found, in a sentence without its subject."""
        share = f"{100 * self.detected / self.lesions:.1f} %" if self.lesions else "none"
        return (
            f"{self.positives} positive and {self.negatives} negative candidates in {self.images} images; "
            f"{self.detected} of {self.lesions} lesions ({share}) have one, and "
            f"{self.negatives / max(1, self.images):.2f} negatives come to an image"
        )


@dataclass(frozen=True)
class CandidateList:
    """The candidates of the images of one copy of a dataset.

    Attributes:
        dataset: Short name of the dataset.
        manifest_sha256: Hash of the copy.
        origin: `detector` or `boxes`.
        lesions: Image -> number of its lesions, for all images that were searched.
        candidates: The candidates.
        detector: What is known of the detector, label -> text.
        version: Version of the search.
    """

    dataset: str
    manifest_sha256: str
    origin: str
    lesions: Mapping[str, int]
    candidates: tuple[Candidate, ...]
    detector: Mapping[str, str] = field(default_factory=dict)
    version: int = VERSION

    def of(self, images: Iterable[str]) -> dict[str, list[Candidate]]:
        """Image -> its candidates, in their order; for images that were searched."""
        found: dict[str, list[Candidate]] = {image: [] for image in images}
        for one in self.candidates:
            if one.image in found:
                found[one.image].append(one)
        return found

    def found_in(self, images: Sequence[str]) -> Found:
        """How well the candidates cover the lesions of some images."""
        mine = [one for of_image in self.of(images).values() for one in of_image]
        positives = [one for one in mine if one.lesion >= 0]
        return Found(
            images=len(images),
            lesions=sum(self.lesions[image] for image in images),
            detected=len({(one.image, one.lesion) for one in positives}),
            positives=len(positives),
            negatives=len(mine) - len(positives),
        )


def lesions_of(mask: UInt8Array) -> npt.NDArray[np.int32]:
    """Number the lesions of a mask (H, W) in {0, 1} from 1: 8-connected components in boxes of more than 6 pixels.

    Example:
        >>> mask = np.zeros((4, 8), np.uint8)
        >>> mask[:3, :3], mask[0, 7] = 1, 1  # the second one is an annotation error
        >>> int(lesions_of(mask).max())
        1
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in label_boxes(labels)]
    numbers = np.zeros(len(areas) + 1, np.int32)
    large = [place for place, area in enumerate(areas, start=1) if area > MIN_AREA]
    numbers[large] = np.arange(1, len(large) + 1)
    found: npt.NDArray[np.int32] = numbers[labels]
    return found


def map_boxes(probability: npt.NDArray[np.float64], threshold: float, least: float = 0.0) -> Boxes:
    """Tight boxes of the 8-connected components of a map (H, W) that reach a threshold, of more than 6 pixels.

    Args:
        probability: The map.
        threshold: The threshold.
        least: Least share of the map that a box covers.

    Example:
        >>> probability = np.zeros((6, 6))
        >>> probability[1:4, 2:6] = 0.2
        >>> map_boxes(probability, 0.1).tolist(), map_boxes(probability, 0.1, least=0.5).tolist()
        ([[1, 2, 4, 6]], [])
    """
    labels, _ = ndimage.label(probability >= threshold, np.ones((3, 3)))
    boxes = label_boxes(labels)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: Boxes = boxes[(areas > MIN_AREA) & (areas >= least * probability.size)]
    return kept


def labelled(image: str, boxes: Boxes, lesions: npt.NDArray[np.int32]) -> list[Candidate]:
    """Label the boxes of an image by the lesion in whose pixels their centre lies.

    Args:
        image: The image.
        boxes: Its boxes, (n, 4).
        lesions: Its lesions, numbered from 1, (H, W).
    """
    found = []
    for top, left, bottom, right in boxes.tolist():
        lesion = int(lesions[(top + bottom) // 2, (left + right) // 2]) - 1
        found.append(Candidate(image, top, left, bottom, right, lesion))
    return found


def list_text(candidates: CandidateList) -> str:
    """A list as JSON."""
    return json.dumps(asdict(candidates), indent=0) + "\n"


def write_list(candidates: CandidateList, path: Path) -> None:
    """Write a list as JSON, atomically."""
    atomic_write_text(path, list_text(candidates))


def no_list(path: Path) -> DataError:
    """What is said of a list that isn't there."""
    return DataError(f"There is no list of candidates '{path}': give one, or the checkpoint of a detector.")


def read_list(path: Path) -> CandidateList:
    """Read a list that `write_list` wrote.

    Raises:
        DataError: If there is none, or it is no such list.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        read = CandidateList(**{**content, "candidates": tuple(Candidate(*one) for one in content["candidates"])})
    except FileNotFoundError as error:
        raise no_list(path) from error
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise DataError(
            f"'{path}' is no list of candidates ({type(error).__name__}): give the one that a study wrote, or the "
            "checkpoint of a detector."
        ) from error
    if read.version != VERSION:
        raise DataError(f"'{path}' is of version {read.version}, not {VERSION}: make it again from its detector.")
    return read


def refuse_other_copy(candidates: CandidateList, dataset: str, manifest_sha256: str, images: Iterable[str]) -> None:
    """Refuse a list that was made on another image set.

    Args:
        candidates: The list.
        dataset: Short name of the study's dataset.
        manifest_sha256: Hash of its copy.
        images: Ids of all its images.

    Raises:
        DataError: If it was.
    """
    missing = [image for image in images if image not in candidates.lesions]
    if candidates.dataset != dataset or candidates.manifest_sha256 != manifest_sha256 or missing:
        why = f"of '{candidates.dataset}'" if candidates.dataset != dataset else "of another copy of it"
        raise DataError(
            f"The list of candidates is {why}, and the study is on '{dataset}'"
            + (f", whose image '{missing[0]}' it lacks" if missing else "")
            + ": make the list on this copy, from the checkpoint of its detector."
        )
