from collections import Counter

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu

from polybench.core.errors import ConfigError
from polybench.synth import nuclei
from polybench.synth.nuclei import Modality, nuclei_frame, nuclei_modality

SMALL = (64, 64)
Frame = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Two blocks of twenty: every modality is among them."""
    return [nuclei_frame(0, index, size=SMALL) for index in range(40)]


def of(modality: Modality, frames: list[Frame]) -> list[Frame]:
    return [frame for index, frame in enumerate(frames) if nuclei_modality(0, index) == modality]


def test_instances_are_numbered_without_a_gap(frames: list[Frame]) -> None:
    for _, labels in frames:
        assert np.array_equal(np.unique(labels[labels > 0]), np.arange(1, labels.max() + 1))
        assert labels.max() >= 1


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (96, 40)])
def test_every_instance_is_in_one_piece(size: tuple[int, int]) -> None:
    for index in range(20):
        _, labels = nuclei_frame(3, index, size=size)
        for number in range(1, labels.max() + 1):
            assert ndimage.label(labels == number)[1] == 1


def test_a_nucleus_cut_in_two_keeps_its_larger_piece() -> None:
    owner = np.zeros((10, 12), dtype=np.int64)
    owner[:, 7:9] = 1
    field, labels = nuclei._number(nuclei._Field(np.full((10, 12), 0.5), owner), 0.5)
    assert np.array_equal(labels[0], [1] * 7 + [2] * 2 + [0] * 3)
    assert (labels == labels[0]).all()
    assert np.array_equal(field.edge < 1, labels > 0)


def test_some_nuclei_touch_and_most_do_not(frames: list[Frame]) -> None:
    blobs = sum(ndimage.label(labels > 0)[1] for _, labels in frames)
    nuclei = sum(labels.max() for _, labels in frames)
    assert 0.4 * nuclei < blobs < 0.95 * nuclei


def test_fluorescent_nuclei_are_brighter_than_the_rest(frames: list[Frame]) -> None:
    for image, labels in of("fluorescence", frames):
        assert image[labels > 0].mean() > 1.5 * image[labels == 0].mean()


def test_stained_nuclei_are_darker_than_the_rest(frames: list[Frame]) -> None:
    for image, labels in of("tissue", frames) + of("smear", frames) + of("cytology", frames):
        assert image[labels > 0].mean() < image[labels == 0].mean() - 20


def test_fluorescence_and_cytology_are_grey_and_dyes_are_purple(frames: list[Frame]) -> None:
    for image, _ in of("fluorescence", frames) + of("cytology", frames):
        assert (image == image[..., :1]).all()
    for image, labels in of("tissue", frames) + of("smear", frames):
        red, green, blue = image[labels > 0].mean(0)
        assert blue > green + 15
        assert red > green + 15


def test_outlines_lie_where_the_image_changes(frames: list[Frame]) -> None:
    scores = []
    for image, labels in of("fluorescence", frames):
        grey, mask = image[..., 0], labels > 0
        bright = grey > threshold_otsu(grey)
        scores.append(2 * (mask & bright).sum() / (mask.sum() + bright.sum()))
    assert np.mean(scores) > 0.7


def test_modalities_have_the_real_shares() -> None:
    # of 670 images 546 fluorescent, 70 tissue, 38 smears, 16 grey cytology, counted by their mean colours
    shares: dict[Modality, float] = {
        "fluorescence": 546 / 670,
        "tissue": 70 / 670,
        "smear": 38 / 670,
        "cytology": 16 / 670,
    }
    counts = Counter(nuclei_modality(5, index) for index in range(200))
    for modality, share in shares.items():
        assert counts[modality] / 200 == pytest.approx(share, abs=0.02)


def test_order_of_modalities_depends_on_the_seed() -> None:
    orders = {tuple(nuclei_modality(seed, index) for index in range(20)) for seed in range(5)}
    assert len(orders) == 5


def test_numbers_and_sizes_vary_as_in_the_real_set() -> None:
    labels = [nuclei_frame(1, index)[1] for index in range(60)]
    counts = [image.max() for image in labels]
    assert 30 < np.mean(counts) < 60  # 29461 instances in 670 images: 44
    assert min(counts) < 10
    assert max(counts) > 100
    areas = [np.median(np.bincount(image.ravel())[1:]) for image in labels]
    assert max(areas) > 10 * min(areas)


def test_a_frame_does_not_depend_on_those_made_before(frames: list[Frame]) -> None:
    for index in (17, 3, 30):
        image, labels = nuclei_frame(0, index, size=SMALL)
        assert np.array_equal(image, frames[index][0])
        assert np.array_equal(labels, frames[index][1])


def test_global_generator_is_neither_read_nor_moved() -> None:
    np.random.seed(1)
    first = nuclei_frame(0, 2, size=SMALL)[0]
    assert np.random.rand() == pytest.approx(0.417022004702574)  # first draw of MT19937 seeded with 1
    assert np.array_equal(nuclei_frame(0, 2, size=SMALL)[0], first)


def test_seeds_and_indices_give_different_frames() -> None:
    images = {nuclei_frame(seed, index, size=SMALL)[0].tobytes() for seed in range(3) for index in range(5)}
    assert len(images) == 15


@pytest.mark.parametrize("size", [(32, 32), (48, 80), (65, 33)])
def test_size_is_honoured(size: tuple[int, int]) -> None:
    image, labels = nuclei_frame(0, 0, size=size)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert labels.shape == size
    assert labels.dtype == np.int32


@pytest.mark.parametrize(("seed", "index", "size"), [(-1, 0, SMALL), (0, -1, SMALL), (0, 0, (31, 64))])
def test_impossible_frames_are_refused(seed: int, index: int, size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="at least 32 pixels"):
        nuclei_frame(seed, index, size=size)
