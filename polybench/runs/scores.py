"""The number of a record that its dataset's page ranks by, for the tables of plans and matrices."""

import statistics
from collections.abc import Sequence

from polybench.results.headline import headline
from polybench.results.record import Record
from polybench.results.statistics.spread import spread_of
from polybench.results.tables import Cell, measured


def score(records: Sequence[Record]) -> Cell:
    """The mean over the seeds of a row with its standard deviation, or the number of one seed with its interval.

    Args:
        records: Records of one dataset, at least one.
    """
    protocol, metric = headline(records[0])
    values = [one.metrics[protocol].values[metric] for one in records]
    if len(values) == 1:
        return measured(values[0].value, values[0].low, values[0].high)
    numbers = [value.value for value in values]
    return measured(statistics.fmean(numbers), None, None, spread_of(numbers))
