"""Refinement in a whole validation and test: red squares are objects, green ones are not, and the net finds both."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.data.crops import Crop
from polybench.data.loader import EvaluationSampler
from polybench.data.module import SegmentationDataModule
from polybench.data.patches import boxes_of
from polybench.datasets import ClinicDBDataModule
from polybench.losses import BCEDiceLoss
from polybench.methods.feedback.task import FeedbackSegmentationTask
from polybench.methods.refinement.callback import RefinementCallback, TimeRows, mean_milliseconds
from polybench.methods.refinement.refiner import Refined, RegionRefiner, Seconds
from polybench.methods.refinement.thresholds import RELEASED, Thresholds
from polybench.metrics import PER_IMAGE, Protocol, Rows
from polybench.metrics.measures.instances import InstanceCounts
from polybench.metrics.prepare import resize_affine
from polybench.metrics.protocols import FOV, INSTANCES
from polybench.scoring.folder import StoredMap, stored_rows
from polybench.tasks import SegmentationTask
from polybench.tasks.images import at_native_size

RED, GREEN = (255, 0, 0), (0, 255, 0)
SQUARES = {
    "1": [(8, 8, RED)],
    "2": [(8, 8, RED)],
    "3": [(8, 8, RED), (24, 40, GREEN)],  # validation
    "4": [(8, 8, RED), (8, 40, RED)],
    "5": [(8, 8, RED), (24, 40, GREEN)],  # test, to the end
    "6": [(24, 8, GREEN), (24, 40, GREEN)],  # no true object at all
    "7": [(8, 8, RED), (24, 8, RED)],
    "8": [],
}
AREA, SIDE, FRAME = 64, 8, (48, 64)
FOUND = {"5": (2, 1), "6": (2, 2), "7": (2, 0)}
"""Test image -> regions, and how many of them are green."""


class ColourNet(nn.Module):
    """Finds red with probability 0.9, green with 0.6, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor:
        red, green = images[:, :1] > 0.5, images[:, 1:2] > 0.5
        probability = 0.01 + 0.89 * red + 0.59 * (green & ~red)
        return torch.logit(probability) * self.scale


