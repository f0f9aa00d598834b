import numpy as np
import pytest

from polybench.synth.kvasir import kvasir_frame

SIZE = (53, 62)


@pytest.fixture(scope="module")
def frames() -> list[tuple[np.ndarray, np.ndarray]]:
    return [kvasir_frame(0, scene, size=SIZE) for scene in range(20)]


def test_some_have_a_box_in_the_lower_left_corner_and_no_polyp_in_it(
    frames: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    boxed = [mask for image, mask in frames if not image[-1, :10].any()]
    assert 4 <= len(boxed) <= 16
    assert not any(mask[38:, :18].any() for mask in boxed)


def test_every_image_shows_a_polyp(frames: list[tuple[np.ndarray, np.ndarray]]) -> None:
    assert all(0.01 < mask.mean() < 0.5 for _, mask in frames)


def test_view_reaches_the_borders(frames: list[tuple[np.ndarray, np.ndarray]]) -> None:
    middle = [image[SIZE[0] // 2, [0, -1]].max() for image, _ in frames]
    assert np.median(middle) > 60


def test_image_is_a_function_of_seed_and_scene(frames: list[tuple[np.ndarray, np.ndarray]]) -> None:
    again = kvasir_frame(0, 3, size=SIZE)
    assert all(np.array_equal(one, other) for one, other in zip(frames[3], again, strict=True))
    assert not np.array_equal(kvasir_frame(1, 3, size=SIZE)[0], again[0])
