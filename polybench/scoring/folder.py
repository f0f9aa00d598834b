"""Statistics of stored probability maps, as in a test but without a net."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from polybench.core.errors import DataError
from polybench.metrics.measures.labels import LabelMap
from polybench.metrics.prepare import Prepared, resize_affine
from polybench.metrics.protocols import PROTOCOLS, Protocol, columns_of
from polybench.metrics.sufficient import Rows, statistics


class StoredMap(NamedTuple):
    """A stored prediction and its truth.

    Attributes:
        id: Id of the image.
        group: Its group.
        probability: Foreground probability in [0, 1], (H, W), of any size, which counts as the network's.
        mask: Truth at native size, boolean, (h, w).
        valid: Field of view at native size, boolean, (h, w); None where all pixels count.
        labels: True instances at native size, (h, w); None where instances are unknown.
        predicted_labels: Predicted instances at native size, (h, w); None for the connected components of the
            prediction.
    """

    id: str
    group: str
    probability: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]
    valid: npt.NDArray[np.bool_] | None
    labels: LabelMap | None = None
    predicted_labels: LabelMap | None = None


def stored_rows(
    maps: Iterable[StoredMap], protocols: Sequence[Protocol] = PROTOCOLS, stored: Sequence[str] = ()
) -> Rows:
    """Compute the rows of stored maps, sorted by id.

    Args:
        maps: The maps, at least one, which are iterated over once.
        protocols: Protocols of the rows; all of every dataset by default.
        stored: Further statistics for the per-image table, such as `polybench.metrics.stored.STORED`; none by default.

    Raises:
        DataError: If an id has two groups.
    """
    names = tuple(dict.fromkeys((*columns_of(protocols), *stored)))
    groups: dict[str, str] = {}
    rows = {}
    for item in maps:
        if groups.setdefault(item.id, item.group) != item.group:
            raise DataError(f"'{item.id}' has two groups, '{groups[item.id]}' and '{item.group}': ids must be unique.")
        rows[item.id] = statistics(prepare(item), names)
    ids = sorted(rows)
    columns = {name: torch.stack([rows[key][name] for key in ids]).numpy() for name in names}
    return Rows(ids, [groups[key] for key in ids], columns)


def prepare(item: StoredMap) -> Prepared:
    """Convert a stored map to the input of the statistics."""
    size, native = item.probability.shape, item.mask.shape
    return Prepared(
        _tensor(item.probability),
        _tensor(item.mask),
        torch.ones((), dtype=torch.bool).expand(native) if item.valid is None else _tensor(item.valid),
        resize_affine((size[0], size[1]), (native[0], native[1])),
        None if item.labels is None else _tensor(item.labels),
        None if item.predicted_labels is None else _tensor(item.predicted_labels),
    )


def _tensor(values: npt.NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
