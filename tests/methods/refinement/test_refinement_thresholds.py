"""The choice of thresholds, by hand and against plain loops over the grid."""

import multiprocessing
import os
from multiprocessing.connection import Connection

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage
from skimage.measure import label
from sklearn.metrics import f1_score

from polybench.methods.refinement.regions import ClassifiedMask, find_regions
from polybench.methods.refinement.thresholds import MASK_GRID, REGION_GRID, RELEASED, ThresholdChoice, ThresholdRows

Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float64]


def at_all_thresholds(probability: Map, chance: Map) -> list[ClassifiedMask]:
    """What a refiner would find, where a region's probability is `chance` at its first pixel."""
    found = []
    for threshold in MASK_GRID:
        mask = probability >= threshold
        regions = find_regions(mask)
        firsts = [np.flatnonzero(regions.labels == k + 1)[0] for k in range(len(regions.boxes))]
        found.append(ClassifiedMask(mask, regions, chance.ravel()[np.array(firsts, int)]))
    return found


def boxes(*levels: float) -> Map:
    """A map of 10x32 with boxes of 4x4 at these levels, from left to right."""
    found = np.zeros((10, 32))
    for place, level in enumerate(levels):
        found[3:7, 1 + 6 * place : 5 + 6 * place] = level
    return found


def choice(*images: tuple[Map, Map, Mask]) -> ThresholdChoice:
    """Choose by maps, chances and truths."""
    rows = ThresholdRows()
    for number, (probability, chance, truth) in enumerate(images):
        rows.update(str(number), "g", at_all_thresholds(probability, chance), truth)
    found: ThresholdChoice = rows.compute()
    return found


def test_grids_are_the_exact_decimals() -> None:
    assert MASK_GRID == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert REGION_GRID[:4] == (0, 0.05, 0.1, 0.15)
    assert REGION_GRID[-1] == 0.95
    assert RELEASED == (0.2, 0.1, "released")


def test_a_false_region_is_removed_by_the_lowest_threshold_that_does() -> None:
    true = boxes(1) > 0
    found = choice((boxes(0.9, 0.9), boxes(0.8, 0.3), true))
    assert found.thresholds == (0.5, 0.3, "validation")  # 0.3 is not above 0.3
    expected = [2 / 3] * 6 + [1] * 10 + [0] * 4  # 16 of 32 pixels; then 16 of 16; from 0.8 on nothing is left
    np.testing.assert_allclose(found.dice, [expected] * 9, atol=1e-12)
    assert found.plain_dice == pytest.approx(2 / 3)


def test_means_are_those_of_images() -> None:
    """Image 1 wants its region, of chance 0.4, kept; image 2 wants two of chance 0.5, alone faint, removed."""
    first = (boxes(0.9), boxes(0.4), boxes(1) > 0)
    second = (boxes(0.9, 0.35, 0.35), boxes(0.9, 0.5, 0.5), boxes(1) > 0)
    found = choice(first, second)
    assert found.thresholds == (0.5, 0, "validation")
    assert found.dice[4, 0] == found.plain_dice == 1
    assert found.dice[0, 0] == pytest.approx((1 + 2 * 16 / (16 + 48)) / 2)
    assert found.dice[0, 8] == pytest.approx((0 + 2 * 16 / (16 + 48)) / 2)
    assert found.dice[0, 10] == pytest.approx((0 + 1) / 2)


def test_an_image_without_object_scores_one_where_all_is_removed_and_nothing_before() -> None:
    found = choice((boxes(0.6), boxes(0.2), np.zeros((10, 32), np.bool_)))
    np.testing.assert_array_equal(found.dice[:6], [[0] * 4 + [1] * 16] * 6)
    np.testing.assert_array_equal(found.dice[6:], np.ones((3, 20)))  # nothing reaches 0.7
    assert found.thresholds == (0.7, 0, "validation")  # so that nothing need be removed
    assert found.plain_dice == 0


def test_of_equals_the_mask_threshold_nearest_to_a_half_is_taken_and_the_lower_of_two() -> None:
    true = boxes(1) > 0
    assert choice((boxes(0.9), boxes(0.9), true)).thresholds == (0.5, 0, "validation")
    ambiguous = [at_all_thresholds(boxes(0.9), boxes(0.9))[0] for _ in MASK_GRID]
    nothing = boxes() > 0
    ambiguous[4] = ClassifiedMask(nothing, find_regions(nothing), np.zeros(0))
    rows = ThresholdRows()
    rows.update("a", "a", ambiguous, true)
    assert rows.compute().thresholds == (0.4, 0, "validation")


