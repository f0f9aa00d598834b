"""UACANet's evaluation (Kim, Lee and Kim, ACM MM 2021) of the map as it is: S-measure, weighted F and MAE.

The measures are those of `pranet` at native size, but the map is not stretched to 0 to 1 by its own minimum and maximum
before: UACANet's evaluator leaves that out, so that a pale map that ranks all pixels right scores lower here. The
S-measure has the sample variance and the centroid of PraNet's toolbox, and the weighted F-measure (beta 1) its padding
with zeros, where UACANet's copies differ in the third or fourth digit; that evaluator reads maps that were cut at 0.5
before they were saved, which is up to who gives the predictions.

It is no protocol of the tests of polybench, whose set is part of what makes two rows alike: `polybench score --also
uacanet` adds it by name.
"""

from polybench.metrics.protocols.protocol import Protocol, Values
from polybench.metrics.sufficient import Rows


def uacanet_values(rows: Rows) -> dict[str, Values]:
    """Compute the values of each image, (n,).

    Example:
        >>> import numpy as np
        >>> rows = Rows(["a"], ["a"], {"structure_as_is": np.array([[0.9, 0.8, 0.1]])})
        >>> {name: float(values[0]) for name, values in uacanet_values(rows).items()}
        {'s_measure': 0.9, 'weighted_f': 0.8, 'mae': 0.1}
    """
    structure, weighted, error = rows.numbers("structure_as_is").T
    return {"s_measure": structure, "weighted_f": weighted, "mae": error}


UACANET = Protocol(
    name="uacanet",
    version=1,
    definition=__doc__,
    empty_masks="The S-measure is 1 minus the mean of the map, weighted F is 0 whatever was predicted.",
    columns=("structure_as_is",),
    directions={"s_measure": "higher", "weighted_f": "higher", "mae": "lower"},
    headline="s_measure",
    shown=("weighted_f", "mae"),
    compared=(("s_measure",), ("weighted_f",), ("mae",)),
    values=uacanet_values,
)
