from pathlib import Path

import numpy as np
import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn
from PIL import Image

from polybench.core.errors import ConfigError, DataError
from polybench.data.module import SegmentationDataModule
from polybench.datasets import ClinicDBDataModule


def module(root: Path, **kwargs: object) -> ClinicDBDataModule:
    arguments = {"size": (16, 24), "batch_size": 4, "eval_batch_size": 2, "split": str(root / "split.csv"), **kwargs}
    return ClinicDBDataModule(str(root), **arguments)  # type: ignore[arg-type]


def ready(data: SegmentationDataModule) -> SegmentationDataModule:
    data.prepare_data()
    data.setup("fit")
    return data


def test_training_batches_hold_bytes_until_they_are_on_the_device(data_root: Path) -> None:
    data = ready(module(data_root))
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].dtype.is_floating_point is False
    batch = data.on_after_batch_transfer(batch, 0)
    assert batch["image"].shape == (4, 3, 16, 24)
    assert 0 <= batch["image"].min() < batch["image"].max() <= 1
    assert set(batch["mask"].unique().tolist()) == {0.0, 1.0}
    assert batch["valid"].min() == 1


def test_evaluation_batches_carry_native_masks(data_root: Path) -> None:
    data = ready(module(data_root))
    masks = [mask for batch in data.val_dataloader() for mask in batch["native_mask"]]
    expected = np.asarray(Image.open(data_root / "CVC-ClinicDB" / "Ground Truth" / "7.tif")) > 127
    np.testing.assert_array_equal(masks[0][0].numpy(), expected)


def test_groups_come_from_the_split(data_root: Path) -> None:
    batch = next(iter(ready(module(data_root)).test_dataloader()))
    assert dict(zip(batch["id"], batch["group"], strict=True)) == {"9": "frames/5", "10": "frames/5"}


def test_root_may_be_the_dataset_itself(data_root: Path) -> None:
    nested = module(data_root, split=str(data_root / "split.csv"))
    nested.root = data_root / "CVC-ClinicDB"
    assert ready(nested).facts().counts.train == 6


def test_facts_say_how_the_copy_differs(data_root: Path) -> None:
    facts = ready(module(data_root)).facts()
    assert not facts.official_copy
    assert facts.copy_notes == ("12 of 612 images", "images of 64x48 instead of 384x288")


def test_missing_frames_are_recorded_when_allowed(data_root: Path) -> None:
    for folder in ("Original", "Ground Truth"):
        (data_root / "CVC-ClinicDB" / folder / "3.tif").unlink()
    with pytest.raises(DataError, match=r"lacks 1 image.*: 3\. .*allow_missing"):
        ready(module(data_root))
    assert ready(module(data_root, allow_missing=True)).facts().missing == ("3",)


def test_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="POLYBENCH_DATA"):
        ready(ClinicDBDataModule(str(tmp_path)))


def test_unknown_split_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'sequence_disjoint'"):
        ClinicDBDataModule(split="sequence_disjont")


def test_masks_without_foreground_are_refused(data_root: Path) -> None:
    for path in (data_root / "CVC-ClinicDB" / "Ground Truth").iterdir():
        Image.new("L", (64, 48)).save(path)
    with pytest.raises(DataError, match="pure background"):
        ready(module(data_root))


def test_test_subset_is_out_of_reach_during_fit(data_root: Path) -> None:
    data = ready(module(data_root))
    data.trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    data.trainer.state.fn = TrainerFn.FITTING
    with pytest.raises(RuntimeError, match="validation only"):
        data.test_dataloader()


@pytest.mark.data
def test_real_copy_is_read(real_data: Path, tmp_path: Path) -> None:
    data = ready(ClinicDBDataModule(str(real_data), size=(32, 32), allow_missing=True, cache_dir=str(tmp_path)))
    facts = data.facts()
    assert facts.missing == ("133", "419", "480")
    assert "609 of 612 images" in facts.copy_notes
    assert sum((facts.counts.train, facts.counts.val, facts.counts.test)) == 609


@pytest.mark.data
def test_real_copy_is_refused_without_leave(real_data: Path) -> None:
    with pytest.raises(DataError, match="133, 419, 480"):
        ready(ClinicDBDataModule(str(real_data)))


def test_folder_of_the_environment_is_looked_into(monkeypatch: pytest.MonkeyPatch, data_root: Path) -> None:
    monkeypatch.setenv("POLYBENCH_DATA", str(data_root))
    assert ClinicDBDataModule().directory == data_root / "CVC-ClinicDB"
    monkeypatch.delenv("POLYBENCH_DATA")
    assert ClinicDBDataModule().root == Path("data")
