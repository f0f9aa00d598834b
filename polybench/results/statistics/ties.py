"""Tie groups: methods that can't be told apart from the best of their group."""

from collections.abc import Iterable, Sequence

from polybench.results.statistics.pairs import Pair


def tie_groups(names: Sequence[str], pairs: Iterable[Pair]) -> list[list[str]]:
    """Put methods into tie groups, each anchored at its best one.

    The first group holds the best method and all that can't be told apart from it, the next one the best of the others
    and those of them that can't be told apart from that one, and so on. Two methods of a group may well differ: only
    the comparison with its best counts.

    Args:
        names: The methods, best first.
        pairs: Every two of them.

    Example:
        >>> from polybench.results.statistics.aligned import Aligned
        >>> from polybench.results.statistics.pairs import pairs_of
        >>> import numpy as np
        >>> scores = {"a": [0.9] * 8, "b": [0.8] * 8, "c": [0.79, 0.81] * 4}
        >>> aligned = Aligned({name: np.array([row]) for name, row in scores.items()}, list("stuvwxyz"))
        >>> tie_groups(aligned.names, pairs_of(aligned))
        [['a'], ['b', 'c']]
    """
    apart = {frozenset((pair.method, pair.other)) for pair in pairs if pair.told_apart}
    groups: list[list[str]] = []
    rest = list(names)
    while rest:
        best = rest[0]
        groups.append([name for name in rest if frozenset((best, name)) not in apart])
        rest = [name for name in rest if name not in groups[-1]]
    return groups
