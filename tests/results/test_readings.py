import pytest

from polybench.results.readings import readings, title


def test_readings_of_one_metric_stand_apart() -> None:
    metrics = {"mean_dice": 1, "max_dice": 2, "dice_0.2": 3, "dice_of_mean_iou_0.5": 4, "s_measure": 5, "mean_e": 6}
    assert readings(metrics) == {
        "mean": {"dice": 1, "e": 6},
        "max": {"dice": 2},
        "at 0.2": {"dice": 3},
        "at 0.5": {"dice_of_mean_iou": 4},
        "": {"s_measure": 5},
    }


def test_a_metric_without_a_title_is_spelled_out() -> None:
    assert [title("iou"), title("background_fraction")] == ["IoU", "background fraction"]


@pytest.mark.parametrize(
    ("metric", "words"),
    [("dice", "Dice"), ("max_v_rand", "max V_rand"), ("iou_0.2", "IoU at 0.2"), ("recall", "recall")],
)
def test_metrics_in_words(metric: str, words: str) -> None:
    assert title(metric) == words
