"""A joint module yields the batches of its two modules, step by step, and resumes at the right one."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from PIL import Image

from polybench.augment import named_policy
from polybench.core.errors import ConfigError
from polybench.data.patch_module import PatchDataModule
from polybench.datasets import ClinicDBDataModule
from polybench.methods.transfer.joint_module import JointDataModule

STEPS = 3
"""Of an epoch: six images, two of them in a batch."""
PIXELS = {"augment": "standard"}

Data = TypeVar("Data", bound=LightningDataModule)
Step = tuple[tuple[list[str], torch.Tensor], tuple[list[str], torch.Tensor]]
"""Ids and pixels of a step's images, and of its patches."""


def images(root: Path, **options: Any) -> ClinicDBDataModule:
    return ClinicDBDataModule(str(root), (24, 24), str(root / "split.csv"), batch_size=2, **PIXELS, **options)


def set_up(data: Data, rank: int = 0, world_size: int = 1, limit: float = 1.0) -> Data:
    """Make a module ready to train, with a trainer of which only the progress is there."""
    progress = {"processed": 0}
    batch_progress = SimpleNamespace(total=SimpleNamespace(state_dict=lambda: progress))
    data.trainer = SimpleNamespace(  # type: ignore[assignment]
        global_rank=rank,
        world_size=world_size,
        training=True,
        current_epoch=0,
        limit_train_batches=limit,
        state=SimpleNamespace(fn=TrainerFn.FITTING),
        fit_loop=SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=batch_progress)),
        progress=progress,
    )
    data.prepare_data()
    data.setup("fit")
    return data


def joint(
    root: Path, *, workers: int = 0, patch_batch: int = 5, seed: int = 3, place: tuple[int, int] = (0, 1), **rest: Any
) -> JointDataModule:
    patches = partial(PatchDataModule, size=24, batch_size=patch_batch, num_workers=workers, **PIXELS)
    return set_up(JointDataModule(images(root, num_workers=workers), patches, seed=seed), *place, **rest)


def alone(root: Path, batch_size: int, place: tuple[int, int] = (0, 1)) -> Iterator[tuple[list[str], torch.Tensor]]:
    """Batch after batch of the patches in a fit of their own, of seed 3."""
    source = ClinicDBDataModule(str(root), split=str(root / "split.csv"))
    data = set_up(PatchDataModule(source, 24, batch_size=batch_size, seed=3, **PIXELS), *place)
    return dealt(data)


def dealt(data: Any) -> Iterator[tuple[list[str], torch.Tensor]]:
    """Batch after batch of a module, epoch after epoch."""
    loader = data.train_dataloader()
    for epoch in range(100):
        loader.sampler.set_epoch(epoch)
        data.trainer.current_epoch = epoch
        for batch in loader:
            moved = data.on_after_batch_transfer(batch, 0)
            yield moved["id"], moved["image"]