def test_only_probability_zero_goes_at_region_threshold_zero() -> None:
    true = boxes(1) > 0
    found = choice((boxes(0.9, 0.9, 0.9), boxes(0.8, 0, 1e-6), true))
    assert found.dice[0, 0] == pytest.approx(2 * 16 / (32 + 16))
    assert found.plain_dice == pytest.approx(2 * 16 / (48 + 16))  # nothing is removed of a plain test


def test_an_island_that_goes_after_its_ring_is_not_counted_twice() -> None:
    """A ring of 16 pixels, chance 0.2, round one of chance 0.4, beside the true 16."""
    probability, chance = boxes(0, 0, 0.9), boxes(0, 0, 0.9)
    probability[2:7, 1:6] = 0.9
    probability[3:6, 2:5] = 0
    probability[4, 3] = 0.9
    chance[2:7, 1:6], chance[4, 3] = 0.2, 0.4
    found = choice((probability, chance, boxes(0, 0, 1) > 0))
    np.testing.assert_allclose(found.dice[0, [0, 4, 8, 17]], [32 / 49, 1, 1, 1], atol=1e-12)
    np.testing.assert_allclose(found.dice[0, 18], 0, atol=1e-12)


def by_loops(probability: Map, chance: Map, truth: Mask) -> Map:
    table = np.zeros((len(MASK_GRID), len(REGION_GRID)))
    for t, mask_threshold in enumerate(MASK_GRID):
        labels = label(probability >= mask_threshold, connectivity=2)
        for k, region_threshold in enumerate(REGION_GRID):
            left = labels > 0
            for number in range(1, labels.max() + 1):
                if chance[labels == number][0] <= region_threshold:
                    left = left & ~ndimage.binary_fill_holes(labels == number)
            table[t, k] = f1_score(truth.ravel(), left.ravel(), zero_division=1)
    return table


def noise(seed: int) -> tuple[Map, Map, Mask]:
    """Blobs with holes and islands; a chance for each pixel, many of them on the grid; a truth much like the map."""
    random = np.random.default_rng(seed)
    probability = ndimage.gaussian_filter(random.random((24, 28)), 1.2)
    probability = (probability - probability.min()) / np.ptp(probability)
    chance = np.where(random.random((24, 28)) < 0.5, random.integers(0, 21, (24, 28)) / 20, random.random((24, 28)))
    return probability, chance, probability + random.normal(0, 0.2, (24, 28)) > 0.6


def test_the_table_is_that_of_plain_loops() -> None:
    images = [noise(seed) for seed in range(3)]
    found = choice(*images)
    expected = np.mean([by_loops(*image) for image in images], axis=0)
    np.testing.assert_allclose(found.dice, expected, atol=1e-12)
    mask, region = MASK_GRID.index(found.thresholds.mask), REGION_GRID.index(found.thresholds.region)
    assert expected[mask, region] == pytest.approx(expected.max(), abs=1e-12)
    plain = [f1_score(truth.ravel(), (p >= 0.5).ravel()) for p, _, truth in images]
    assert found.plain_dice == pytest.approx(np.mean(plain))


def one_process(rank: int, port: str, pipe: Connection) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    rows = ThresholdRows()
    for seed in ([0, 2], [1, 0])[rank]:  # one image twice
        probability, chance, truth = noise(seed)
        rows.update(str(seed), "g", at_all_thresholds(probability, chance), truth)
    found = rows.compute()
    pipe.send((*found.thresholds, found.dice.tolist(), found.plain_dice))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_choose_as_one_does() -> None:
    alone = choice(*(noise(seed) for seed in range(3)))
    context = multiprocessing.get_context("fork")
    port = str(24000 + os.getpid() % 20000)
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    processes = [context.Process(target=one_process, args=(rank, port, pipes[rank][1])) for rank in range(2)]
    for process in processes:
        process.start()
    for receive, _ in pipes:
        assert receive.poll(120)
        assert receive.recv() == (*alone.thresholds, alone.dice.tolist(), alone.plain_dice)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
