"""The mask that a sample is shown is the one predicted for its image, in its frame; when masks are renewed; passes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from scipy.ndimage import binary_dilation
from skimage.filters import threshold_otsu
from torch import Tensor, nn

from polybench.augment import Policy
from polybench.core.errors import ConfigError
from polybench.data.crops import Crop
from polybench.datasets import ClinicDBDataModule
from polybench.methods.feedback.bank import MaskBank
from polybench.methods.feedback.otsu import otsu_masks
from polybench.methods.feedback.task import FeedbackSegmentationTask
from polybench.models.fanet import FANet, FANetLoss, FANetSeries
from tests.methods.feedback.feedback_nets import (
    QUIET,
    TRAINED,
    TURNS,
    Diary,
    Grows,
    SeesRed,
    TurnsRound,
    fit,
    in_their_frame,
    masks_of,
    write_red_frames,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_red_frames(tmp_path / "data")


@pytest.mark.parametrize(
    ("augment", "options", "data"),
    [
        ("none", {}, {}),
        ("fanet", {}, {}),
        ("standard", {}, {"batch_size": 5, "seed": 3}),
        ("efen25", {}, {"expanded": True}),
        ("none", {"refresh": "inverse"}, {}),
        (TURNS, {"refresh": "inverse"}, {}),
        (TURNS, {}, {"on_device": True}),
    ],
    ids=["none", "fanet", "standard", "expanded", "none-inverse", "turns-inverse", "on-device"],
)
def test_a_sample_is_shown_the_mask_predicted_for_its_image_in_its_frame(
    root: Path, augment: str | Policy, options: dict[str, Any], data: dict[str, Any]
) -> None:
    # What SeesRed predicts is the mask itself, and the data module moved that one beside the image.
    net, diary = SeesRed(), Diary()
    fit(root, net, diary, augment=augment, data=data, **options)
    samples = in_their_frame(diary, net, 2 if "refresh" in options else 1)
    assert len(samples) >= 5
    assert all(samples)


def forget_the_transform(self: FeedbackSegmentationTask, batch: Any) -> Tensor:
    return self._kept(batch)


def mix_up_the_images(self: FeedbackSegmentationTask, batch: Any) -> Tensor:
    return batch["transform"].mask(self.bank.get(TRAINED[: len(batch["id"])]).float()) > 0  # type: ignore[no-any-return]


@pytest.mark.parametrize("wrong", [forget_the_transform, mix_up_the_images])
def test_another_mask_or_frame_would_be_noticed(root: Path, monkeypatch: pytest.MonkeyPatch, wrong: Any) -> None:
    monkeypatch.setattr(FeedbackSegmentationTask, "shown", lambda self, b: wrong(self, b) if len(self.bank) else None)
    net, diary = SeesRed(), Diary()
    fit(root, net, diary, augment="standard")
    assert not all(in_their_frame(diary, net))


def otsu_by_hand(image: Tensor) -> np.ndarray:
    from tests.methods.feedback.test_otsu import blurred_levels

    levels = blurred_levels(image)
    return levels > threshold_otsu(levels)


def test_the_first_epoch_is_shown_otsus_masks(root: Path) -> None:
    net, diary = SeesRed(), Diary()
    task = fit(root, net, diary, epochs=1)
    data = task.trainer.datamodule  # type: ignore[attr-defined]
    for (_, ids, _), shown in zip(diary.seen, net.shown, strict=True):
        for name, mask in zip(ids, shown, strict=True):
            image = torch.from_numpy(data.cache.image(data.cache.position[name]).copy()).permute(2, 0, 1) / 255
            assert np.array_equal(mask[0].numpy(), otsu_by_hand(image))


class Signs(Callback):
    """Sets the net's sign in each epoch, after the bank was renewed."""

    def __init__(self, net: SeesRed, signs: list[float]) -> None:
        self.net, self.signs = net, signs

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.net.sign = self.signs[trainer.current_epoch]


@pytest.mark.parametrize("refresh", ["pass", "inverse"])
@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("every_epoch", ["otsu", "wrong", "right", "wrong"]),
        ("on_improvement", ["otsu", "wrong", "right", "right"]),  # the third validation is worse than the second
        ("never", ["otsu", "otsu", "otsu", "otsu"]),
    ],
)
def test_masks_are_renewed_when_the_rule_says(root: Path, refresh: str, update: str, expected: list[str]) -> None:
    net, diary = SeesRed(), Diary()
    signs = [-1.0, 1.0, -1.0, 1.0]
    data = {"batch_size": 1}
    fit(root, net, diary, Signs(net, signs), epochs=4, update=update, refresh=refresh, data=data)
    truth = masks_of(root, TRAINED)
    for epoch, kind in enumerate(expected):
        found = MaskBank(diary.banks[epoch]).get(TRAINED)
        agreement = [bool(torch.equal(a, b)) for a, b in zip(found, truth, strict=True)]
        opposite = [bool(torch.equal(~a, b)) for a, b in zip(found, truth, strict=True)]
        needed = 6 if refresh == "pass" else 5  # of an epoch's training steps, the first has the sign before
        if kind == "right":
            assert sum(agreement) >= needed, epoch
        elif kind == "wrong":
            assert sum(opposite) >= needed, epoch
        else:
            assert diary.banks[epoch] == diary.banks[0], epoch
            assert not all(agreement), epoch


def test_inverse_is_refused_where_there_is_none(root: Path) -> None:
    with pytest.raises(ConfigError, match="'fanet' does more than flips and quarter turns"):
        fit(root, SeesRed(), augment="fanet", refresh="inverse")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"report": 11}, "from 1 to 10, not 11"),
        ({"report": 0}, "not 0"),
        ({"iterations": 0}, "iterations must be at least 1, not 0"),
        ({"pass_batch_size": 0}, "pass_batch_size must be at least 1, not 0"),
    ],
)
def test_impossible_passes_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FeedbackSegmentationTask(Grows(), FANetLoss(), **options)


