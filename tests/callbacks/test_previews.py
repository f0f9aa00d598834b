import numpy as np
import torch

from polybench.callbacks.previews import (
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    TRUE_POSITIVE,
    Preview,
    draw_preview,
    overlay,
)


def test_each_outcome_has_its_colour_and_true_negatives_stay() -> None:
    image = np.full((1, 4, 3), 9, dtype=np.uint8)
    mask, prediction = np.array([[1, 0, 1, 0]], dtype=bool), np.array([[1, 1, 0, 0]], dtype=bool)
    shown = overlay(image, mask, prediction, opacity=1)
    assert shown[0].tolist() == [list(TRUE_POSITIVE), list(FALSE_POSITIVE), list(FALSE_NEGATIVE), [9, 9, 9]]


def test_small_image_is_enlarged_beside_its_overlay() -> None:
    square = torch.zeros(32, 40, dtype=torch.bool)
    picture = draw_preview(Preview("a", 0.5, torch.zeros(3, 32, 40, dtype=torch.uint8), square, square))
    assert picture.size == (2 * 9 * 40 + 8, 9 * 32 + 44)
