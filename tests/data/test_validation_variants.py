"""Validation on the augmented variants of images, while training alone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.trainer.states import TrainerFn
from PIL import Image

from polybench.core.errors import ConfigError
from polybench.data.crops import Crop
from polybench.data.sample import Batch
from polybench.datasets import ClinicDBDataModule
from polybench.experiments.fit import fit
from tests.cli.recipes import write_recipe
from tests.data.stub_trainer import stub_trainer


def _batches(data_root: Path, **arguments: Any) -> list[Batch]:
    """The validation batches of a training."""
    data = ClinicDBDataModule(
        root=str(data_root),
        split=str(data_root / "split.csv"),
        size=(24, 32),
        augment="efen25",
        expanded=True,
        **arguments,
    )
    data.prepare_data()
    data.setup("fit")
    trainer = stub_trainer(0, 1, 0)
    trainer.training, trainer.state = False, SimpleNamespace(fn=TrainerFn.FITTING)
    data.trainer = trainer  # type: ignore[assignment]
    return [data.on_after_batch_transfer(batch, 0) for batch in data.val_dataloader()]


def test_variants_are_scored_at_the_size_of_the_input_and_the_image_at_its_own(data_root: Path) -> None:
    batches = _batches(data_root, expanded_validation=True, eval_batch_size=26)
    assert [name for batch in batches for name in batch["id"]] == [f"{i}#{k}" for i in (7, 8) for k in range(26)]
    batch = batches[0]
    native = np.asarray(Image.open(data_root / "CVC-ClinicDB" / "Ground Truth" / "7.tif")) > 127
    assert np.array_equal(batch["native_mask"][0][0].numpy() > 0, native)
    assert not torch.equal(batch["to_native"][0], batch["to_native"][8])
    torch.testing.assert_close(
        batch["to_native"][8], torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).to(batch["to_native"])
    )
    flipped = batch["native_mask"][8][0]  # DoubleU-Net's x8
    assert torch.equal(flipped > 0, batch["mask"][0, 0].flip(0) > 0)
    torch.testing.assert_close(batch["image"][8], batch["image"][0].flip(1))


def test_validation_is_on_the_images_themselves_by_default(data_root: Path) -> None:
    assert [name for batch in _batches(data_root) for name in batch["id"]] == ["7", "8"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"expanded": False}, "set expanded true"), ({"expanded": True, "crop": Crop(16)}, "leave out crop")],
)
def test_what_it_needs_is_said(data_root: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ClinicDBDataModule(
            str(data_root), split=str(data_root / "split.csv"), augment="efen25", expanded_validation=True, **arguments
        )


def test_a_training_selects_on_the_variants_and_tests_the_images(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--config", str(write_recipe(tmp_path, data_root, max_epochs=1)), "--data.augment", "efen25"]
    fitted = fit([*words, "--data.expanded", "true", "--data.expanded_validation", "true"])
    assert fitted.record is not None
    assert fitted.record.dataset.counts.val == 2
    assert len(fitted.path.with_suffix(".csv").read_text().splitlines()) == 5