def dot() -> Tensor:
    """A black image with a bright square: Otsu finds that, blurred by at most two pixels."""
    image = torch.zeros(1, 3, 33, 33)
    image[..., 14:19, 14:19] = 1
    return image


@pytest.mark.parametrize(("options", "passes"), [({"report": 3}, 3), ({}, 10), ({"iterations": 4}, 4)])
def test_the_pass_that_counts_is_the_one_chosen(options: dict[str, Any], passes: int) -> None:
    found = FeedbackSegmentationTask(Grows(), FANetLoss(), **options).eval()(dot())[0, 0] > 0
    first = otsu_masks(dot())[0, 0].numpy()
    assert np.array_equal(found.numpy(), binary_dilation(first, np.ones((3, 3)), passes))


def test_a_fixed_point_is_waited_for_beyond_the_iterations() -> None:
    task = FeedbackSegmentationTask(Grows(), FANetLoss(), iterations=2, report="fixed_point").eval()
    assert (task(dot()) > 0).all()


@pytest.mark.parametrize("iterations", [3, 4])
def test_where_masks_alternate_the_last_iteration_counts(iterations: int) -> None:
    task = FeedbackSegmentationTask(TurnsRound(), FANetLoss(), iterations=iterations, report="fixed_point").eval()
    assert torch.equal(task(dot()) > 0, otsu_masks(dot()) ^ (iterations == 3))


def test_the_field_of_view_reaches_the_first_mask_if_asked() -> None:
    image, valid = dot(), torch.ones(1, 1, 33, 33)
    image[..., :10, :] = 0.7
    valid[..., :10, :] = 0
    batch: Any = {"image": image, "valid": valid, "id": ["a"]}
    seen = [FeedbackSegmentationTask(Grows(), FANetLoss(), otsu_in_view=on).shown(batch) for on in (False, True)]
    assert seen[0][..., :8, :].any()
    assert not seen[1][..., :10, :].any()
    assert seen[1].any()


def evaluated(
    root: Path, net: nn.Module, crop: Crop | None = None, **options: Any
) -> tuple[FeedbackSegmentationTask, dict[str, float]]:
    task = FeedbackSegmentationTask(net, FANetLoss(), **options)
    module = ClinicDBDataModule(str(root), (32, 32), str(root / "split.csv"), eval_batch_size=3, crop=crop)
    trainer = Trainer(default_root_dir=root, **QUIET)
    trainer.test(task, datamodule=module, verbose=False)
    return task, {name: float(value) for name, value in trainer.logged_metrics.items()}


@pytest.mark.parametrize("crop", [None, Crop(16, overlap=2)], ids=["whole", "tiles"])
def test_a_test_logs_each_pass_and_reports_the_one_chosen(root: Path, crop: Crop | None) -> None:
    _, logged = evaluated(root, Grows(), crop, iterations=5, report=2)
    ids = ["9", "10", "11", "12"]
    module = ClinicDBDataModule(str(root), (32, 32), str(root / "split.csv"))
    module.prepare_data()
    module.setup("test")
    for number in range(1, 6):
        dice = []
        for name, mask in zip(ids, masks_of(root, ids)[:, 0].numpy(), strict=True):
            image = torch.from_numpy(module.cache.image(module.cache.position[name]).copy()).permute(2, 0, 1) / 255
            grown = binary_dilation(otsu_by_hand(image), np.ones((3, 3)), number)
            dice.append(2 * (grown & mask).sum() / (grown.sum() + mask.sum()))
        assert logged[f"test/iteration/{number}/dice"] == pytest.approx(np.mean(dice), abs=1e-6)
        assert logged[f"test/iteration/{number}/fanet/dice"] == pytest.approx(np.mean(dice), abs=1e-6)
    assert logged["test/dice"] == logged["test/iteration/2/dice"]
    assert logged["test/iteration/computed"] == 5


def test_waiting_images_change_no_number(root: Path) -> None:
    whole, numbers = evaluated(root, SeesRed(), iterations=3)
    parts, others = evaluated(root, SeesRed(), iterations=3, pass_batch_size=2)
    assert numbers == others
    assert whole.curve == parts.curve
    assert numbers["test/iteration/fixed_points"] == 1


def test_validation_is_what_a_test_on_these_images_reports(root: Path) -> None:
    task = FeedbackSegmentationTask(Grows(), FANetLoss(), iterations=4, report=3)
    module = ClinicDBDataModule(str(root), (32, 32), str(root / "split.csv"))
    trainer = Trainer(default_root_dir=root, **QUIET)
    [found] = trainer.validate(task, datamodule=module, verbose=False)
    module.test_dataloader = module.val_dataloader  # type: ignore[method-assign]
    [expected] = trainer.test(task, datamodule=module, verbose=False)
    assert found["val/dice"] == expected["test/dice"] == expected["test/iteration/3/dice"]


@pytest.mark.parametrize(
    "net", [FANet(widths=(4, 4, 8, 8)), FANetSeries(2, widths=(4, 4, 8, 8))], ids=["one", "series"]
)
def test_fanet_trains_and_nothing_but_its_gates_is_frozen(root: Path, net: nn.Module) -> None:
    task = fit(root, net, epochs=1, rate=1e-3)
    frozen = {name for name, parameter in task.net.named_parameters() if not parameter.requires_grad}
    assert frozen == {name for name, _ in net.named_parameters() if ".gate." in name}
