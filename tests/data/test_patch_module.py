"""Patches are the same whatever the order, the workers or the processes; epochs differ in negatives alone."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch import LightningDataModule, LightningModule, Trainer, seed_everything
from lightning.pytorch.trainer.states import TrainerFn
from PIL import Image
from torch import Tensor, nn

from polybench.callbacks import AtomicCheckpointIO, ResumeCallback
from polybench.core.errors import ConfigError, DataError
from polybench.data.patch_module import PatchDataModule
from polybench.data.patches import Jitter
from polybench.data.sample import PatchBatch, collate_patches
from polybench.datasets import ClinicDBDataModule, DRIVEDataModule, EMDataModule, KvasirSEGDataModule
from tests.conftest import write_frames, write_split


def make(
    root: Path,
    *,
    stage: str = "fit",
    rank: int = 0,
    world_size: int = 1,
    epoch: int = 0,
    processed: int = 0,
    **options: Any,
) -> PatchDataModule:
    source = ClinicDBDataModule(str(root), split=str(root / "split.csv"))
    data = PatchDataModule(source, **{"size": 24, "seed": 3, "batch_size": 4, **options})
    total = SimpleNamespace(state_dict=lambda: {"processed": processed})
    data.trainer = SimpleNamespace(  # type: ignore[assignment]
        global_rank=rank,
        world_size=world_size,
        training=True,
        current_epoch=epoch,
        limit_train_batches=1.0,
        state=SimpleNamespace(fn=TrainerFn.FITTING),
        fit_loop=SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=SimpleNamespace(total=total))),
    )
    data.prepare_data()
    data.setup(stage)
    return data


def trained_on(data: PatchDataModule, epoch: int = 0) -> dict[str, tuple[Tensor, int]]:
    """What the trainer would see in an epoch: id -> image and label."""
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
    data.trainer.current_epoch = epoch  # type: ignore[misc, union-attr]
    return by_id([data.on_after_batch_transfer(batch, 0) for batch in loader])


def by_id(batches: list[PatchBatch]) -> dict[str, tuple[Tensor, int]]:
    return {
        name: (batch["image"][row], int(batch["label"][row]))
        for batch in batches
        for row, name in enumerate(batch["id"])
    }


def one_by_one(data: PatchDataModule, epoch: int = 0) -> dict[str, tuple[Tensor, int]]:
    """The training patches of an epoch in their own order, each a batch."""
    samples = data.samples("train")
    data.trainer.current_epoch = epoch  # type: ignore[misc, union-attr]
    numbers = range(epoch * len(samples), (epoch + 1) * len(samples))
    return by_id([data.on_after_batch_transfer(collate_patches([samples[n]]), 0) for n in numbers])


def evaluated(data: PatchDataModule) -> dict[str, tuple[Tensor, int]]:
    data.trainer.training = False  # type: ignore[union-attr]
    return by_id([data.on_after_batch_transfer(batch, 0) for batch in data.val_dataloader()])


def assert_equal(found: dict[str, tuple[Tensor, int]], expected: dict[str, tuple[Tensor, int]]) -> None:
    assert set(found) == set(expected)
    for name, (image, label) in expected.items():
        assert torch.equal(found[name][0], image), name
        assert found[name][1] == label


def differ(first: dict[str, tuple[Tensor, int]], second: dict[str, tuple[Tensor, int]]) -> set[str]:
    return {name for name in first if not torch.equal(first[name][0], second[name][0])}


JITTERED: dict[str, Any] = {"jitter": Jitter(), "augment": "standard", "balance": True, "batch_size": 1}


def test_batch_holds_image_label_id_and_group(frames: Path) -> None:
    data = make(frames)
    batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    assert set(batch) == {"image", "label", "id", "group", "epoch"}
    assert (batch["image"].shape, batch["image"].dtype) == ((4, 3, 24, 24), torch.float32)
    assert 0 <= batch["image"].min() < batch["image"].max() <= 1
    assert (batch["label"].shape, batch["label"].dtype) == ((4,), torch.int64)
    for name, label, group in zip(batch["id"], batch["label"].tolist(), batch["group"], strict=True):
        image, patch = name.split("/")
        assert patch.startswith("p" if label else "n")
        assert group == f"frames/{(int(image) + 1) // 2}"


def test_every_disc_is_a_positive_and_patches_follow_the_split(frames: Path) -> None:
    data = make(frames)
    positives = [name for name in data.ids("train") if "/p" in name]
    assert positives == [f"{k}/p0" for k in range(1, 7)]
    assert {name.split("/")[0] for name in data.ids("val")} == {"7", "8"}
    assert data.class_counts("train").positive == 6
    assert data.class_counts("train").negative == sum("/n" in name for name in data.ids("train")) <= 18


@pytest.mark.parametrize("options", [{"batch_size": 1}, JITTERED])
def test_order_and_batch_change_nothing(frames: Path, options: dict[str, Any]) -> None:
    for epoch in (0, 2):
        assert_equal(
            trained_on(make(frames, epoch=epoch, **options), epoch), one_by_one(make(frames, **options), epoch)
        )


def test_workers_change_nothing(frames: Path) -> None:
    data = make(frames, num_workers=2, **JITTERED)
    for epoch in (0, 1):
        assert_equal(trained_on(data, epoch), one_by_one(make(frames, **JITTERED), epoch))


def test_processes_change_nothing(frames: Path) -> None:
    parts = [trained_on(make(frames, rank=rank, world_size=2, **{**JITTERED, "batch_size": 2}), 1) for rank in (0, 1)]
    assert not len(parts[0]) < len(parts[1])
    assert_equal(parts[0] | parts[1], one_by_one(make(frames, **JITTERED), 1))


def test_epochs_differ_in_negatives_alone(frames: Path) -> None:
    data = make(frames)
    first, second = one_by_one(data, 0), one_by_one(data, 1)
    assert set(first) == set(second) == set(data.ids("train"))
    assert differ(first, second) == {name for name in first if "/n" in name}
    assert_equal(one_by_one(data, 0), first)


def test_seeds_differ_in_training_and_evaluate_the_same(frames: Path) -> None:
    data, other = make(frames, **JITTERED), make(frames, **{**JITTERED, "seed": 4})
    assert [box.tolist() for box in data.samples("train").at_first] != [
        box.tolist() for box in other.samples("train").at_first
    ]
    assert_equal(evaluated(other), evaluated(data))
    assert_equal(evaluated(data), evaluated(make(frames)))


def test_negatives_show_no_object_however_they_are_varied(frames: Path) -> None:
    data = make(frames, jitter=Jitter(scales=(1.0, 1.5, 2.0), shift=0.3))
    for epoch in range(6):
        for name, (image, label) in one_by_one(data, epoch).items():
            # write_frames: background below 90, the disc from 160
            assert bool(image.max() > 0.5) == bool(label), name


def test_balance_draws_as_many_of_the_larger_class_and_other_ones_each_epoch(frames: Path) -> None:
    data = make(frames, balance=True)
    assert data.samples("train").found.negative > 6
    drawn = [set(one_by_one(data, epoch)) for epoch in range(4)]
    for epoch, names in enumerate(drawn):
        assert data.class_counts("train", epoch) == (6, 6)
        assert {name for name in names if "/p" in name} == {f"{k}/p0" for k in range(1, 7)}
        assert len(names) == 12
    assert len({frozenset(names) for names in drawn}) > 1
    assert data.class_counts("val").negative > data.class_counts("val").positive == 2


def test_epochs_are_equally_long_where_room_is_scarce(tmp_path: Path) -> None:
    write_frames(tmp_path / "CVC-ClinicDB", size=(48, 64))
    write_split(tmp_path / "split.csv")
    samples = make(tmp_path).samples("train")
    drawn = [[len(samples.negatives(n, epoch)) for n in range(6)] for epoch in range(20)]
    assert 0 < sum(drawn[0]) < 18
    assert all(counts == drawn[0] for counts in drawn)


def test_number_of_negatives(frames: Path) -> None:
    assert make(frames, negatives_per_image=1).class_counts("train") == (6, 6)


def test_augmentation_is_for_training(frames: Path) -> None:
    plain, augmented = make(frames), make(frames, augment="keras_fcn")
    assert differ(one_by_one(augmented), one_by_one(plain)) == set(plain.ids("train"))
    assert_equal(evaluated(augmented), evaluated(plain))


def test_counts_are_logged(frames: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        data = make(frames, balance=True)
    training, validation = [record.getMessage() for record in caplog.records if "patches" in record.getMessage()]
    negative = data.samples("train").found.negative
    assert training.startswith(f"6 positive and {negative} negative patches of subset 'train' in ")
    assert training.endswith(", 6 of each in an epoch.")
    assert validation.startswith("2 positive and ")


def test_resumed_epoch_goes_on_with_the_next_batch(frames: Path) -> None:
    straight = list(make(frames).train_dataloader())
    per_epoch = len(straight)
    resumed = make(frames, processed=per_epoch + 2, epoch=1).train_dataloader()
    resumed.sampler.set_epoch(1)  # type: ignore[attr-defined]
    whole = make(frames, processed=per_epoch, epoch=1).train_dataloader()
    whole.sampler.set_epoch(1)  # type: ignore[attr-defined]
    assert [batch["id"] for batch in resumed] == [batch["id"] for batch in whole][2:]


class Diary(LightningModule):
    """Trains nothing worth while, and notes the patches that it is shown."""

    def __init__(self, stop: tuple[int, int] | None = None, save_to: Path | None = None) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(), nn.Linear(8, 2))
        self.stop, self.save_to = stop, save_to
        self.seen: list[tuple[int, int, str, float]] = []

    def training_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        means = batch["image"].mean((2, 3))
        self.seen += [
            (self.current_epoch, batch_idx, name, mean)
            for name, mean in zip(batch["id"], means.sum(1).tolist(), strict=True)
        ]
        return nn.functional.cross_entropy(self.net(means), batch["label"])

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.save_to is not None and (self.current_epoch, batch_idx) == self.stop:
            self.trainer.save_checkpoint(self.save_to)

    def validation_step(self, batch: PatchBatch, batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.1)


def fit(
    frames: Path, folder: Path, *, stop: tuple[int, int] | None = None, resume: bool = False, workers: int = 0
) -> Diary:
    """Fit three epochs of three batches, leave `stopped.ckpt` after one of them, or go on from there."""
    checkpoint = folder / "stopped.ckpt"
    seed_everything(0)
    diary = Diary(stop, checkpoint)
    source = ClinicDBDataModule(str(frames), split=str(frames / "split.csv"))
    data = PatchDataModule(
        source, 24, jitter=Jitter(), augment="standard", balance=True, batch_size=4, num_workers=workers
    )
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
        callbacks=[ResumeCallback()],
        plugins=[AtomicCheckpointIO()],
    )
    trainer.fit(diary, datamodule=data, ckpt_path=checkpoint if resume else None)
    return diary


@pytest.mark.parametrize(("stop", "workers"), [((0, 0), 0), ((1, 0), 0), ((1, 1), 0), ((1, 2), 0), ((1, 0), 2)])
def test_interrupted_fit_ends_where_the_straight_one_does(
    frames: Path, tmp_path: Path, stop: tuple[int, int], workers: int
) -> None:
    straight = fit(frames, tmp_path, stop=stop)
    resumed = fit(frames, tmp_path, resume=True, workers=workers)
    assert list(dict.fromkeys(entry[:2] for entry in straight.seen)) == [(e, b) for e in range(3) for b in range(3)]
    assert resumed.seen == [entry for entry in straight.seen if entry[:2] > stop]
    expected = straight.state_dict()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in resumed.state_dict().items())


def test_test_subset_is_out_of_reach_in_fit(frames: Path) -> None:
    data = make(frames, stage="test")
    with pytest.raises(RuntimeError, match="validation only"):
        data.test_dataloader()
    data.trainer.state.fn = TrainerFn.TESTING  # type: ignore[union-attr]
    assert len(data.test_dataloader().dataset) == len(data.ids("test"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("level", "message"), [(0, "shows an object of more than 6 pixels"), (255, "has space for a patch")]
)
def test_subset_of_one_class_is_an_error(frames: Path, level: int, message: str) -> None:
    for k in (7, 8):
        Image.new("L", (128, 96), level).save(frames / "CVC-ClinicDB" / "Ground Truth" / f"{k}.tif")
    with pytest.raises(DataError, match=rf"{message}.*") as error:
        make(frames)
    assert "of subset 'val'" in str(error.value)


@pytest.mark.parametrize(
    "options", [{"size": 0}, {"negatives_per_image": 0}, {"margin": -0.1}, {"dark": 256}, {"batch_size": 0}]
)
def test_numbers_out_of_bounds_are_refused(frames: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        PatchDataModule(ClinicDBDataModule(str(frames)), **options)


def test_record_tells_images_and_size_of_patches(frames: Path) -> None:
    facts = make(frames).facts()
    assert (facts.name, facts.size) == ("clinicdb", (24, 24))
    assert (facts.counts.train, facts.counts.val, facts.counts.test) == (6, 2, 4)


def test_recipe_nests_the_source(frames: Path) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningDataModule, "data")
    source = {"class_path": "polybench.datasets.ClinicDBDataModule", "init_args": {"root": str(frames)}}
    init_args = {"source": source, "size": 32, "jitter": {"scales": [1.0, 1.2], "shift": 0.0}, "balance": True}
    config = {"data": {"class_path": "polybench.data.patch_module.PatchDataModule", "init_args": init_args}}
    data = parser.instantiate_classes(parser.parse_object(config)).data
    assert isinstance(data, PatchDataModule)
    assert isinstance(data.source, ClinicDBDataModule)
    assert data.jitter == Jitter((1.0, 1.2), 0.0)


@pytest.mark.data
def test_boxes_of_kvasir_are_the_official_ones(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / KvasirSEGDataModule.folder
    official = json.loads((folder / "kavsir_bboxes.json").read_text())
    chosen = [name for name in sorted(official) if len(official[name]["bbox"]) == 1][:12]
    for part in ("images", "masks"):
        (tmp_path / folder.name / part).mkdir(parents=True)
        for name in chosen:
            (tmp_path / folder.name / part / f"{name}.jpg").symlink_to(folder / part / f"{name}.jpg")
    rows = [f"{name},{'train' if k < 8 else 'val'},kvasir_seg/{name}" for k, name in enumerate(chosen)]
    (tmp_path / "split.csv").write_text("\n".join(["id,subset,group", *rows]))
    data = PatchDataModule(KvasirSEGDataModule(str(tmp_path), split=str(tmp_path / "split.csv")), 64)
    data.prepare_data()
    data.setup("fit")
    samples = data.samples("train")
    for n, image in enumerate(samples.images):
        expected = [[box[k] for k in ("ymin", "xmin", "ymax", "xmax")] for box in official[image.id]["bbox"]]
        np.testing.assert_allclose(samples.positives[n], expected, atol=2)
    assert data.class_counts("train") == (24, 8)
    assert samples[len(samples)]["image"].float().mean() > 10


@pytest.mark.data
@pytest.mark.parametrize("dataset", [DRIVEDataModule, EMDataModule])
def test_set_without_room_for_negatives_says_so(real_data: Path, dataset: type[EMDataModule | DRIVEDataModule]) -> None:
    data = PatchDataModule(dataset(str(real_data)))
    data.prepare_data()
    with pytest.raises(
        DataError,
        match=rf"No image of subset '\w+' in '.*{dataset.folder}' has space .* use a set with more background\.",
    ):
        data.setup("fit")
