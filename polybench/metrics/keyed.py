"""Rows keyed by id, as a torchmetrics `Metric`: gathered from all processes, de-duplicated by id and sorted.

The same predictions give the same digits for any number of processes and any order of batches.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchmetrics import Metric

from polybench.core.errors import DataError
from polybench.metrics.sufficient import NAME_BYTES


class Gathered(NamedTuple):
    """The rows of all processes, each id once, sorted by id.

    Attributes:
        ids: Ids.
        groups: The group of each id.
        columns: Name -> values (n, ...).
    """

    ids: list[str]
    groups: list[str]
    columns: dict[str, npt.NDArray[Any]]


class KeyedRows(Metric):
    """Metric that collects a row for each id; names and columns are its states.

    Args:
        layout: Name of each column -> shape and type of its values.
    """

    full_state_update = False
    names: list[Tensor]

    def __init__(self, layout: Mapping[str, tuple[tuple[int, ...], torch.dtype]]) -> None:
        super().__init__()
        self.layout = dict(layout)
        for name in ("names", *self.layout):
            self.add_state(name, [], dist_reduce_fx="cat")

    def add(self, row_id: str, group: str, values: Mapping[str, Tensor]) -> None:
        """Add a row.

        Args:
            row_id: Its id.
            group: Its group.
            values: Name -> value of each column, on the metric's device.

        Raises:
            DataError: If the names are too long to be gathered.
        """
        self.names.append(_encode(row_id, group, self.device))
        for name in self.layout:
            getattr(self, name).append(values[name][None])

    def last(self, count: int) -> Gathered:
        """Return the rows that this process added last, in their order.

        Args:
            count: Number of rows, which must not have been gathered yet.
        """
        added = slice(len(self.names) - count, None)
        names = [_decode(row) for state in self.names[added] for row in state.cpu().numpy()]
        columns = {name: _cat(getattr(self, name)[added]).cpu().numpy() for name in self.layout}
        return Gathered([row_id for row_id, _ in names], [group for _, group in names], columns)

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the states of all processes; a process without rows contributes empty states of the right shape."""
        if not self.names:
            self.names.append(torch.zeros(0, NAME_BYTES, dtype=torch.uint8, device=self.device))
            for name, (shape, dtype) in self.layout.items():
                getattr(self, name).append(torch.zeros(0, *shape, dtype=dtype, device=self.device))
        super().sync(*args, **kwargs)

    def gathered(self) -> Gathered:
        """Return all rows, for `compute`, which torchmetrics synchronises.

        Rows that processes repeat should be equal; if they differ, the one with the lowest bytes counts, in any order.

        Raises:
            DataError: If an id has two groups.
        """
        names = [_decode(name) for name in _cat(self.names).cpu().numpy()]
        groups = dict(names)
        for row_id, group in names:
            if groups[row_id] != group:
                raise DataError(f"'{row_id}' has the groups '{group}' and '{groups[row_id]}': ids must be unique.")
        columns = {name: _cat(getattr(self, name)).cpu().numpy() for name in self.layout}
        places: dict[str, int] = {}
        for place, (row_id, _) in enumerate(names):
            known = places.setdefault(row_id, place)
            if known != place:
                places[row_id] = min(
                    known, place, key=lambda row: [column[row].tobytes() for column in columns.values()]
                )
        ids = sorted(places)
        order = [places[row_id] for row_id in ids]
        return Gathered(
            ids, [groups[row_id] for row_id in ids], {name: column[order] for name, column in columns.items()}
        )


def _cat(state: list[Tensor] | Tensor) -> Tensor:
    """Concatenate a list state, which synchronisation has made a tensor."""
    return state if isinstance(state, Tensor) else torch.cat(state)


def _encode(row_id: str, group: str, device: torch.device) -> Tensor:
    """Encode text as a row of bytes, so that it can be gathered like any state."""
    text = f"{row_id}\0{'' if group == row_id else group}".encode()
    if len(text) > NAME_BYTES:
        raise DataError(
            f"The id and group of '{row_id}' take {len(text)} bytes, more than {NAME_BYTES}: shorten the names."
        )
    row = torch.zeros(1, NAME_BYTES, dtype=torch.uint8)
    row[0, : len(text)] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    return row.to(device)


def _decode(row: npt.NDArray[np.uint8]) -> tuple[str, str]:
    row_id, _, group = bytes(row).rstrip(b"\0").decode().partition("\0")
    return row_id, group or row_id
