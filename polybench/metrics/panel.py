"""The same predictions under every protocol: numbers of the set, and values of each image."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from polybench.metrics.protocols import PROTOCOLS, Protocol
from polybench.metrics.stored import stored_columns
from polybench.metrics.sufficient import Rows

if TYPE_CHECKING:
    import pandas as pd

COUNT_NAMES = ("tp", "fp", "fn", "tn")


def panel(rows: Rows, protocols: Sequence[Protocol] = PROTOCOLS) -> dict[str, dict[str, float]]:
    """Score a set.

    Args:
        rows: At least one row, with the columns that the protocols read.
        protocols: Which protocols.

    Returns:
        Protocol's name -> metric -> number.
    """
    return {protocol.name: protocol.scores(rows) for protocol in protocols}


def image_table(rows: Rows, protocols: Sequence[Protocol] = PROTOCOLS) -> "pd.DataFrame":
    """Make the per-image table: id, group, and the counts and values of each protocol as `<name>@<version>/<metric>`.

    What rows store for later numbers follows, see `polybench.metrics.stored`.

    Args:
        rows: The rows, with the columns that the protocols read.
        protocols: Which protocols; one that is not a mean over images has its counts alone.
    """
    import pandas as pd  # imported when needed, so that fits start sooner

    columns: dict[str, Sequence[str] | np.ndarray] = {"id": rows.ids, "group": rows.groups}
    for protocol in protocols:
        if protocol.counts is not None:
            counts = rows.integers(protocol.counts)
            columns |= {f"{protocol.key}/{name}": one for name, one in zip(COUNT_NAMES, counts.T, strict=False)}
        columns |= {f"{protocol.key}/{metric}": values for metric, values in protocol.values(rows).items()}
    return pd.DataFrame(columns | stored_columns(rows.columns))


def empty_masks(rows: Rows) -> tuple[int, int]:
    """How many images have an empty mask, and in how many of them something was predicted (native size, at 0.5)."""
    tp, fp, fn, _ = rows.integers("counts").T
    empty = tp + fn == 0
    return int(empty.sum()), int((empty & (fp > 0)).sum())
