import io

import numpy as np
import pytest
from PIL import Image

from polybench.callbacks.overlays import (
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    GAP,
    LARGEST_FILE,
    LARGEST_SIDE,
    LINE,
    TRUE_POSITIVE,
    Overlay,
    draw_overlay,
    encode_overlay,
    shown_scale,
    tint_errors,
)


def test_each_outcome_has_its_colour_and_true_negatives_stay() -> None:
    image = np.full((1, 4, 3), 9, dtype=np.uint8)
    mask, prediction = np.array([[1, 0, 1, 0]], dtype=bool), np.array([[1, 1, 0, 0]], dtype=bool)
    shown = tint_errors(image, mask, prediction, opacity=1)
    assert shown[0].tolist() == [list(TRUE_POSITIVE), list(FALSE_POSITIVE), list(FALSE_NEGATIVE), [9, 9, 9]]


@pytest.mark.parametrize(
    ("height", "width", "scale"),
    [(288, 384, 1), (584, 565, 1), (64, 64, 4), (48, 64, 6), (2048, 512, 0.5), (2, 900, 1)],
)
def test_an_image_of_common_size_is_shown_as_it_is(height: int, width: int, scale: float) -> None:
    assert shown_scale(height, width) == scale


def test_a_picture_has_the_image_beside_its_errors_at_native_size() -> None:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (288, 384, 3), dtype=np.uint8)
    mask, prediction = np.zeros((2, 288, 384), dtype=bool)
    mask[10:20, 30:50], prediction[10:20, 40:60] = True, True
    picture = np.asarray(draw_overlay(Overlay("a", 0.5, image, mask, prediction, "per_image"), 1))
    assert picture.shape == (288 + 2 * LINE, 2 * 384 + GAP, 3)
    np.testing.assert_array_equal(picture[:288, :384], image)
    beside = picture[:288, 384 + GAP :]
    changed = (beside != image).any(axis=2)
    assert not changed[~(mask | prediction)].any()
    np.testing.assert_array_equal(beside[15, 45], (0.45 * image[15, 45] + 0.55 * np.array(TRUE_POSITIVE)).round())


def test_a_picture_of_noise_is_shrunk_until_its_file_is_small() -> None:
    image = np.random.default_rng(0).integers(0, 256, (900, LARGEST_SIDE, 3), dtype=np.uint8)
    nothing = np.zeros((900, LARGEST_SIDE), dtype=bool)
    content = encode_overlay(Overlay("noise", 1.0, image, nothing, nothing, "per_image"))
    assert len(content) <= LARGEST_FILE
    width, height = Image.open(io.BytesIO(content)).size
    assert (height - 2 * LINE) / ((width - GAP) / 2) == pytest.approx(900 / 1024, abs=0.01)
