import pandas as pd
import pytest

from polybench.results.derived.seeds import Seeds
from polybench.results.derived.vessels import vessel_scores


def rows(counts: list[tuple[int, int, int, int]]) -> pd.DataFrame:
    ids = [f"i{k}" for k in range(len(counts))]
    table = pd.DataFrame(counts, columns=[f"fov@2/{name}" for name in ("tp", "fp", "fn", "tn")])
    return table.assign(id=ids, group=ids)


def test_one_confusion_matrix_of_all_pixels() -> None:
    # together tp 90, fp 20, fn 30, tn 860; the mean over images of F1 would be (20/30 + 160/200) / 2 = .7333
    found = vessel_scores(Seeds([rows([(10, 0, 10, 480), (80, 20, 20, 380)])]))
    assert found is not None
    expected = {"f1": 180 / 230, "accuracy": 950 / 1000, "sensitivity": 90 / 120, "specificity": 860 / 880}
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected)
    # of two images all draws are one of them alone, or both
    assert (found["f1"].low, found["f1"].high) == (pytest.approx(20 / 30), pytest.approx(160 / 200))


def test_tables_without_the_counts_have_no_scores() -> None:
    assert vessel_scores(Seeds([rows([(1, 1, 1, 1)]).drop(columns="fov@2/tn")])) is None
    assert vessel_scores(Seeds([rows([(1, 1, 1, 1)])]), "fov@3") is None
