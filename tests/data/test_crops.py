"""Crops: native pixels, places in the frame and in the field of view, foreground, and refused numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from polybench.core.errors import ConfigError, DataError
from polybench.data.cache import ImageCache
from polybench.data.crop_samples import CropSamples, FrameSamples
from polybench.data.crops import Crop, Window, draw_window, shares_in_view, window_of
from polybench.data.sample import Sample
from polybench.metrics.prepare import to_network_size
from tests.data.crop_frames import SIZE, cropped, write_round_frames

ARBITRARY_FRAME = np.random.default_rng(0).integers(0, 256, (50, 61, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    root = tmp_path_factory.mktemp("round")
    return cropped(write_round_frames(root), Crop(16), cache_dir=str(root / "cache")).cache


def samples(cache: ImageCache, crop: Crop, variants: int = 1) -> CropSamples:
    ids = list(cache.position)
    return CropSamples(cache, ids, {name: name for name in ids}, crop, seed=0, variants=variants)


def drawn(cache: ImageCache, crop: Crop, count: int = 200) -> list[Window]:
    source = torch.Generator().manual_seed(0)
    return [draw_window(cache, 0, crop, source) for _ in range(count)]


def test_the_pixels_of_a_crop_are_those_of_the_file(cache: ImageCache, tmp_path: Path) -> None:
    root = write_round_frames(tmp_path)
    files = {name: np.asarray(Image.open(root / name / "f1.png")) for name in ("images", "masks", "valid")}
    of_crops = samples(cache, Crop(16, foreground=0.5, per_image=3))
    for k in range(3):
        sample = of_crops[3 + k]  # of the second image
        top, left = of_crops.window("f1", 0, k)
        rows, columns = slice(top, top + 16), slice(left, left + 16)
        assert sample["id"] == f"f1/c{k}"
        assert sample["cut"] == ("f1", k, top, left)
        np.testing.assert_array_equal(sample["image"], files["images"][rows, columns])
        np.testing.assert_array_equal(sample["mask"][0], files["masks"][rows, columns] > 127)
        np.testing.assert_array_equal(sample["valid"][0], files["valid"][rows, columns] > 127)


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.77])
def test_a_window_of_a_shrunk_frame_is_that_of_the_whole_frame(scale: float) -> None:
    crop = Crop(11, scale=scale)
    height, width = crop.frame_size((50, 61))
    whole = np.asarray(Image.fromarray(ARBITRARY_FRAME).resize((width, height), Image.Resampling.BILINEAR), np.int16)
    mask = (ARBITRARY_FRAME[..., 0] > 140).astype(np.uint8)
    share = Image.fromarray(255 * mask).resize((width, height), Image.Resampling.BILINEAR)
    for top in (0, 1, height - 11):
        for left in (0, 4, width - 11):
            rows, columns = slice(top, top + 11), slice(left, left + 11)
            found = window_of(ARBITRARY_FRAME, Window(top, left), crop).astype(np.int16)
            assert np.abs(found - whole[rows, columns]).max() <= 1  # Pillow rounds its weights
            found_mask = window_of(mask, Window(top, left), crop)
            np.testing.assert_array_equal(found_mask, np.asarray(share)[rows, columns] >= 128)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_crop_maps_to_its_native_pixels(cache: ImageCache, scale: float) -> None:
    sample: Sample = samples(cache, Crop(12, scale=scale, foreground=1.0))[0]
    native = torch.from_numpy(cache.native_mask(0))[None].bool()
    found = to_network_size(native, sample["to_native"], (12, 12))
    assert (found == sample["mask"].bool()).float().mean() > (0.999 if scale == 1 else 0.9)


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("foreground", [0.0, 1.0])
@pytest.mark.parametrize("in_view", [0.5, 0.98])
def test_crops_lie_in_the_frame_and_in_the_field_of_view(
    cache: ImageCache, scale: float, foreground: float, in_view: float
) -> None:
    crop = Crop(14, scale=scale, foreground=foreground, in_view=in_view)
    height, width = crop.frame_size(SIZE)
    for top, left in drawn(cache, crop, 50):
        assert 0 <= top <= height - 14
        assert 0 <= left <= width - 14
        assert window_of(cache.valid(0), Window(top, left), crop).mean() >= in_view


def test_shares_of_the_field_of_view_are_those_of_windows(cache: ImageCache) -> None:
    crop = Crop(20)
    shares = shares_in_view(cache, 0, crop)
    assert shares.shape == (SIZE[0] - 19, SIZE[1] - 19)
    for top, left in ((0, 0), (7, 30), (28, 44)):
        assert shares[top, left] == pytest.approx(cache.valid(0)[top : top + 20, left : left + 20].mean())


def test_the_share_of_crops_that_are_centred_on_foreground_is_as_stated(cache: ImageCache) -> None:
    def centred(foreground: float) -> float:
        windows = drawn(cache, Crop(9, foreground=foreground, in_view=0), 400)
        return float(np.mean([cache.mask(0)[top + 4, left + 4] for top, left in windows]))

    by_chance = centred(0.0)
    assert by_chance == pytest.approx(cache.mask(0)[4:-4, 4:-4].mean(), abs=0.06)
    assert centred(1.0) > 0.97  # a few vessels end at the edge of the frame
    assert centred(0.5) == pytest.approx(0.5 + 0.5 * by_chance, abs=0.06)


def test_every_place_of_a_frame_can_be_drawn(cache: ImageCache) -> None:
    windows = drawn(cache, Crop(46, in_view=0), 300)
    assert {top for top, _ in windows} == {0, 1, 2}
    assert {left for _, left in windows} == set(range(SIZE[1] - 45))


def test_crops_differ_by_epoch_number_and_image_and_not_by_variant(cache: ImageCache) -> None:
    of_crops = samples(cache, Crop(16, per_image=2), variants=3)
    assert len(of_crops) == 7 * 2 * 3
    sample = of_crops[4]
    assert (sample["id"], sample["variant"]) == ("f0/c1#1", 1)
    assert torch.equal(sample["image"], of_crops[3]["image"])
    places = {of_crops.window(name, epoch, k) for name in ("f0", "f1") for epoch in (0, 1) for k in (0, 1)}
    assert len(places) == 8
    assert torch.equal(of_crops[len(of_crops) + 4]["image"], of_crops[len(of_crops) + 3]["image"])
    assert not torch.equal(of_crops[len(of_crops) + 4]["image"], sample["image"])


def test_whole_frames_are_evaluated_at_the_scale_of_crops(cache: ImageCache) -> None:
    ids = list(cache.position)
    groups = {name: name for name in ids}
    native = FrameSamples(cache, ids, groups, Crop(16), native=True)[2]
    np.testing.assert_array_equal(native["image"], cache.image(2))
    half = FrameSamples(cache, ids, groups, Crop(16, scale=0.5), native=True)[2]
    expected = Image.fromarray(cache.image(2)).resize((32, 24), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(half["image"], np.asarray(expected))
    assert tuple(half["mask"].shape) == tuple(half["valid"].shape) == (1, 24, 32)
    assert half["to_native"].tolist() == [[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]]
    assert tuple(half["native_mask"].shape) == (1, *SIZE)


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        (Crop(49), "larger than the smallest frame, 'f0' of 48x64: lower crop.size to at most 48"),
        (
            Crop(40, scale=0.5),
            r"\(24 pixels at scale 0.5\): lower crop.size to at most 24, or raise crop.scale to 0.833",
        ),
        (
            Crop(47, in_view=0.9),
            r"No crop of 47x47 .* 'f0' has 0.9 .* lower crop.in_view to at most 0.75",
        ),
    ],
)
def test_crops_that_do_not_fit_are_refused_before_training(tmp_path: Path, crop: Crop, message: str) -> None:
    with pytest.raises(DataError, match=message):
        cropped(write_round_frames(tmp_path), crop)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"size": 0}, "at least 1"),
        ({"per_image": 0}, "crop.per_image must be from 1 to 100000, not 0"),
        ({"per_image": 10**12}, "crop.per_image must be from 1 to 100000, not 1000000000000"),
        ({"scale": 0.0}, "at most 1"),
        ({"scale": 1.5}, "at most 1, the native scale, not 1.5"),
        ({"foreground": 1.1}, "shares"),
        ({"overlap": 16}, "less than crop.size 16"),
    ],
)
def test_impossible_numbers_are_refused(numbers: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Crop(**{"size": 16, **numbers})  # type: ignore[arg-type]


def test_crops_and_a_set_on_the_device_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leave out on_device"):
        cropped(write_round_frames(tmp_path), Crop(16), on_device=True)
