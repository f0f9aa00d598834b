"""Batches of crops are the same for any number of workers and processes, and after a resume."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from polybench.data.crops import Crop
from polybench.data.sample import Batch
from tests.data.crop_frames import cropped, write_round_frames

CROP = Crop(16, foreground=0.5, per_image=2)
EPOCH = 8  # crops of the 4 training frames

Batches = list[tuple[list[str], Tensor, Tensor, Tensor]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_round_frames(tmp_path / "frames")


def batches(root: Path, epoch: int = 0, **options: Any) -> Batches:
    """What a process trains on in an epoch: ids, images, masks and fields of view of each batch."""
    data = cropped(root, options.pop("crop", CROP), epoch=epoch, **options)
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    ready: list[Batch] = [data.on_after_batch_transfer(cast(Batch, batch), 0) for batch in loader]
    return [(batch["id"], batch["image"], batch["mask"], batch["valid"]) for batch in ready]


def assert_equal(found: Batches, expected: Batches) -> None:
    assert [names for names, *_ in found] == [names for names, *_ in expected]
    for one, other in zip(found, expected, strict=True):
        assert all(torch.equal(*pair) for pair in zip(one[1:], other[1:], strict=True))


def by_id(found: Batches) -> dict[str, Tensor]:
    return {name: images[row] for names, images, *_ in found for row, name in enumerate(names)}


def test_an_epoch_has_each_crop_once(root: Path) -> None:
    found = batches(root)
    assert sorted(by_id(found)) == [f"f{image}/c{k}" for image in range(4) for k in range(2)]
    assert tuple(found[0][1].shape) == (2, 3, 16, 16)


@pytest.mark.parametrize("epoch", [0, 3])
def test_workers_change_nothing(root: Path, epoch: int) -> None:
    assert_equal(batches(root, epoch, num_workers=2), batches(root, epoch))


def test_processes_change_nothing(root: Path) -> None:
    parts = [by_id(batches(root, 1, batch_size=2, rank=rank, world_size=2)) for rank in (0, 1)]
    whole = by_id(batches(root, 1))
    assert set(parts[0]).isdisjoint(parts[1])
    for name, image in (parts[0] | parts[1]).items():
        assert torch.equal(image, whole[name])


def test_a_resume_in_an_epoch_goes_on_with_the_next_crops(root: Path) -> None:
    whole = batches(root, 2)
    done = 2 * EPOCH // 2 + 3  # two epochs of four batches, and three batches
    assert_equal(batches(root, 2, done=done), whole[3:])


def test_epochs_have_other_crops(root: Path) -> None:
    first, second = by_id(batches(root, 0)), by_id(batches(root, 1))
    assert first.keys() == second.keys()
    assert not any(torch.equal(first[name], second[name]) for name in first)


def test_expanded_set_has_all_variants_of_each_crop(root: Path) -> None:
    found = by_id(batches(root, augment="efen25", expanded=True, batch_size=13))
    assert sorted(found) == sorted(f"f{i}/c{k}#{variant}" for i in range(4) for k in range(2) for variant in range(26))
    plain = by_id(batches(root, augment="none"))
    assert all(torch.equal(found[f"{name}#0"], image) for name, image in plain.items())
