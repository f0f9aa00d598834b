import numpy as np
import pytest
from scipy import ndimage

from polybench.core.errors import ConfigError
from polybench.synth.lesions import lesion_frame

SMALL = (48, 64)

Frame = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return [lesion_frame(0, index, size=SMALL) for index in range(100)]


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_mask_is_one_region_without_holes(frames: list[Frame]) -> None:
    for _, mask in frames:
        assert ndimage.label(mask)[1] == 1
        assert np.array_equal(ndimage.binary_fill_holes(mask), mask)


def test_lesions_cover_2_to_70_per_cent(frames: list[Frame]) -> None:
    shares = [mask.mean() for _, mask in frames]
    assert min(shares) > 0.015  # specks that the outline's noise cuts off are not counted
    assert max(shares) < 0.72
    assert np.median(shares) == pytest.approx(0.137, abs=0.04)  # ISIC 2018: 0.137


def test_lesion_is_darker_than_the_skin_round_it(frames: list[Frame]) -> None:
    for image, mask in frames:
        near = ndimage.binary_dilation(mask, iterations=7) & ~ndimage.binary_dilation(mask, iterations=2)
        skin = near & (image.max(2) > 50)  # not the device's black corners
        assert image[mask].mean() < image[skin].mean() - 4


def test_colours_are_those_of_isic(frames: list[Frame]) -> None:
    lesion = np.mean([image[mask].mean(0) for image, mask in frames], axis=0)
    skin = np.mean([image[~mask].mean(0) for image, mask in frames], axis=0)
    assert lesion == pytest.approx([158, 108, 87], abs=12)  # every fifth image of ISIC 2018, shares of 2 to 70 %
    assert skin == pytest.approx([188, 160, 150], abs=12)


def test_images_vary_as_those_of_isic(frames: list[Frame]) -> None:
    contrast = np.std([np.log(image[mask].mean(0) / image[~mask].mean(0)) for image, mask in frames], axis=0)
    assert contrast == pytest.approx([0.25, 0.32, 0.37], abs=0.1)  # as above


def test_frames_differ_from_each_other(frames: list[Frame]) -> None:
    overlaps = [iou(one[1], other[1]) for i, one in enumerate(frames[:30]) for other in frames[:i]]
    assert np.mean(overlaps) < 0.4


def test_same_arguments_give_the_same_frame(frames: list[Frame]) -> None:
    for index in (7, 0, 3):
        image, mask = lesion_frame(0, index, size=SMALL)
        assert np.array_equal(image, frames[index][0])
        assert np.array_equal(mask, frames[index][1])


def test_another_seed_gives_another_frame(frames: list[Frame]) -> None:
    image, mask = lesion_frame(1, 0, size=SMALL)
    assert not np.array_equal(mask, frames[0][1])
    assert not np.array_equal(image, frames[0][0])


def test_global_generator_is_neither_read_nor_moved(frames: list[Frame]) -> None:
    np.random.seed(1)
    assert np.array_equal(lesion_frame(0, 3, size=SMALL)[0], frames[3][0])
    assert np.random.rand() == pytest.approx(0.417022004702574)  # first draw of MT19937 seeded with 1


@pytest.mark.parametrize("size", [(32, 32), (40, 90), (90, 40)])
def test_other_sizes_work(size: tuple[int, int]) -> None:
    for index in range(8):
        image, mask = lesion_frame(2, index, size=size)
        assert (image.shape, image.dtype) == ((*size, 3), np.uint8)
        assert (mask.shape, mask.dtype) == (size, np.bool_)
        assert ndimage.label(mask)[1] == 1


def test_a_finer_picture_shows_the_same_lesion(frames: list[Frame]) -> None:
    for index in range(6):
        _, fine = lesion_frame(0, index, size=(96, 128))
        assert iou(fine.reshape(48, 2, 64, 2).mean((1, 3)) > 0.5, frames[index][1]) > 0.85


def test_impossible_frames_are_refused() -> None:
    with pytest.raises(ConfigError, match="seed -1"):
        lesion_frame(-1, 0)
    with pytest.raises(ConfigError, match="index -2"):
        lesion_frame(0, -2)
    with pytest.raises(ConfigError, match="at least 32 pixels"):
        lesion_frame(0, 0, size=(31, 64))
