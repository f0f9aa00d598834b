"""Training on crops with masks of whole frames, and iterations over whole frames by tiles."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation

from polybench.augment import Policy
from polybench.data.crop_samples import CropSamples
from polybench.data.crops import Crop
from polybench.methods.feedback.bank import MaskBank
from polybench.methods.feedback.otsu import otsu_masks
from polybench.methods.feedback.task import FeedbackSegmentationTask
from polybench.models.fanet import FANetLoss
from tests.methods.feedback.feedback_nets import (
    TRAINED,
    TURNS,
    Diary,
    Grows,
    SeesRed,
    fit,
    in_their_frame,
    masks_of,
    write_red_frames,
)

CROP = Crop(16, foreground=0.5, per_image=2)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_red_frames(tmp_path / "data")


@pytest.mark.parametrize(
    ("augment", "data"),
    [
        (TURNS, {"crop": Crop(8, scale=0.5, per_image=2)}),
        ("standard", {"crop": CROP}),
        ("efen25", {"crop": Crop(16), "expanded": True, "batch_size": 52}),
    ],
    ids=["turns-at-scale", "standard", "expanded"],
)
def test_a_crop_is_shown_its_window_of_the_mask_predicted_for_its_frame(
    root: Path, augment: str | Policy, data: dict[str, Any]
) -> None:
    # What SeesRed predicts is the mask itself, and the data module cut and moved that one beside the image.
    net, diary = SeesRed(), Diary()
    fit(root, net, diary, epochs=2, augment=augment, data=data, iterations=1)
    samples = in_their_frame(diary, net)
    assert len(samples) >= 12
    assert all(samples)


def test_predictions_of_training_steps_are_written_into_their_windows(root: Path) -> None:
    diary = Diary()
    task = fit(root, SeesRed(), diary, epochs=2, augment=TURNS, data={"crop": CROP}, refresh="inverse", iterations=1)
    cache = task.trainer.datamodule.cache  # type: ignore[attr-defined]
    crops = CropSamples(cache, TRAINED, {}, CROP, seed=0)
    first, second = (MaskBank(diary.banks[epoch]).get(TRAINED)[:, 0] for epoch in (0, 1))
    images = np.stack([cache.image(cache.position[name]) for name in TRAINED])
    assert torch.equal(first, otsu_masks(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)[:, 0])
    expected, truth = first.clone(), masks_of(root, TRAINED)[:, 0]
    for row, name in enumerate(TRAINED):
        for number in range(CROP.per_image):
            top, left = crops.window(name, 0, number)
            rows, columns = slice(top, top + 16), slice(left, left + 16)
            expected[row, rows, columns] = truth[row, rows, columns]
    assert torch.equal(second, expected)
    assert not torch.equal(second, truth)  # no crop covered some of the pixels


@pytest.mark.parametrize("together", [1, 4, 100])
def test_an_iteration_sees_what_the_one_before_predicted_in_other_tiles(together: int) -> None:
    # A dilation by one pixel needs one pixel beyond each seam, of the mask of the iteration before.
    image = np.zeros((40, 61, 3), np.uint8)
    image[18:22, 30:34] = 255
    task = FeedbackSegmentationTask(Grows(), FANetLoss()).eval()
    with torch.inference_mode():
        found = task.predict_frame(image, Crop(16, overlap=2), together)[0] >= 0.5
    first = otsu_masks(torch.from_numpy(image).permute(2, 0, 1)[None] / 255)[0, 0]
    np.testing.assert_array_equal(found, binary_dilation(first, np.ones((3, 3)), 10))
