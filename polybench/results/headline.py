"""The number of a record that its dataset's page ranks by."""

from polybench.results.layout import layout_of
from polybench.results.record import Record


def headline(record: Record) -> tuple[str, str]:
    """The protocol that ranks a record's dataset, and the metric that it ranks by."""
    protocol = next(key for key in record.metrics if key.partition("@")[0] == record.dataset.ranked_by)
    return protocol, layout_of(record.metrics[protocol]).headline
