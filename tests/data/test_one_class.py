"""Subsets whose masks show one class alone are refused before training."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.data.crops import Crop
from polybench.datasets import ClinicDBDataModule


def fit_with(data_root: Path, tmp_path: Path, masks: dict[int, np.ndarray], crop: Crop | None = None) -> None:
    """Set up a fit on the tiny frames, of which 1 to 6 are trained on, 7 and 8 validated, 9 to 12 tested."""
    for number, mask in masks.items():
        Image.fromarray(mask.astype(np.uint8) * 255).save(data_root / "CVC-ClinicDB" / "Ground Truth" / f"{number}.tif")
    data = ClinicDBDataModule(
        str(data_root), (24, 32), str(data_root / "split.csv"), cache_dir=str(tmp_path / "cache"), crop=crop
    )
    data.prepare_data()
    data.setup("fit")


EMPTY, FULL = np.zeros((48, 64)), np.ones((48, 64))
TRAIN, VAL, TEST = range(1, 7), range(7, 9), range(9, 13)


@pytest.mark.parametrize(
    ("numbers", "mask", "message"),
    [
        (TRAIN, EMPTY, "All 6 training masks in .* are pure background, so the net would learn empty predictions"),
        (VAL, EMPTY, "All 2 validation masks in .* pure background, so selection would be by the share of empty"),
        (VAL, FULL, "All 2 validation masks in .* pure foreground, so selection would be by the share of full"),
        (TEST, EMPTY, "All 4 test masks in .* are pure background, so the number reported would be the share of"),
    ],
    ids=["train", "val", "val-full", "test"],
)
def test_masks_of_one_class_are_refused(
    data_root: Path, tmp_path: Path, numbers: range, mask: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        fit_with(data_root, tmp_path, dict.fromkeys(numbers, mask))


def test_some_empty_masks_are_no_fault(data_root: Path, tmp_path: Path) -> None:
    fit_with(data_root, tmp_path, {1: EMPTY, 7: EMPTY, 9: EMPTY})


def test_an_object_that_only_the_native_mask_shows_is_enough_for_validation(data_root: Path, tmp_path: Path) -> None:
    speck = EMPTY.copy()
    speck[0, 0] = 1  # lost when the mask is halved by nearest neighbour, or below half of a cell of 2 x 2
    fit_with(data_root, tmp_path, dict.fromkeys(VAL, speck))


def test_objects_that_vanish_at_the_scale_of_crops_are_refused(data_root: Path, tmp_path: Path) -> None:
    speck = EMPTY.copy()
    speck[20, 20] = 1  # a ninth of a pixel of the third
    with pytest.raises(DataError, match=r"All 6 training masks .* pure background at crop.scale 0.333333, .* raise"):
        fit_with(data_root, tmp_path, dict.fromkeys(TRAIN, speck), Crop(8, scale=1 / 3))
    fit_with(data_root, tmp_path, dict.fromkeys(TRAIN, speck), Crop(8))
