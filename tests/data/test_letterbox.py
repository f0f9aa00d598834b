"""Letterboxed sets: their cache, their field of view, and what a trainer sees of them."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from polybench.core.errors import ConfigError
from polybench.data.build import build_cache
from polybench.data.cache import ImageCache
from polybench.data.fitting import Fitting
from polybench.data.images import read_mask
from polybench.data.sample import Batch, Decoded, Source
from polybench.datasets import ClinicDBDataModule
from polybench.metrics.prepare import to_native_size
from tests.data.clinicdb_frames import decode, sources

SQUARE = (32, 32)
LETTERBOX = Fitting("letterbox", 9)
IMAGE = np.s_[4:28]  # the rows of a frame of 48x64 in a square of 32


def decode_left_half(source: Source) -> Decoded:
    image, mask, *_ = decode(source)
    valid = np.zeros_like(mask)
    valid[:, :32] = 1
    return Decoded(image, mask, valid)


def build(root: Path, folder: Path, fitting: Fitting = LETTERBOX) -> ImageCache:
    return build_cache(sources(root), SQUARE, decode, folder, fitting=fitting)


def test_cached_image_is_padded_as_pillow_does(data_root: Path, tmp_path: Path) -> None:
    cache = build(data_root, tmp_path)
    for position, source in enumerate(sources(data_root)):
        grey = (9, 9, 9)
        expected = ImageOps.pad(Image.open(source.image), SQUARE, Image.Resampling.BILINEAR, color=grey)
        np.testing.assert_array_equal(cache.image(position), np.asarray(expected))
        assert not cache.mask(position)[:4].any()
        assert not cache.mask(position)[28:].any()
        np.testing.assert_array_equal(cache.native_mask(position), read_mask(source.masks[0]))


def test_padding_is_outside_the_field_of_view(data_root: Path, tmp_path: Path) -> None:
    cache = build(data_root, tmp_path)
    assert not cache.has_valid
    assert cache.has_view
    expected = np.zeros(SQUARE, np.uint8)
    expected[IMAGE] = 1
    np.testing.assert_array_equal(cache.valid(2), expected)
    assert cache.native_valid(2).all()
    seen = build_cache(sources(data_root), SQUARE, decode_left_half, tmp_path / "seen", fitting=LETTERBOX)
    expected[:, 16:] = 0
    np.testing.assert_array_equal(seen.valid(2), expected)
    assert seen.native_valid(2).sum() == 48 * 32


def test_each_fit_has_a_cache_of_its_own_and_that_of_stretched_images_is_as_before(
    data_root: Path, tmp_path: Path
) -> None:
    stretched, grey, black = (
        build(data_root, tmp_path, fitting) for fitting in (Fitting(), LETTERBOX, Fitting("letterbox"))
    )
    assert len({cache.folder for cache in (stretched, grey, black)}) == 3
    assert stretched.folder.name.endswith("-32x32-v4")
    assert grey.folder.name.endswith("-32x32-letterbox9-v4")
    assert stretched.folder.name.partition("-")[0] == grey.folder.name.partition("-")[0]
    index = json.loads((stretched.folder / "index.json").read_text())
    assert set(index) == {
        *("version", "size", "manifest_sha256", "ids", "native_sizes", "objects", "skipped"),
        *("has_valid", "has_labels", "notes", "sha256"),
    }
    assert ImageCache(grey.folder).fitting == LETTERBOX
    assert not stretched.has_view


def test_native_cache_is_the_same_for_each_fit(data_root: Path, tmp_path: Path) -> None:
    caches = [
        build_cache(sources(data_root), None, decode, tmp_path, fitting=fitting) for fitting in (Fitting(), LETTERBOX)
    ]
    assert caches[0].folder == caches[1].folder
    assert caches[1].valid(0).all()


def module(root: Path, size: tuple[int, int] = SQUARE, *, training: bool = False, **options: Any) -> ClinicDBDataModule:
    data = ClinicDBDataModule(str(root), size, str(root / "split.csv"), batch_size=3, seed=1, **options)
    place = {"global_rank": 0, "world_size": 1, "limit_train_batches": 1.0, "current_epoch": 0}
    cast(Any, data).trainer = SimpleNamespace(training=training, **place)
    data.prepare_data()
    data.setup("fit")
    return data


def batch_of(data: ClinicDBDataModule) -> Batch:
    return data.on_after_batch_transfer(cast(Batch, next(iter(data.plain_dataloader("train")))), 0)


def test_mask_of_a_frame_comes_back_to_the_pixel_from_the_padded_one(data_root: Path) -> None:
    data = module(data_root, (128, 128), fit="letterbox")
    batch = data.on_after_batch_transfer(cast(Batch, next(iter(data.evaluation_dataloader("test")))), 0)
    inside = torch.zeros(len(batch["id"]), 1, 128, 128)
    inside[:, :, 16:112] = 1
    assert torch.equal(batch["valid"], inside)
    for row in range(len(batch["id"])):
        back = to_native_size(batch["mask"][row], batch["to_native"][row], (48, 64)) >= 0.5
        truth = batch["native_mask"][row].bool()
        assert torch.equal(back, truth)
        assert batch["native_valid"][row].all()


@pytest.mark.parametrize("on_device", [False, True])
def test_augmentation_moves_image_and_padding_together(data_root: Path, on_device: bool) -> None:
    options: dict[str, Any] = {"fit": "letterbox", "pad_value": 255, "on_device": on_device}
    plain = batch_of(module(data_root, **options))
    moved = batch_of(module(data_root, training=True, augment="keras_fcn", **options))
    transform = moved["transform"]
    assert torch.equal(moved["image"], transform.image(plain["image"]))
    assert torch.equal(moved["valid"], transform.mask(plain["valid"]))
    assert not torch.equal(moved["valid"], plain["valid"])
    assert not (moved["mask"] * (1 - moved["valid"])).any()
    assert (plain["image"] * (1 - plain["valid"])).sum() == 3 * (1 - plain["valid"]).sum()


def test_stretched_set_has_no_field_of_view_of_its_own(data_root: Path) -> None:
    batch = next(iter(module(data_root).plain_dataloader("train")))
    assert "valid" not in batch


def test_record_says_what_letterboxed_frames_are_padded_with(data_root: Path) -> None:
    assert module(data_root).facts().pad_value is None
    assert module(data_root, fit="letterbox", pad_value=9).facts().pad_value == 9


def test_unknown_fit_is_refused_before_data_is_read() -> None:
    with pytest.raises(ConfigError, match="pad_value has no effect on stretched images"):
        ClinicDBDataModule("nowhere", pad_value=3)
