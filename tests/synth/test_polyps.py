from itertools import pairwise

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from polybench.core.errors import ConfigError
from polybench.synth.polyps import polyp_frame

SMALL = (36, 48)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.fixture(scope="module")
def sequences() -> list[tuple[np.ndarray, np.ndarray]]:
    """The first frame of 24 sequences."""
    return [polyp_frame(0, sequence, 0, size=SMALL) for sequence in range(24)]


def test_another_seed_gives_other_frames() -> None:
    assert not np.array_equal(polyp_frame(0, 0, 0, size=SMALL)[1], polyp_frame(1, 0, 0, size=SMALL)[1])


def test_global_generator_is_neither_read_nor_moved() -> None:
    np.random.seed(1)
    first = polyp_frame(0, 3, 1, size=SMALL)[0]
    assert np.random.rand() == pytest.approx(0.417022004702574)  # first draw of MT19937 seeded with 1
    assert np.array_equal(polyp_frame(0, 3, 1, size=SMALL)[0], first)


@pytest.mark.parametrize("sequence", range(6))
def test_neighbouring_frames_show_the_same_polyp_a_little_moved(sequence: int) -> None:
    frames = [polyp_frame(0, sequence, time, size=SMALL) for time in range(10)]
    for (image, mask), (next_image, next_mask) in pairwise(frames):
        assert iou(mask, next_mask) > 0.5
        assert not np.array_equal(image, next_image)
    assert min(iou(frames[0][1], mask) for _, mask in frames) < 0.95


def test_sequences_differ(sequences: list[tuple[np.ndarray, np.ndarray]]) -> None:
    overlaps = [iou(one[1], other[1]) for i, one in enumerate(sequences) for other in sequences[:i]]
    assert np.mean(overlaps) < 0.3
    colours = np.array([image[image.max(2) > 40].mean(0) for image, _ in sequences])
    assert (colours.std(0) > 8).all()


def test_polyps_cover_a_realistic_share_of_the_frame(sequences: list[tuple[np.ndarray, np.ndarray]]) -> None:
    shares = [mask.mean() for _, mask in sequences]
    assert min(shares) > 0.02
    assert max(shares) < 0.25
    assert 0.07 < np.mean(shares) < 0.11  # CVC-ClinicDB: 0.095


def test_corners_are_dark_and_never_polyp(sequences: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for image, mask in sequences:
        for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
            assert image[row, column].max() < 32
            assert not mask[row, column]


def test_a_threshold_does_not_separate_the_polyp(sequences: list[tuple[np.ndarray, np.ndarray]]) -> None:
    best = []
    for image, mask in sequences:
        grey = image.mean(2)
        bright = grey > threshold_otsu(grey)
        best.append(max(2 * (mask & side).sum() / (mask.sum() + side.sum()) for side in (bright, ~bright)))
    assert np.mean(best) < 0.45


def test_impossible_frames_are_refused() -> None:
    with pytest.raises(ConfigError, match="seed -1"):
        polyp_frame(-1, 0, 0)
    with pytest.raises(ConfigError, match="at least 16 pixels"):
        polyp_frame(0, 0, 0, size=(8, 48))
