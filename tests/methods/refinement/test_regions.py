"""Regions and their removal, against scikit-image, SciPy on whole images, and drawings."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage
from skimage.measure import label, regionprops

from polybench.methods.refinement.regions import ClassifiedMask, find_regions, without

Mask = npt.NDArray[np.bool_]


def drawn(picture: str) -> Mask:
    """`#` is foreground."""
    return np.array([[letter == "#" for letter in line.strip()] for line in picture.strip().splitlines()])


def removed(mask: Mask, *points: tuple[int, int]) -> Mask:
    """The mask without the regions that hold these points."""
    regions = find_regions(mask)
    rejected = np.zeros(len(regions.boxes), np.bool_)
    for point in points:
        rejected[regions.labels[point] - 1] = True
    return without(mask, regions, rejected)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_labels_and_boxes_are_those_of_scikit_image(share: float) -> None:
    mask = np.random.default_rng(int(10 * share)).random((31, 44)) < share
    regions = find_regions(mask)
    expected = label(mask, connectivity=2)
    pairs = set(zip(regions.labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == expected.max() + 1 == len(regions.boxes) + 1  # the same division, numbered in whatever way
    assert regions.labels.dtype == np.int32
    boxes = {region.label: region.bbox for region in regionprops(expected)}
    for mine, theirs in pairs - {(0, 0)}:
        assert tuple(regions.boxes[mine - 1]) == boxes[theirs]


def test_diagonal_neighbours_are_one_region() -> None:
    regions = find_regions(drawn("#..#\n.#..\n...."))
    assert regions.labels.tolist() == [[1, 0, 0, 2], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert regions.boxes.tolist() == [[0, 0, 2, 2], [0, 3, 1, 4]]


def test_an_empty_mask_has_no_regions() -> None:
    mask = np.zeros((4, 5), np.bool_)
    regions = find_regions(mask)
    assert regions.boxes.shape == (0, 4)
    assert not without(mask, regions, np.zeros(0, np.bool_)).any()


@pytest.mark.parametrize("seed", range(8))
def test_what_goes_is_each_region_filled_on_the_whole_image(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(random.random((40, 50)), 1) > 0.5
    regions = find_regions(mask)
    rejected = random.random(len(regions.boxes)) < 0.4
    expected = mask.copy()
    for number in np.flatnonzero(rejected):
        expected[ndimage.binary_fill_holes(regions.labels == number + 1)] = False
    np.testing.assert_array_equal(without(mask, regions, rejected), expected)


RING = """
.......#
.#####..
.#...#..
.#.#.#..
.#...#..
.#####..
"""


def test_a_ring_goes_with_the_island_in_its_hole() -> None:
    mask = drawn(RING)
    assert np.argwhere(removed(mask, (1, 1))).tolist() == [[0, 7]]
    assert mask.sum() == 18  # of which nothing was taken in place


def test_an_island_goes_and_the_ring_stays() -> None:
    left = removed(drawn(RING), (3, 3))
    assert left.sum() == 17
    assert not left[2:5, 2:5].any()


def test_a_kept_ring_keeps_its_hole() -> None:
    np.testing.assert_array_equal(removed(drawn(RING), (0, 7)), drawn(RING) & ~(np.arange(8) == 7))


def test_a_bay_at_the_border_is_no_hole() -> None:
    mask = drawn("####\n#...\n#.#.\n#...\n####")
    assert np.argwhere(removed(mask, (0, 0))).tolist() == [[2, 2]]
    assert np.argwhere(removed(mask[:, ::-1], (0, 0))).tolist() == [[2, 1]]
    assert np.argwhere(removed(mask.T, (0, 0))).tolist() == [[2, 2]]


def test_a_ring_of_diagonal_steps_encloses() -> None:
    mask = drawn("...#...\n..#.#..\n.#...#.\n#..#..#\n.#...#.\n..#.#..\n...#...")
    assert not removed(mask, (0, 3)).any()


def test_a_region_stays_where_its_probability_exceeds_the_threshold() -> None:
    mask = drawn("#.#.#")
    found = ClassifiedMask(mask, find_regions(mask), np.array([0.0, 0.1, 0.10001]))
    assert found.rejected(0.1).tolist() == [True, True, False]
    assert found.rejected(0.0).tolist() == [True, False, False]
