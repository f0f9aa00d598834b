"""The worked examples that were computed by hand for the protocols, and what each protocol does with empty masks."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from polybench.metrics.panel import panel
from polybench.scoring.folder import StoredMap, stored_rows

Panel = dict[str, dict[str, float]]


def score(probability: np.ndarray, mask: np.ndarray, valid: np.ndarray | None = None) -> Panel:
    return panel(stored_rows([StoredMap("a", "a", probability.astype(np.float32), mask.astype(bool), valid)]))


def square(side: int, left: int, size: int = 100) -> np.ndarray:
    mask = np.zeros((size, size))
    mask[20 : 20 + side, left : left + side] = 1
    return mask


def soft_disc() -> tuple[np.ndarray, np.ndarray]:
    """A disc of radius 20, and a map with a logistic edge at radius 22 of width 3; some pixels are at 0.5 exactly."""
    y, x = np.mgrid[:100, :100] - 50
    radius = np.hypot(y, x)
    return 1 / (1 + np.exp((radius - 22) / 3)), radius < 20


def overlap(prediction: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Dice and IoU of two boolean maps."""
    both = (prediction & mask).sum()
    return 2 * both / (prediction.sum() + mask.sum()), both / (prediction | mask).sum()


def three(value: float) -> object:
    """A number of which three digits are stated."""
    return pytest.approx(value, abs=5e-4)


def test_two_class_iou_of_a_shifted_square_is_above_its_dice() -> None:
    found = score(square(30, 25), square(30, 20))
    assert found["keras_fcn"]["iou_0.5"] == pytest.approx(0.7143, abs=5e-5)
    assert found["keras_fcn"]["miou_0.5"] == pytest.approx(0.8409, abs=5e-5)
    assert found["per_image"]["dice"] == pytest.approx(0.8333, abs=5e-5)
    assert found["keras_fcn"]["accuracy_0.5"] == pytest.approx(0.97)
    assert found["pooled"]["miou"] == pytest.approx(0.8409, abs=5e-5)


def test_mean_over_images_against_one_matrix_and_dice_of_the_mean_iou() -> None:
    # the page's second polyp is missed by as many false pixels: .897 is 4350 / (4350 + 250 + 250)
    pairs = [(square(30, 25), square(30, 20)), (square(10, 60), square(10, 40)), (square(60, 20), square(60, 20))]
    maps = [StoredMap(f"{k}", f"{k}", p.astype(np.float32), m.astype(bool), None) for k, (p, m) in enumerate(pairs)]
    found = panel(stored_rows(maps))
    assert found["per_image"]["iou"] == three(0.571)
    assert found["per_image"]["dice"] == three(0.611)
    assert found["keras_fcn"]["dice_of_mean_iou_0.5"] == three(0.727)
    assert found["pooled"]["iou"] == three(0.897)
    assert found["pooled"]["dice"] == three(0.946)


def test_mean_precision_and_recall_are_not_those_of_the_mean_dice() -> None:
    mask = square(20, 40)
    half, double = mask.copy(), mask.copy()
    half[20:30], double[40:60, 40:60] = 0, 1
    maps = [StoredMap(k, k, p.astype(np.float32), mask.astype(bool), None) for k, p in (("a", half), ("b", double))]
    found = panel(stored_rows(maps))["per_image"]
    assert found["dice"] == three(0.667)
    precision, recall = found["precision"], found["recall"]
    assert 2 * precision * recall / (precision + recall) == three(0.750)


def test_thresholds_of_a_soft_disc() -> None:
    found = score(*soft_disc())
    assert found["fanet"]["dice"] == three(0.903)
    assert found["fanet"]["iou"] == three(0.823)
    assert found["keras_fcn"]["dice_0.2"] == pytest.approx(0.7345, abs=5e-5)  # the page rounds it up
    assert found["keras_fcn"]["iou_0.2"] == three(0.580)
    assert found["pranet"]["max_dice"] == found["pranet"]["max_iou"] == 1


def test_pixels_at_one_half_are_foreground_at_native_size_and_not_for_fanet() -> None:
    probability, mask = soft_disc()
    found = score(probability, mask)
    assert found["per_image"]["dice"] == pytest.approx(overlap(probability >= 0.5, mask)[0])
    assert found["fanet"]["dice"] == pytest.approx(overlap(probability > 0.5, mask)[0])
    assert found["per_image"]["dice"] < found["fanet"]["dice"]


def test_sweep_of_a_soft_disc_by_looking_at_every_threshold() -> None:
    probability, mask = soft_disc()
    found = score(probability, mask)
    span = probability.max() - probability.min()
    for name, image in (("pranet", (probability - probability.min()) / span), ("sweep", probability)):
        cuts = np.array([overlap(image >= k / 255, mask) for k in range(255)] + [(0, 0)])
        if name == "pranet":
            cuts[-1] = overlap(image == 1, mask)  # the stretched map reaches 1
        assert found[name]["mean_dice"] == pytest.approx(cuts[:, 0].mean(), abs=5e-5)  # float32
        assert found[name]["mean_iou"] == pytest.approx(cuts[:, 1].mean(), abs=5e-5)
    # the page's .792 and .682 are these numbers of the stretched map, .7929 and .6828, cut off
    assert np.floor(found["pranet"]["mean_dice"] * 1000) == 792
    assert np.floor(found["pranet"]["mean_iou"] * 1000) == 682


