"""Scores under several protocols: numbers of the set, and values of each image."""

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
    """Compute the metrics of a set under several protocols.

    Args:
        rows: At least one row, with the columns that the protocols read.
        protocols: Protocols; all of every dataset by default.

    Returns:
        Protocol's name -> metric -> number.

    Example:
        >>> from polybench.metrics.protocols.per_image import PER_IMAGE
        >>> rows = Rows(["a"], ["a"], {"counts": np.array([[4, 1, 2, 3]])})
        >>> round(panel(rows, [PER_IMAGE])["per_image"]["dice"], 4)
        0.7273
    """
    return {protocol.name: protocol.scores(rows) for protocol in protocols}


def image_table(rows: Rows, protocols: Sequence[Protocol] = PROTOCOLS) -> "pd.DataFrame":
    """Build the per-image table: id, group, and the counts and values of each protocol as `<name>@<version>/<metric>`.

    The columns of `polybench.metrics.stored` follow.

    Args:
        rows: The rows, with the columns that the protocols read.
        protocols: Protocols; one that is not a mean over images contributes only its counts.
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
    """Count the images with an empty mask, and those among them with a false positive (native size, at 0.5).

    Example:
        >>> empty_masks(Rows(["a", "b"], ["a", "b"], {"counts": np.array([[0, 0, 0, 9], [0, 2, 0, 7]])}))
        (2, 1)
    """
    tp, fp, fn, _ = rows.integers("counts").T
    empty = tp + fn == 0
    return int(empty.sum()), int((empty & (fp > 0)).sum())
