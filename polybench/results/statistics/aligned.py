"""Scores of several methods on the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from polybench.core.errors import DataError
from polybench.results.image_rows import Values
from polybench.results.statistics.draws import summed


@dataclass(frozen=True)
class Aligned:
    """Scores of several methods, each of one or several seeds, on the same images.

    Attributes:
        values: Method -> its scores, (seeds, images).
        groups: The group of each image, such as its video or its patient.
        each_image: Whether a score is that of its image, not what the image contributes to a number of the whole set.

    Raises:
        DataError: If there is no method or no image, the numbers of images differ, or a score is not finite.
    """

    values: Mapping[str, Values]
    groups: Sequence[str]
    each_image: bool = True

    def __post_init__(self) -> None:
        """Check that the scores belong together."""
        shapes = {name: values.shape for name, values in self.values.items()}
        if not shapes or not len(self.groups):
            raise DataError("A comparison needs at least one method and one image.")
        for name, shape in shapes.items():
            if len(shape) != 2 or not shape[0] or shape[1] != len(self.groups):
                raise DataError(f"The scores of '{name}' have the shape {shape}, not (seeds, {len(self.groups)}).")
            if not np.isfinite(self.values[name]).all():
                raise DataError(f"A score of '{name}' is not a finite number: check its per-image table.")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The methods, in order."""
        return tuple(self.values)

    @cached_property
    def members(self) -> NDArray[np.intp]:
        """The number of each image's group, (images,)."""
        return np.unique(np.asarray(self.groups, dtype=object), return_inverse=True)[1].reshape(-1)

    @cached_property
    def sizes(self) -> Values:
        """Images of each group, (groups,)."""
        return np.bincount(self.members).astype(np.float64)

    @cached_property
    def images(self) -> Values:
        """Mean over the seeds of each method on each image, (methods, images)."""
        return np.stack([values.mean(axis=0) for values in self.values.values()])

    @cached_property
    def means(self) -> Values:
        """Mean over seeds and images of each method, (methods,)."""
        means: Values = self.images.mean(axis=1)
        return means

    @cached_property
    def sums(self) -> Values:
        """Sum over the images of each group of the means over seeds, (methods, groups)."""
        return summed(self.images, self.members)

    def with_missing(self, missing: Mapping[str, int], worst: float | None) -> "Aligned":
        """Runs that gave no score as runs with the worst one, so that a method can't gain by a run that failed.

        Args:
            missing: Method -> its runs without a score; methods that aren't here are ignored.
            worst: The worst score; None for the worst that any method has on each image.
        """
        lowest = np.min(np.concatenate(list(self.values.values())), axis=0)
        one = lowest if worst is None else np.full_like(lowest, worst)
        return replace(
            self,
            values={
                name: np.concatenate([values, np.tile(one, (missing.get(name, 0), 1))])
                for name, values in self.values.items()
            },
        )

    def only(self, names: Sequence[str]) -> "Aligned":
        """The same images with some of the methods alone."""
        return replace(self, values={name: self.values[name] for name in names})
