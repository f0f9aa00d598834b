import numpy as np
import pytest

from polybench.experiments.scores import all_scores, protocol_scores
from polybench.metrics import PER_IMAGE, PROTOCOLS, Rows
from polybench.metrics.protocols import EFEN, FOV, KERAS_FCN, POOLED, PRANET
from polybench.results.statistics.intervals import interval_of_mean
from polybench.scoring.folder import StoredMap, stored_rows


def counts(*images: tuple[int, int, int, int], groups: str) -> Rows:
    """Rows with confusion counts alone."""
    columns = {name: np.array(images) for name in ("counts", "counts_in_view")}
    columns["histograms_everywhere"] = np.zeros((len(images), 2, 256), int)  # one class only: no area
    return Rows([f"i{k}" for k in range(len(images))], list(groups), columns)


def maps(n: int) -> list[StoredMap]:
    random = np.random.default_rng(3)
    return [
        StoredMap(f"i{k}", f"g{k // 2}", random.random((8, 8), np.float32), random.random((8, 8)) > 0.5, None)
        for k in range(n)
    ]


def test_means_over_images_have_the_interval_of_their_column() -> None:
    # Dice 2 * 6 / (12 + 2 + 2) = 3/4, then 1, then 0 (missed), each image a group.
    rows = counts((6, 2, 2, 90), (10, 0, 0, 90), (0, 0, 5, 95), groups="abc")
    dice = protocol_scores(rows, PER_IMAGE).values["dice"]
    expected = interval_of_mean([0.75, 1.0, 0.0], ["a", "b", "c"])
    assert (dice.value, dice.low, dice.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_pooled_interval_of_two_groups_runs_from_one_alone_to_the_other_alone() -> None:
    # A quarter of the draws is group a twice, a quarter group b twice: the tails of 2.5 % lie inside those quarters.
    # Group a: 8 TP, 2 FP, 6 FN, Dice 16/24. Group b: 12 TP, 1 FP, 3 FN, Dice 24/28. Together 40/52.
    rows = counts((5, 2, 3, 90), (3, 0, 3, 94), (12, 1, 3, 84), groups="aab")
    dice = protocol_scores(rows, POOLED).values["dice"]
    assert (dice.value, dice.low, dice.high) == pytest.approx((40 / 52, 16 / 24, 24 / 28))


def test_best_threshold_of_the_mean_is_drawn_again_with_the_images() -> None:
    # One map is right at its upper levels only, the other at its lower ones only: alone, as in half of the draws, each
    # has a threshold of Dice 1; together none has, the best one gives 1 and 2/3.
    high, low = np.array([[0, 0, 0.6, 1]], np.float32), np.array([[0, 0, 0.4, 1]], np.float32)
    narrow, wide = np.array([[0, 0, 0, 1]], bool), np.array([[0, 0, 1, 1]], bool)
    rows = stored_rows([StoredMap("a", "a", high, narrow, None), StoredMap("b", "b", low, wide, None)])
    dice = protocol_scores(rows, PRANET).values["max_dice"]
    assert (dice.value, dice.low, dice.high) == pytest.approx((5 / 6, 5 / 6, 1))


def test_dice_of_the_mean_iou_has_an_interval_that_holds_it() -> None:
    values = protocol_scores(stored_rows(maps(12)), KERAS_FCN).values
    dice = values["dice_of_mean_iou_0.5"]
    iou = values["iou_0.5"]
    assert iou.low is not None
    assert iou.high is not None
    # 2I / (1 + I) rises with I: its interval is that of the mean IoU, but for the number of draws.
    expected = (2 * iou.low / (1 + iou.low), 2 * iou.high / (1 + iou.high))
    assert (dice.low, dice.high) == pytest.approx(expected, abs=0.01)
    assert dice.value == pytest.approx(2 * iou.value / (1 + iou.value))


def test_one_group_has_no_interval() -> None:
    rows = counts((5, 2, 3, 90), (3, 0, 3, 94), groups="aa")
    for protocol in (PER_IMAGE, POOLED):
        assert {(value.low, value.high) for value in protocol_scores(rows, protocol).values.values()} == {(None, None)}


def test_every_protocol_is_there_in_its_order_with_its_definition() -> None:
    scores = all_scores(stored_rows(maps(6)), PROTOCOLS)
    assert list(scores) == [protocol.key for protocol in PROTOCOLS]
    for protocol in PROTOCOLS:
        found = scores[protocol.key]
        assert list(found.values) == list(protocol.directions)
        assert found.definition == protocol.paragraph
        assert (found.n, found.groups) == (6, 3)


def test_soft_batches_and_the_tolerance_have_no_interval() -> None:
    rows = stored_rows(maps(12))
    efen = protocol_scores(rows, EFEN).values
    assert {name for name, value in efen.items() if value.low is None} == {"dice", "iou"}
    assert efen["precision"].low is not None
    fov = protocol_scores(rows, FOV).values
    assert {name for name, value in fov.items() if value.low is None} == {"auc_tolerance"}