def test_binarised_soft_disc_sweeps_to_nearly_its_dice() -> None:
    probability, mask = soft_disc()
    found = score(probability > 0.5, mask)
    everything = 2 * mask.sum() / (mask.size + mask.sum())
    dice = found["per_image"]["dice"]
    assert dice == pytest.approx(0.9028, abs=5e-5)
    assert found["pranet"]["mean_dice"] == pytest.approx((255 * dice + everything) / 256)
    # the page's .8966 is that with `>`, of which nothing reaches threshold 1: the toolbox cuts with `>=`
    assert (254 * dice + everything) / 256 == pytest.approx(0.8966, abs=5e-5)


def test_soft_dice_of_a_soft_disc() -> None:
    assert score(*soft_disc())["efen"]["dice"] == three(0.783)


def test_stretching_comes_before_threshold_and_error() -> None:
    probability, mask = soft_disc()
    faint = probability * 0.6
    found = score(faint, mask)
    assert found["per_image"]["dice"] == three(0.857)
    assert found["pranet"]["mae"] == three(0.062)
    assert np.abs(faint - mask).mean() == three(0.087)  # without stretching
    stretched = score((faint - faint.min()) / (faint.max() - faint.min()), mask)
    assert stretched["per_image"]["dice"] == three(0.902)
    assert stretched["pranet"]["mae"] == pytest.approx(found["pranet"]["mae"], abs=1e-6)


def test_size_of_evaluation_of_thin_lines() -> None:
    # lines of 6 pixels predicted 8 pixels wide: the page's .856 native, .855 both at 256, .817 from 256 to native
    rows = np.arange(584)
    mask = np.repeat(((rows - 5) % 30 < 6)[:, None], 565, axis=1)
    prediction = np.repeat(((rows - 5) % 30 < 8)[:, None], 565, axis=1)

    def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        tensor = torch.from_numpy(image.astype(np.float64))[None, None]
        return F.interpolate(tensor, size, mode="bilinear", align_corners=False)[0, 0].numpy()

    small = resized(prediction, (256, 256)) >= 0.5
    found = score(small, mask)
    assert score(prediction, mask)["per_image"]["dice"] == pytest.approx(overlap(prediction, mask)[0])
    assert found["fanet"]["dice"] == pytest.approx(overlap(small, resized(mask, (256, 256)) >= 0.5)[0])
    assert found["per_image"]["dice"] == pytest.approx(overlap(resized(small, (584, 565)) >= 0.5, mask)[0])
    assert score(prediction, mask)["per_image"]["dice"] == pytest.approx(0.856, abs=1.5e-3)
    assert found["fanet"]["dice"] == pytest.approx(0.855, abs=1.5e-3)
    assert found["per_image"]["dice"] == pytest.approx(0.817, abs=1.5e-3)


def test_field_of_view_of_thin_lines() -> None:
    # 10.64 % vessels all found, 3.56 % false positives, all in a field of view of 69.4 %; then 1.54 % on its rim
    pixels = 100_000
    mask, valid, prediction = np.zeros((3, pixels), bool)
    mask[:10_640], valid[:69_400], prediction[:14_200] = True, True, True
    with_rim = prediction.copy()
    with_rim[-1_540:] = True
    image = (250, 400)
    found = score(prediction.reshape(image), mask.reshape(image), valid.reshape(image))
    assert found["per_image"]["dice"] == found["fov"]["dice"] == three(0.857)
    assert (found["per_image"]["specificity"], found["fov"]["specificity"]) == (three(0.960), three(0.939))
    assert (found["per_image"]["accuracy"], found["fov"]["accuracy"]) == (three(0.964), three(0.949))
    rim = score(with_rim.reshape(image), mask.reshape(image), valid.reshape(image))
    assert (rim["per_image"]["dice"], rim["fov"]["dice"]) == (three(0.807), three(0.857))


@pytest.mark.parametrize(("pixels", "one"), [(0, 1.0), (3, 0.0)])
def test_empty_mask(pixels: int, one: float) -> None:
    prediction = np.zeros((100, 100))
    prediction.flat[:pixels] = 1
    found = score(prediction, np.zeros((100, 100)))
    for name, metric in (
        ("per_image", "dice"),
        ("fanet", "dice"),
        ("fanet", "iou"),
        ("keras_fcn", "iou_0.5"),
        ("keras_fcn", "dice_0.5"),
        ("pooled", "dice"),
        ("efen", "dice"),
        ("fov", "dice"),
    ):
        assert found[name][metric] == pytest.approx(one, abs=1e-14), (name, metric)
    assert found["pranet"]["max_dice"] == found["pranet"]["weighted_f"] == 0
    assert found["pranet"]["s_measure"] == pytest.approx(1 - pixels / 1e4)
    assert found["pranet"]["max_e"] == pytest.approx((1e4 - pixels) / (1e4 - 1))
    assert "auc" not in found["fov"]


def test_smoothing_of_fanet_is_seen_on_an_empty_mask() -> None:
    prediction = np.zeros((10, 10))
    prediction.flat[:3] = 1
    found = score(prediction, np.zeros((10, 10)))["fanet"]
    assert found["dice"] == pytest.approx(1e-15 / 3, rel=1e-6)
    assert found["recall"] == 1.0


def test_field_of_view_moves_specificity_and_accuracy_but_not_dice() -> None:
    mask, prediction = square(20, 40), square(20, 45)
    y, x = np.mgrid[:100, :100] - 49.5
    valid = np.hypot(y, x) < 47
    found = score(prediction, mask, valid)
    outside = int((~valid).sum())
    assert found["fov"]["dice"] == found["pooled"]["dice"] == pytest.approx(0.75)
    assert found["pooled"]["specificity"] == pytest.approx(9500 / 9600)
    assert found["fov"]["specificity"] == pytest.approx((9500 - outside) / (9600 - outside))
    assert found["fov"]["accuracy"] == pytest.approx((9800 - outside) / (1e4 - outside))
