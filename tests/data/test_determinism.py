"""The same sample gets the same augmentation, whatever the order, the batch, the workers or the processes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from polybench.data.loader import CachedSamples
from polybench.data.sample import collate, to_float
from polybench.datasets import ClinicDBDataModule
from tests.data.stub_trainer import stub_trainer


def make(root: Path, *, rank: int = 0, world_size: int = 1, epoch: int = 0, **options: Any) -> ClinicDBDataModule:
    data = ClinicDBDataModule(
        str(root), (24, 32), str(root / "split.csv"), augment=options.pop("augment", "standard"), seed=3, **options
    )
    data.trainer = stub_trainer(rank, world_size, epoch)  # type: ignore[assignment]
    data.prepare_data()
    data.setup("fit")
    return data


def trained_on(data: ClinicDBDataModule, epoch: int = 0) -> dict[str, tuple[Tensor, Tensor]]:
    """What the trainer would see in an epoch, by id."""
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    seen = {}
    for batch in loader:
        ready = data.on_after_batch_transfer(batch, 0)  # type: ignore[arg-type]
        seen |= {name: (ready["image"][row], ready["mask"][row]) for row, name in enumerate(ready["id"])}
    return seen


def one_by_one(data: ClinicDBDataModule, epoch: int = 0) -> dict[str, tuple[Tensor, Tensor]]:
    """The training subset in its own order, each sample a batch."""
    samples = CachedSamples(data.cache, data.ids("train"), dict(data.split.groups), native=False)
    seen = {}
    for index in range(len(samples)):
        batch = to_float(collate([samples[index]]))
        data.augment(batch, epoch, has_valid=False)
        seen[batch["id"][0]] = (batch["image"][0], batch["mask"][0])
    return seen


def assert_equal(found: dict[str, tuple[Tensor, Tensor]], expected: dict[str, tuple[Tensor, Tensor]]) -> None:
    assert set(found) == set(expected)
    for name, tensors in expected.items():
        assert all(torch.equal(one, other) for one, other in zip(found[name], tensors, strict=True)), name


@pytest.mark.parametrize("augment", ["standard", "efen25", "fanet", "keras_fcn"])
def test_order_and_batch_change_nothing(data_root: Path, augment: str) -> None:
    data = make(data_root, augment=augment, batch_size=3)
    assert_equal(trained_on(data), one_by_one(data))


def test_workers_change_nothing(data_root: Path) -> None:
    data = make(data_root, batch_size=2, num_workers=2)
    assert_equal(trained_on(data), one_by_one(data))


def test_processes_change_nothing(data_root: Path) -> None:
    parts = [trained_on(make(data_root, batch_size=2, rank=rank, world_size=2)) for rank in (0, 1)]
    assert_equal(parts[0] | parts[1], one_by_one(make(data_root)))


def test_set_on_the_device_changes_nothing(data_root: Path) -> None:
    assert_equal(trained_on(make(data_root, batch_size=2, on_device=True)), one_by_one(make(data_root)))


def test_epochs_and_seeds_differ(data_root: Path) -> None:
    data = make(data_root, augment="keras_fcn")
    first, second = one_by_one(data, 0), one_by_one(data, 1)
    data.seed += 1
    third = one_by_one(data, 0)
    for name, (image, _) in first.items():
        assert not torch.equal(image, second[name][0])
        assert not torch.equal(image, third[name][0])


def test_expanded_set_has_each_variant_once_and_the_same_in_every_epoch(data_root: Path) -> None:
    data = make(data_root, augment="efen25", expanded=True, batch_size=13)
    seen = trained_on(data)
    assert set(seen) == {f"{image_id}#{variant}" for image_id in data.ids("train") for variant in range(26)}
    data = make(data_root, augment="efen25", expanded=True, batch_size=13, epoch=5)
    assert_equal(trained_on(data, 5), seen)


def test_variant_zero_is_the_image_itself(data_root: Path) -> None:
    plain = trained_on(make(data_root, augment="none", batch_size=1))
    seen = trained_on(make(data_root, augment="efen25", expanded=True, batch_size=13))
    assert_equal({name: seen[f"{name}#0"] for name in plain}, plain)


def test_evaluation_is_never_augmented(data_root: Path) -> None:
    data = make(data_root, augment="keras_fcn")
    data.trainer.training = False  # type: ignore[union-attr]
    [batch] = list(data.val_dataloader())
    expected = data.cache.image(batch["position"][0])
    found = data.on_after_batch_transfer(batch, 0)["image"][0]
    torch.testing.assert_close(found.permute(1, 2, 0) * 255, torch.from_numpy(expected.copy()).float())
