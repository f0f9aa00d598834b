from typing import Literal

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import skeletonize

from polybench.core.errors import ConfigError
from polybench.synth.vessels import fundus_frame

SMALL = (64, 62)

Frame = tuple[np.ndarray, np.ndarray, np.ndarray]
Field = Literal["drive", "chase"]


@pytest.fixture(scope="module")
def drive() -> list[Frame]:
    return [fundus_frame(0, index, eye=("left", "right")[index % 2]) for index in range(4)]


@pytest.fixture(scope="module")
def chase() -> list[Frame]:
    """At half of CHASE_DB1's size, which is enough for shares."""
    return [fundus_frame(0, index, size=(480, 500), field="chase") for index in range(3)]


def brightest(frame: Frame) -> tuple[float, float]:
    """Where the optic disc is: the brightest place of the blurred image (down, across), in radii from the centre."""
    image, _, inside = frame
    rows, columns = np.nonzero(inside)
    radius = np.sqrt(inside.sum() / np.pi)
    smooth = ndimage.gaussian_filter(image[..., 1].astype(float) * inside, 0.08 * radius)
    row, column = np.unravel_index(smooth.argmax(), smooth.shape)
    return (row - rows.mean()) / radius, (column - columns.mean()) / radius


def test_vessels_lie_inside_the_field_of_view(drive: list[Frame], chase: list[Frame]) -> None:
    for _, vessels, inside in drive + chase:
        assert vessels.any()
        assert not (vessels & ~inside).any()


def test_field_of_view_is_a_disc(drive: list[Frame], chase: list[Frame]) -> None:
    for _, _, inside in drive + chase:
        rows, columns = np.nonzero(inside)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert abs(height - width) <= 1
        assert inside.sum() == pytest.approx(np.pi * (height / 2) ** 2, rel=0.01)


def test_field_of_view_covers_as_much_as_the_real_one(drive: list[Frame], chase: list[Frame]) -> None:
    for _, _, inside in drive + chase:
        assert inside.mean() == pytest.approx(0.69, abs=0.01)  # DRIVE 0.688, CHASE_DB1 0.686 on average


def test_outside_the_field_of_view_is_black(drive: list[Frame], chase: list[Frame]) -> None:
    for image, _, inside in drive + chase:
        far = ~ndimage.binary_dilation(inside, iterations=30)
        assert image[far].mean() < 12
        assert image[inside].mean() > 40


def test_vessels_cover_a_real_share_of_the_field_of_view(drive: list[Frame], chase: list[Frame]) -> None:
    for _, vessels, inside in drive:
        assert 0.087 < vessels[inside].mean() < 0.168  # smallest and greatest of DRIVE's 40
    for _, vessels, inside in chase:
        assert 0.073 < vessels[inside].mean() < 0.123  # of CHASE_DB1's 28
    assert np.mean([vessels[inside].mean() for _, vessels, inside in drive]) == pytest.approx(0.12, abs=0.015)
    assert np.mean([vessels[inside].mean() for _, vessels, inside in chase]) == pytest.approx(0.10, abs=0.015)


def test_vessels_are_darker_in_green_than_beside(drive: list[Frame], chase: list[Frame]) -> None:
    for image, vessels, inside in drive + chase:
        beside = ndimage.binary_dilation(vessels, iterations=5) & ~ndimage.binary_dilation(vessels) & inside
        assert image[vessels, 1].mean() < 0.95 * image[beside, 1].mean()


def test_vessels_are_mostly_one_connected_tree(drive: list[Frame], chase: list[Frame]) -> None:
    for _, vessels, _ in drive + chase:
        labels, _ = ndimage.label(skeletonize(vessels), np.ones((3, 3)))
        sizes = np.bincount(labels.ravel())[1:]
        assert sizes.max() > 0.9 * sizes.sum()


def test_vessels_taper(drive: list[Frame]) -> None:
    for _, vessels, _ in drive:
        calibre = 2 * ndimage.distance_transform_edt(vessels)[skeletonize(vessels)]
        assert np.quantile(calibre, 0.2) < 3
        assert np.quantile(calibre, 0.99) > 6


