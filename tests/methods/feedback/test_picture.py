"""The curve over passes as a table and as a picture."""

import io

import pytest
from PIL import Image

from polybench.methods.feedback.curve import Curve
from polybench.methods.feedback.picture import curve_picture, curve_table, draw_curve

DICE, IOU = (0.5, 0.7, 0.8), (0.4, 0.6, 0.7)


def curve() -> Curve:
    scores = {
        "per_image@2": {"dice": DICE, "iou": IOU, "recall": (0.1, 0.2, 0.3)},
        "fanet@2": {"dice": IOU, "iou": IOU},
    }
    return Curve(scores, images=10, fixed_points=7, cycles=2, mean_iterations=2.5)


def test_table_has_a_row_for_each_pass() -> None:
    table = curve_table(curve())
    assert table.index.tolist() == [1, 2, 3]
    assert table["per_image@2/dice"].tolist() == list(DICE)
    assert table["fanet@2/iou"].tolist() == list(IOU)
    assert table["per_image@2/recall"].tolist() == [0.1, 0.2, 0.3]


def test_picture_is_a_png_of_fixed_size() -> None:
    with Image.open(io.BytesIO(curve_picture(curve(), 2))) as picture:
        assert (picture.format, picture.size) == ("PNG", (768, 504))


def test_picture_shows_the_values_and_the_pass_that_counts() -> None:
    [axes] = draw_curve(curve(), 2).axes
    shown = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}
    assert shown["dice (per_image@2)"] == ([1, 2, 3], list(DICE))
    assert shown["iou (fanet@2)"] == ([1, 2, 3], list(IOU))
    assert shown["reported"][0] == [2, 2]
    assert axes.get_title() == "10 images: 7 reach a fixed point, 2 a cycle, 1 neither"


def test_a_flat_curve_looks_flat() -> None:
    scores = {"per_image@2": {"dice": (0.8, 0.8 + 1e-9), "iou": (0.8, 0.8)}}
    [axes] = draw_curve(Curve(scores, images=1, fixed_points=1, cycles=0, mean_iterations=1.0), 2).axes
    assert axes.get_ylim() == pytest.approx((0.79, 0.81))
