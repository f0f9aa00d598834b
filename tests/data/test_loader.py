from types import SimpleNamespace

import pytest
import torch

from polybench.data.loader import EvaluationSampler, TrainingSampler
from polybench.metrics.prepare import resize_affine


def samples(n: int) -> SimpleNamespace:
    class Sized(SimpleNamespace):
        def __len__(self) -> int:
            return n

    return Sized()


def training(n: int, *, seed: int = 0, epoch: int = 0, rank: int = 0, world_size: int = 1) -> list[int]:
    sampler = TrainingSampler(samples(n), seed=seed, rank=rank, world_size=world_size)  # type: ignore[arg-type]
    sampler.set_epoch(epoch)
    return list(sampler)


def test_training_order_is_a_permutation_that_changes_with_epoch_and_seed() -> None:
    assert sorted(training(20)) == list(range(20))
    assert len({tuple(training(20, epoch=0)), tuple(training(20, epoch=1)), tuple(training(20, seed=1))}) == 3


def test_training_order_does_not_depend_on_global_state() -> None:
    torch.manual_seed(1)
    first = training(20)
    torch.rand(7)
    assert training(20) == first


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_the_order_evenly(world_size: int) -> None:
    parts = [training(20, rank=rank, world_size=world_size) for rank in range(world_size)]
    alone, shared = training(20), 20 // world_size * world_size
    assert {len(part) for part in parts} == {20 // world_size}
    assert [index for together in zip(*parts, strict=True) for index in together] == alone[:shared]


@pytest.mark.parametrize(("n", "world_size"), [(9, 2), (9, 3), (8, 3), (17, 4)])
def test_evaluation_deals_each_image_once_in_its_own_batch(n: int, world_size: int) -> None:
    alone = [list(range(n))[start : start + 2] for start in range(0, n, 2)]
    dealt = []
    for rank in range(world_size):
        order = list(EvaluationSampler(samples(n), batch_size=2, rank=rank, world_size=world_size))  # type: ignore[arg-type]
        dealt += [order[start : start + 2] for start in range(0, len(order), 2)]
    assert sorted(dealt) == alone


def test_process_without_a_batch_repeats_the_first() -> None:
    assert list(EvaluationSampler(samples(3), batch_size=4, rank=1, world_size=2)) == [0, 1, 2]  # type: ignore[arg-type]


def test_affine_maps_corners_to_corners() -> None:
    affine = resize_affine((4, 8), (12, 16))
    corner = affine @ torch.tensor([-0.5, -0.5, 1.0], dtype=torch.float64)
    opposite = affine @ torch.tensor([7.5, 3.5, 1.0], dtype=torch.float64)
    assert corner.tolist() == [-0.5, -0.5]
    assert opposite.tolist() == [15.5, 11.5]
