import numpy as np
import pandas as pd
import pytest

from polybench.core.errors import DataError
from polybench.results.derived.object_size import NO_OBJECT, size_labels
from polybench.results.derived.seeds import Seeds
from polybench.results.derived.strata import strata, worst_stratum
from polybench.results.statistics.intervals import interval_of_mean
from tests.results.derived.tables import table

METRIC = "per_image@2/dice"


def rows(dice: list[float], groups: list[str]) -> pd.DataFrame:
    ids = [f"i{k}" for k in range(len(dice))]
    return pd.DataFrame({"id": ids, "group": groups, METRIC: dice})


DICE = [0.9, 0.7, 0.5, 0.3, 0.8, 0.2]
GROUPS = ["v0", "v0", "v1", "v1", "v2", "v3"]
CENTRES = {"i0": "A", "i1": "A", "i2": "A", "i3": "B", "i4": "B", "i5": "B"}


def test_each_stratum_has_its_mean_its_interval_and_its_worst_group() -> None:
    one, two = strata(Seeds([rows(DICE, GROUPS)]), METRIC, CENTRES)
    assert (one.name, one.mean.n, one.mean.groups, one.mean.value) == ("A", 3, 2, pytest.approx(0.7))
    assert (one.worst.name, one.worst.n, one.worst.value) == ("v1", 1, 0.5)
    interval = interval_of_mean(DICE[3:], GROUPS[3:])
    assert (two.mean.low, two.mean.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert (two.worst.name, two.worst.n, two.worst.value) == ("v3", 1, 0.2)
    assert worst_stratum([one, two]).name == "B"


def test_the_worst_group_of_a_distance_is_the_farthest() -> None:
    [one] = strata(Seeds([rows(DICE, GROUPS)]), METRIC, dict.fromkeys(CENTRES, "all"), direction="lower")
    assert (one.worst.name, one.worst.n, one.worst.value) == ("v0", 2, pytest.approx(0.8))


def test_seeds_are_averaged_before_the_worst_group_is_found() -> None:
    other = [0.3, 0.3, 0.9, 0.9, 0.8, 0.8]
    [one] = strata(Seeds([rows(DICE, GROUPS), rows(other, GROUPS)]), METRIC, dict.fromkeys(CENTRES, "all"))
    assert (one.worst.name, one.worst.value) == ("v3", pytest.approx(0.5))  # v0 .55, v1 .65, v2 .8
    assert one.mean.spread == pytest.approx(np.std([np.mean(DICE), np.mean(other)], ddof=1))


def test_strata_come_in_their_order_and_every_image_needs_one() -> None:
    found = strata(Seeds([rows(DICE, GROUPS)]), METRIC, CENTRES, order=("C", "B", "A"))
    assert [stratum.name for stratum in found] == ["B", "A"]
    with pytest.raises(DataError, match=r"1 image\(s\) belong to no stratum: i5"):
        strata(Seeds([rows(DICE, GROUPS)]), METRIC, {k: v for k, v in CENTRES.items() if k != "i5"})


def test_sizes_are_shares_of_the_whole_image_of_the_largest_object() -> None:
    def mask(*objects: tuple[slice, slice]) -> np.ndarray:
        drawn = np.zeros((10, 20), bool)
        for place in objects:
            drawn[place] = True
        return drawn

    small, other = (slice(0, 2), slice(0, 2)), (slice(5, 7), slice(0, 5))  # 4 and 10 of 200 pixels: 2 and 5 %
    masks = [mask(small), mask(small, other), mask((slice(0, 10), slice(0, 10))), mask()]
    valid = np.ones((10, 20), bool)
    valid[:, 15:] = False  # the share is that of the image, not of the field of view
    found = size_labels(table([(np.float32(one), one) for one in masks], valid=valid), (0.05, 0.4))
    assert found == {"i0": "small", "i1": "medium", "i2": "large", "i3": NO_OBJECT}


def test_a_table_without_sizes_has_no_such_strata() -> None:
    assert size_labels(rows(DICE, GROUPS), (0.1, 0.2)) is None