def is_red(patches: Tensor) -> Tensor:
    return 0.02 + 0.9 * patches[:, 0].mean(dim=(1, 2))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("Original", "Ground Truth"):
        (tmp_path / "CVC-ClinicDB" / folder).mkdir(parents=True)
    lines = ["id,subset,group"]
    for name, squares in SQUARES.items():
        image, mask = np.zeros((*FRAME, 3), np.uint8), np.zeros(FRAME, np.uint8)
        for y, x, colour in squares:
            image[y : y + SIDE, x : x + SIDE] = colour
            mask[y : y + SIDE, x : x + SIDE] = 255 * (colour == RED)
        Image.fromarray(image).save(tmp_path / "CVC-ClinicDB" / "Original" / f"{name}.tif")
        Image.fromarray(mask).save(tmp_path / "CVC-ClinicDB" / "Ground Truth" / f"{name}.tif")
        lines.append(f"{name},{'train' if name in '12' else 'val' if name in '34' else 'test'},g{name}")
    (tmp_path / "split.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def frames(root: Path, size: tuple[int, int] = FRAME, at_once: int = 3) -> SegmentationDataModule:
    return ClinicDBDataModule(root=str(root), size=size, split=str(root / "split.csv"), eval_batch_size=at_once)


def segmentation() -> SegmentationTask:
    return SegmentationTask(ColourNet(), BCEDiceLoss(), mean=(0, 0, 0), std=(1, 1, 1))


def refining(thresholds: Thresholds | None) -> RefinementCallback:
    return RefinementCallback(RegionRefiner(is_red, 8, torch.device("cpu")), thresholds)


def trainer_with(callback: RefinementCallback, root: Path, **options: Any) -> Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    return Trainer(accelerator="cpu", default_root_dir=root, callbacks=[callback], **quiet, **options)


def after_test(root: Path, thresholds: Thresholds, task: SegmentationTask | None = None) -> RefinementCallback:
    callback = refining(thresholds)
    trainer_with(callback, root).test(task or segmentation(), frames(root), verbose=False)
    return callback


def dice(rows: Rows | None) -> dict[str, float]:
    assert rows is not None
    return dict(zip(rows.ids, PER_IMAGE.values(rows)["dice"].tolist(), strict=True))


def counts(callback: RefinementCallback) -> dict[str, tuple[int, int]]:
    """Image -> its regions, and those that were removed."""
    removed: dict[str, list[bool]] = {}
    for region in callback.regions:
        removed.setdefault(region.image, []).append(region.removed)
    return {image: (len(regions), sum(regions)) for image, regions in removed.items()}


def test_a_validation_chooses_and_a_test_refines_by_it(root: Path) -> None:
    callback, task, data = refining(None), segmentation(), frames(root)
    trainer = trainer_with(callback, root)
    trainer.validate(task, data, verbose=False)
    assert callback.choice is not None
    assert callback.thresholds == callback.choice.thresholds == (0.7, 0, "validation")  # green's 0.6 is under it
    assert callback.choice.plain_dice == pytest.approx((2 / 3 + 1) / 2)  # frame 3 has as much green as red
    assert callback.choice.dice[4, 1] == 1  # 0.5, and green's 0.02 is not above 0.05
    trainer.test(task, data, verbose=False)
    assert dice(callback.thresholded) == dice(callback.refined) == dict.fromkeys("5678", 1)
    assert dice(task.rows) == {"5": pytest.approx(2 / 3), "6": 0, "7": 1, "8": 1}


def test_rows_before_and_after_beside_those_of_a_plain_test(root: Path) -> None:
    task = segmentation()
    callback = after_test(root, RELEASED, task)
    before = {"5": pytest.approx(2 / 3), "6": 0, "7": 1, "8": 1}
    assert dice(callback.thresholded) == before
    assert dice(task.rows) == before
    assert dice(callback.refined) == dict.fromkeys("5678", 1)  # frame 6 is refined, though it shows no object
    assert callback.thresholded is not None
    assert callback.refined is not None
    assert callback.thresholded.columns["objects"].tolist() == [[1, 1, 0], [0, 2, 0], [2, 0, 0], [0, 0, 0]]
    assert callback.refined.columns["objects"].tolist() == [[1, 0, 0], [0, 0, 0], [2, 0, 0], [0, 0, 0]]
    assert counts(callback) == FOUND


def test_the_mask_threshold_is_that_of_the_refinement(root: Path) -> None:
    callback = after_test(root, Thresholds(0.7, 0.0, "given"))
    assert dice(callback.thresholded) == dict.fromkeys("5678", 1)
    assert len(callback.regions) == 3


def test_refined_rows_are_those_of_the_masks_in_a_folder(root: Path) -> None:
    callback = after_test(root, RELEASED)
    data, maps = frames(root), []
    for name in "5678":
        red = data.native_image(name)[..., 0] > 0
        truth = np.asarray(Image.open(root / "CVC-ClinicDB" / "Ground Truth" / f"{name}.tif")) > 0
        maps.append(StoredMap(name, f"g{name}", red.astype(np.float32), truth, None))
    expected, found = stored_rows(maps), callback.refined
    assert found is not None
    assert (found.ids, found.groups) == (expected.ids, expected.groups)
    for column, values in expected.columns.items():
        np.testing.assert_array_equal(found.columns[column], values, err_msg=column)


def test_patches_are_cut_at_native_size(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The net sees half of the size. Between its pixels, a red edge is 0.75 x 0.9, a green one 0.75 x 0.6 < 0.5."""
    sides: list[list[int]] = []

    def keep(image: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
        assert image.shape == (48, 64, 3)
        sides.append((box[2:] - box[:2]).tolist())
        return np.full((size, size, 3), 255, np.uint8)

    monkeypatch.setattr("polybench.methods.refinement.refiner.cut", keep)
    callback = refining(Thresholds(0.5, 0.1, "given"))
    trainer_with(callback, root).test(segmentation(), frames(root, (24, 32)), verbose=False)
    assert sorted(sides) == [[6, 6]] * 3 + [[8, 8]] * 3


@pytest.mark.parametrize(("scale", "size"), [(1.0, FRAME), (0.5, (24, 32))])
def test_frames_that_are_predicted_by_tiles_are_refined_as_whole_ones(
    root: Path, scale: float, size: tuple[int, int]
) -> None:
    """The net looks at single pixels, so that tiles and whole frames of the same scale have the same probabilities."""
    whole, tiled, crop = refining(RELEASED), refining(RELEASED), Crop(16, scale=scale)
    trainer_with(whole, root).test(segmentation(), frames(root, size), verbose=False)
    data = ClinicDBDataModule(root=str(root), split=str(root / "split.csv"), eval_batch_size=3, crop=crop)
    trainer_with(tiled, root).test(segmentation(), data, verbose=False)
    assert dice(tiled.thresholded) == dice(whole.thresholded)
    assert dice(tiled.refined) == dice(whole.refined)
    assert [region[:5] for region in tiled.regions] == [region[:5] for region in whole.regions]
    image = data.native_image("5")
    with torch.no_grad():
        probability = at_native_size(segmentation().predict_frame(image, crop, 3), image)
    refined = tiled.refiner.refine(image, probability, RELEASED)
    truth = np.asarray(Image.open(root / "CVC-ClinicDB" / "Ground Truth" / "5.tif")) > 0
    overlap = 2 * (refined.after & truth).sum() / (refined.after.sum() + truth.sum())
    assert overlap == pytest.approx(dice(tiled.refined)["5"])


def test_images_that_a_process_repeats_count_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(self: EvaluationSampler) -> Iterator[int]:
        return iter(self.indices * 2)

    monkeypatch.setattr(EvaluationSampler, "__iter__", twice)
    monkeypatch.setattr(EvaluationSampler, "__len__", lambda self: 2 * len(self.indices))
    callback = after_test(root, RELEASED)
    assert counts(callback) == FOUND


def test_a_test_without_thresholds_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="no thresholds"):
        trainer_with(refining(None), root).test(segmentation(), frames(root), verbose=False)


def test_given_thresholds_outlast_a_validation(root: Path) -> None:
    callback = refining(RELEASED)
    trainer_with(callback, root).validate(segmentation(), frames(root), verbose=False)
    assert callback.thresholds == RELEASED
    assert callback.choice is None


def test_validations_inside_a_fit_choose_nothing(root: Path) -> None:
    callback, task = refining(None), segmentation()
    data = ClinicDBDataModule(root=str(root), size=FRAME, split=str(root / "split.csv"), batch_size=2)
    trainer_with(callback, root, max_epochs=1, enable_checkpointing=False).fit(task, data)
    assert callback.thresholds is None


@pytest.mark.parametrize(
    ("at_once", "segmentation", "classification"),
    [
        (1, 100, 2 * 200 / 3),  # frames 6 and 7 have regions, and 8 has none
        (2, 100 / 2, 200 / 2),
        (3, 100, 0),
        (4, 1100 / 4, (1000 + 3 * 200) / 4),  # one batch, and so the first
    ],
)
def test_time_of_a_test_is_per_image_told_apart_and_without_the_first_batch(
    root: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, segmentation: float, classification: float
) -> None:
    now = [0.0]
    warm: set[str] = set()

    def pass_time(part: str, seconds: float) -> None:
        now[0] += seconds if part in warm else 1 + seconds
        warm.add(part)

    class Clock:
        @staticmethod
        def perf_counter() -> float:
            return now[0]

    class Slow(ColourNet):
        def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor:
            pass_time("net", 0.1)
            return super().forward(images)

    def slow(patches: Tensor) -> Tensor:
        pass_time("classifier", 0.2)
        return is_red(patches)

    monkeypatch.setattr("polybench.methods.refinement.timing.time", Clock)
    callback = RefinementCallback(RegionRefiner(slow, 8, torch.device("cpu")), RELEASED)
    task = SegmentationTask(Slow(), BCEDiceLoss(), mean=(0, 0, 0), std=(1, 1, 1))
    trainer_with(callback, root).test(task, frames(root, at_once=at_once), verbose=False)
    assert callback.milliseconds == pytest.approx(
        {"segmentation": segmentation, "regions": 0, "classification": classification}
    )
    assert "forward" not in vars(task.net)


def test_rows_of_first_batches_are_left_out_of_the_time_where_there_are_others() -> None:
    nothing = np.zeros((2, 2), np.bool_)

    def add(rows: TimeRows, name: str, seconds: float, first: bool) -> None:
        parts = Seconds(2 * seconds, 3 * seconds)
        refined = Refined(nothing, nothing, boxes_of([]), np.zeros(0), np.zeros(0, np.bool_), parts)
        rows.update(name, name, refined, seconds, first)

    rows = TimeRows()
    add(rows, "a", 0.5, True)
    add(rows, "b", 0.25, True)
    assert mean_milliseconds(rows.compute()) == {"segmentation": 375, "regions": 750, "classification": 1125}
    rows = TimeRows()
    for name, seconds, first in [("a", 4, True), ("b", 0.125, False), ("c", 0.375, False), ("d", 0.25, True)]:
        add(rows, name, seconds, first)
    add(rows, "d", 1.0, False)  # which another process repeats
    assert mean_milliseconds(rows.compute()) == {"segmentation": 500, "regions": 1000, "classification": 1500}


def after_hand_made_batch(probability: Tensor, protocol: Protocol, **truth: Tensor) -> RefinementCallback:
    """Rows of one image, all of whose regions stay."""
    side = probability.shape[0]
    image = np.zeros((side, side, 3), np.uint8)
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(native_image=lambda name: image))
    task, callback = segmentation(), RefinementCallback(RegionRefiner(certain, 8, torch.device("cpu")), RELEASED)
    task.protocols = (protocol,)
    batch: Any = {
        "id": ["a"],
        "group": ["a"],
        "image": torch.zeros(1, 3, side, side),
        "to_native": resize_affine((side, side), (side, side))[None],
        **{name: [value[None]] for name, value in truth.items()},
    }
    callback.on_test_start(trainer, task)
    callback.on_test_batch_start(trainer, task, batch, 0)
    callback.on_test_batch_end(trainer, task, probability[None, None], batch, 0)
    callback.on_test_epoch_end(trainer, task)
    return callback


def certain(patches: Tensor) -> Tensor:
    return torch.ones(len(patches))


@pytest.mark.parametrize("name", ["thresholded", "refined"])
def test_what_lies_outside_the_field_of_view_does_not_count(name: str) -> None:
    probability, mask, valid = torch.zeros(8, 8), torch.zeros(8, 8), torch.zeros(8, 8)
    valid[:, 2:] = 1
    probability[0:2] = 1  # of 16 pixels, 12 are in view
    mask[1:3] = 1  # 4 in view of either row
    rows = getattr(after_hand_made_batch(probability, FOV, native_mask=mask, native_valid=valid), name)
    assert rows.columns["counts_in_view"].tolist() == [[6, 6, 6, 30]]


@pytest.mark.parametrize("name", ["thresholded", "refined"])
def test_instances_are_those_of_the_dataset(name: str) -> None:
    """Two nuclei touch: each of 4 of the 8 pixels of one region, an IoU of 0.5, which is not above it."""
    labels = torch.zeros(8, 8, dtype=torch.int32)
    labels[2:4, 2:4], labels[2:4, 4:6] = 1, 2
    mask = (labels > 0).float()
    truth = {"native_mask": mask, "native_valid": torch.ones(8, 8), "native_labels": labels}
    rows = getattr(after_hand_made_batch(mask, INSTANCES, **truth), name)
    found = InstanceCounts(*rows.columns["instances"][0])
    assert (found.tp, found.fp, found.fn) == (0, 1, 2)


def test_passes_of_a_feedback_net_are_refined_and_timed(root: Path) -> None:
    task = FeedbackSegmentationTask(ColourNet(), BCEDiceLoss(), iterations=3)
    task.protocols = (PER_IMAGE,)
    callback = after_test(root, RELEASED, task)
    assert dice(callback.refined) == dict.fromkeys("5678", 1)
    assert callback.milliseconds["segmentation"] > 0