@pytest.mark.parametrize("index", range(3))
def test_disc_lies_left_in_left_eyes_and_right_in_right_eyes(index: int) -> None:
    left, right = (brightest(fundus_frame(1, index, size=(128, 124), eye=eye)) for eye in ("left", "right"))
    assert left[1] == pytest.approx(-0.72, abs=0.15)  # 45 degrees wide, fovea in the middle
    assert right[1] == pytest.approx(0.72, abs=0.15)
    assert abs(left[0]) < 0.2


@pytest.mark.parametrize("index", range(3))
def test_chase_is_centred_on_the_disc(index: int) -> None:
    assert np.hypot(*brightest(fundus_frame(1, index, size=(128, 133), field="chase"))) < 0.25


@pytest.mark.parametrize("field", ["drive", "chase"])
def test_both_eyes_of_a_person_have_the_same_colours(field: Field) -> None:
    means = []
    for index in range(5):
        for eye in ("left", "right"):
            image, _, inside = fundus_frame(0, index, size=SMALL, eye=eye, field=field)
            means.append(image[inside].mean(0))
    pairs = np.array(means).reshape(5, 2, 3)
    assert np.abs(pairs[:, 0] - pairs[:, 1]).max() < 8
    assert pairs.mean(1).std(0)[0] > 12


def test_the_other_eye_is_no_mirror_image() -> None:
    left, right = (fundus_frame(0, 0, size=SMALL, eye=eye)[1] for eye in ("left", "right"))
    mirrored = right[:, ::-1]
    assert (left & mirrored).sum() / (left | mirrored).sum() < 0.5


@pytest.mark.parametrize(("field", "red", "green"), [("drive", 184, 95), ("chase", 166, 60)])
def test_colours_are_those_of_the_dataset(field: Field, red: float, green: float) -> None:
    means = []
    for index in range(16):
        image, _, inside = fundus_frame(3, index, size=SMALL, field=field)
        means.append(image[inside].mean(0))
    assert np.mean(means, axis=0)[0] == pytest.approx(red, rel=0.15)
    assert np.mean(means, axis=0)[1] == pytest.approx(green, rel=0.2)


def test_same_arguments_give_the_same_frame_and_leave_the_global_generator_alone() -> None:
    first = fundus_frame(0, 1, size=SMALL)
    np.random.seed(1)
    for one, other in zip(first, fundus_frame(0, 1, size=SMALL), strict=True):
        assert np.array_equal(one, other)
    assert np.random.rand() == pytest.approx(0.417022004702574)  # first draw of MT19937 seeded with 1


@pytest.mark.parametrize("other", [(1, 0), (0, 1)])
def test_another_seed_or_index_gives_another_frame(other: tuple[int, int]) -> None:
    assert not np.array_equal(fundus_frame(*other, size=SMALL)[1], fundus_frame(0, 0, size=SMALL)[1])


@pytest.mark.parametrize("size", [(32, 32), (40, 90), (90, 40)])
@pytest.mark.parametrize("field", ["drive", "chase"])
def test_other_sizes_work(size: tuple[int, int], field: Field) -> None:
    image, vessels, inside = fundus_frame(0, 0, size=size, field=field)
    assert (image.shape, image.dtype) == ((*size, 3), np.uint8)
    assert vessels.shape == inside.shape == size
    assert vessels.dtype == inside.dtype == np.bool_
    assert vessels.any()
    assert not inside[0, 0]


def test_impossible_frames_are_refused() -> None:
    with pytest.raises(ConfigError, match="seed -1"):
        fundus_frame(-1, 0)
    with pytest.raises(ConfigError, match="index -2"):
        fundus_frame(0, -2)
    with pytest.raises(ConfigError, match="at least 32 pixels"):
        fundus_frame(0, 0, size=(64, 31))
    with pytest.raises(ConfigError, match="eye 'middle'"):
        fundus_frame(0, 0, eye="middle")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="field 'stare'"):
        fundus_frame(0, 0, field="stare")  # type: ignore[arg-type]