def steps(data: JointDataModule, epochs: int, done: int = 0, per_epoch: int = STEPS) -> list[Step]:
    """What is trained on in the epochs of a fit, or in the rest of them."""
    trainer: Any = data.trainer
    trainer.progress["processed"] = done
    loader = data.train_dataloader()
    found: list[Step] = []
    for epoch in range(done // per_epoch, epochs):
        trainer.current_epoch = epoch
        for part in loader.flattened:
            part.sampler.set_epoch(epoch)
        for batch, _, _ in islice(loader, per_epoch):
            moved: Any = data.on_after_batch_transfer(batch, 0)
            one, other = moved["images"], moved["patches"]
            found.append(((one["id"], one["image"]), (other["id"], other["image"])))
    return found


def assert_equal(found: Any, expected: Any) -> None:
    assert [ids for ids, _ in found] == [ids for ids, _ in expected]
    assert all(torch.equal(one, other) for (_, one), (_, other) in zip(found, expected, strict=True))


@pytest.mark.parametrize("place", [(0, 1), (1, 2)])
def test_images_and_patches_are_those_of_their_own_modules(frames: Path, place: tuple[int, int]) -> None:
    rank, world_size = place
    found = steps(joint(frames, patch_batch=6, place=place), epochs=8)
    assert len(found) == 8 * STEPS
    own = set_up(images(frames, seed=3), rank, world_size)
    assert_equal([one for one, _ in found], list(islice(dealt(own), len(found))))
    assert_equal([other for _, other in found], list(islice(alone(frames, 6, place), len(found))))


def test_patches_run_on_through_their_own_epochs(frames: Path) -> None:
    data = joint(frames)
    whole = len(data.ids("train")), len(data.patches.ids("train"))
    assert whole == (6, 24)  # a disc and three places without one from each image
    ids = [name for _, (names, _) in steps(data, epochs=8) for name in names]
    first, second = ids[:20], ids[20:40]  # of 24 patches an epoch has four whole batches of five, over 1 1/3 epochs
    assert len(set(first)) == len(set(second)) == 20
    assert first != second


def test_patches_are_augmented_by_their_own_epoch(frames: Path) -> None:
    data = joint(frames, patch_batch=24)  # all of an epoch, so that each step of the first epoch is one of theirs
    samples, policy = data.patches.samples("train"), named_policy("standard")
    for epoch, (_, (names, found)) in enumerate(steps(data, epochs=1)):
        numbers = [24 * epoch + samples.ids.index(name) for name in names]
        unchanged = torch.stack([samples[n]["image"] for n in numbers]).permute(0, 3, 1, 2) / 255
        keys = [(3, epoch, name) for name in names]
        torch.testing.assert_close(found, policy.transform(keys, (24, 24), found.device).image(unchanged))


@pytest.mark.parametrize("done", [1, 3, 4, 5, 7])
def test_interrupted_fit_goes_on_with_the_next_step(frames: Path, done: int) -> None:
    straight = steps(joint(frames), epochs=4)
    resumed = steps(joint(frames), epochs=4, done=done)
    for part in (0, 1):
        assert_equal([step[part] for step in resumed], [step[part] for step in straight[done:]])


def test_workers_change_nothing(frames: Path) -> None:
    expected = steps(joint(frames), epochs=3, done=2)
    found = steps(joint(frames, workers=1), epochs=3, done=2)
    for part in (0, 1):
        assert_equal([step[part] for step in found], [step[part] for step in expected])


def test_patches_too_few_for_a_batch_are_all_in_it(frames: Path) -> None:
    data = joint(frames, patch_batch=100)
    found = steps(data, epochs=1)
    assert [sorted(names) for _, (names, _) in found] == [sorted(data.patches.ids("train"))] * STEPS


def test_shortened_epochs_skip_no_patch(frames: Path) -> None:
    found = steps(joint(frames, limit=2), epochs=3, per_epoch=2)
    assert_equal([other for _, other in found], list(islice(alone(frames, 5), 6)))


def test_seed_reaches_both(frames: Path) -> None:
    [((images_a, pixels_a), (patches_a, _)), *_] = steps(joint(frames, seed=3), epochs=1)
    [((images_b, pixels_b), (patches_b, _)), *_] = steps(joint(frames, seed=4), epochs=1)
    assert images_a != images_b or not torch.equal(pixels_a, pixels_b)
    assert patches_a != patches_b


def test_evaluation_and_facts_are_those_of_the_images(frames: Path) -> None:
    data, own = joint(frames), set_up(images(frames))
    assert data.facts() == own.facts()
    assert data.ids("test") == ["9", "10", "11", "12"]
    data.trainer.training = False  # type: ignore[union-attr]
    [batch] = [data.on_after_batch_transfer(batch, 0) for batch in data.val_dataloader()]
    assert batch["id"] == ["7", "8"]  # type: ignore[typeddict-item]
    assert [tuple(mask.shape) for mask in batch["native_mask"]] == [(1, 96, 128)] * 2  # type: ignore[typeddict-item]
    stored = Image.open(frames / "CVC-ClinicDB" / "Original" / "9.tif")
    assert data.native_image("9").tolist() == np.asarray(stored).tolist()
    [plain] = list(data.plain_dataloader("train"))
    assert plain["id"] == own.ids("train")
    with pytest.raises(RuntimeError, match="validation only"):
        data.test_dataloader()


def test_batch_counts_images_and_patches(frames: Path) -> None:
    assert joint(frames).batch_size == 2 + 5


def test_other_size_of_patches_is_refused(frames: Path) -> None:
    with pytest.raises(ConfigError, match=r"24x24 and patches of 32 pixels .* data\.images\.size"):
        JointDataModule(images(frames), partial(PatchDataModule, size=32))


def test_recipe_names_the_set_once(frames: Path) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningDataModule, "data")
    init_args = {
        "images": {
            "class_path": "polybench.datasets.ClinicDBDataModule",
            "init_args": {"root": str(frames), "split": str(frames / "split.csv"), "size": [32, 32]},
        },
        "patches": {"class_path": "polybench.data.patch_module.PatchDataModule", "init_args": {"size": 32}},
    }
    config = {"data": {"class_path": "polybench.methods.transfer.JointDataModule", "init_args": init_args}}
    data = parser.instantiate_classes(parser.parse_object(config)).data
    assert isinstance(data, JointDataModule)
    assert data.patches.source.directory == data.images.directory == frames / "CVC-ClinicDB"
    assert data.patches.source.split is data.images.split
