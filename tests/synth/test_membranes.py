from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from scipy import ndimage

from polybench.core.errors import ConfigError
from polybench.synth.membranes import membrane_volume

SMALL = (64, 64)
Stack = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def stack() -> Stack:
    return membrane_volume(0, 9, size=SMALL)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_labels_are_1_in_cells_and_0_on_membranes(stack: Stack) -> None:
    volume, labels = stack
    assert volume.shape == labels.shape == (9, 64, 64)
    assert volume.dtype == labels.dtype == np.uint8
    for image, label in zip(volume, labels, strict=True):
        assert set(np.unique(label)) == {0, 1}
        assert image[label == 1].mean() > image[label == 0].mean() + 20


@pytest.mark.parametrize("seed", range(3))
def test_interior_has_about_the_real_share(seed: int) -> None:
    _, labels = membrane_volume(seed, 1, size=(256, 256))
    assert 0.73 < labels.mean() < 0.83  # slices of the real stack: 0.730 to 0.832


def test_membranes_enclose_cells_of_very_different_size() -> None:
    _, labels = membrane_volume(4, 1, size=(256, 256))
    areas = np.bincount(ndimage.label(labels[0])[0].ravel())[1:]
    assert 15 < len(areas) < 60  # the real stack: 114 in four times the area
    assert areas.max() > 8 * np.median(areas)


def test_neighbouring_slices_are_more_alike_than_distant_ones() -> None:
    for seed in range(3):
        for values in membrane_volume(seed, 9, size=SMALL):
            near = np.mean([correlation(values[k], values[k + 1]) for k in range(8)])
            far = np.mean([correlation(values[k], values[k + 6]) for k in range(3)])
            assert near > far + 0.1
            assert 0.15 < near < 0.8


def test_a_slice_does_not_depend_on_those_that_follow(stack: Stack) -> None:
    for short, long in zip(membrane_volume(0, 3, size=SMALL), stack, strict=True):
        assert np.array_equal(short, long[:3])


def test_global_generator_is_neither_read_nor_moved() -> None:
    np.random.seed(1)
    first = membrane_volume(2, 1, size=SMALL)[0]
    assert np.random.rand() == pytest.approx(0.417022004702574)  # first draw of MT19937 seeded with 1
    assert np.array_equal(membrane_volume(2, 1, size=SMALL)[0], first)


def test_seeds_give_different_tissue() -> None:
    labels = {membrane_volume(seed, 1, size=SMALL)[1].tobytes() for seed in range(4)}
    assert len(labels) == 4


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (256, 257)])
def test_size_is_honoured(size: tuple[int, int]) -> None:
    volume, labels = membrane_volume(0, 2, size=size)
    assert volume.shape == labels.shape == (2, *size)
    assert 0.5 < labels.mean() < 0.95


@pytest.mark.parametrize(("seed", "slices", "size"), [(-1, 1, SMALL), (0, 0, SMALL), (0, 1, (64, 31))])
def test_impossible_volumes_are_refused(seed: int, slices: int, size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="at least 32 pixels"):
        membrane_volume(seed, slices, size=size)


@pytest.mark.data
def test_grey_levels_and_interior_are_those_of_the_real_stack(real_data: Path) -> None:
    folder = real_data / "ISBI2012"

    def read(name: str) -> np.ndarray:
        with Image.open(folder / name) as file:
            return np.stack([np.asarray(page) for page in ImageSequence.Iterator(file)][::6])

    real, inside = read("train-volume.tif"), read("train-labels.tif") > 0
    drawn = [membrane_volume(seed, 1, size=(256, 256)) for seed in range(4)]
    volume, labels = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    assert labels.mean() == pytest.approx(inside.mean(), abs=0.04)
    assert volume.std() == pytest.approx(real.std(), rel=0.25)
    for kind in (True, False):
        assert volume[(labels == 1) == kind].mean() == pytest.approx(real[inside == kind].mean(), abs=20)
