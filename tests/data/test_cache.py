import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.transform import resize

from polybench.data.cache import ImageCache, build_cache, is_intact
from polybench.data.images import UInt8Array, read_image, read_mask
from polybench.data.sample import Source
from polybench.errors import DataError


def sources(root: Path) -> list[Source]:
    folder = root / "CVC-ClinicDB"
    return [
        Source(str(k), "g", folder / "Original" / f"{k}.tif", folder / "Ground Truth" / f"{k}.tif") for k in range(1, 5)
    ]


def decode(source: Source) -> tuple[UInt8Array, UInt8Array]:
    return read_image(source.image), read_mask(source.mask)


def build(root: Path, folder: Path, size: tuple[int, int] = (24, 32)) -> ImageCache:
    return build_cache(sources(root), size, decode, folder)


def test_images_are_resized_as_scikit_image_does(data_root: Path, tmp_path: Path) -> None:
    cache = build(data_root, tmp_path)
    original = read_image(sources(data_root)[2].image)
    expected = resize(original, (24, 32), order=1, anti_aliasing=False, preserve_range=True)
    pooled = original.reshape(24, 2, 32, 2, 3).mean((1, 3))
    assert cache.images[2].shape == (24, 32, 3)
    assert np.abs(cache.images[2] - (expected + pooled) / 2).mean() < 4


def test_native_mask_comes_back_bit_for_bit(data_root: Path, tmp_path: Path) -> None:
    cache = build(data_root, tmp_path)
    for position, source in enumerate(sources(data_root)):
        np.testing.assert_array_equal(cache.native_mask(position), read_mask(source.mask))


def test_masks_hold_zero_and_one(data_root: Path, tmp_path: Path) -> None:
    assert set(np.unique(build(data_root, tmp_path).masks)) == {0, 1}


def test_second_build_decodes_nothing(data_root: Path, tmp_path: Path) -> None:
    build(data_root, tmp_path)

    def never(source: Source) -> tuple[UInt8Array, UInt8Array]:
        raise AssertionError(source.id)

    build_cache(sources(data_root), (24, 32), never, tmp_path)


def test_another_size_or_content_is_another_cache(data_root: Path, tmp_path: Path) -> None:
    first = build(data_root, tmp_path)
    second = build(data_root, tmp_path, size=(12, 16))
    Image.new("RGB", (64, 48)).save(sources(data_root)[0].image)
    third = build(data_root, tmp_path)
    assert len({first.folder, second.folder, third.folder}) == 3
    assert third.images[0].max() == 0


@pytest.mark.parametrize("damage", ["truncate", "flip", "no index"])
def test_damaged_cache_is_rebuilt(data_root: Path, tmp_path: Path, damage: str) -> None:
    cache = build(data_root, tmp_path)
    whole = np.array(cache.images)
    victim = cache.folder / "images.npy"
    content = bytearray(victim.read_bytes())
    if damage == "truncate":
        victim.write_bytes(content[:-50])
    elif damage == "flip":
        content[-1] ^= 255
        victim.write_bytes(content)
    else:
        (cache.folder / "index.json").unlink()
    assert not is_intact(cache.folder)
    np.testing.assert_array_equal(build(data_root, tmp_path).images, whole)


def test_undecodable_file_is_named_and_leaves_nothing(data_root: Path, tmp_path: Path) -> None:
    victim = sources(data_root)[3].image
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.raises(DataError, match=r"4\.tif"):
        build(data_root, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*24x32*/index.json"))


def test_mask_of_another_size_is_named(data_root: Path, tmp_path: Path) -> None:
    Image.new("L", (10, 10)).save(sources(data_root)[1].mask)
    with pytest.raises(DataError, match=r"is 64x48 pixels but its mask .*2\.tif' is 10x10"):
        build(data_root, tmp_path / "cache")


def test_opened_maps_do_not_travel_to_workers(data_root: Path, tmp_path: Path) -> None:
    cache = build(data_root, tmp_path)
    size = len(pickle.dumps(cache))
    _ = cache.images, cache.masks, cache.native_mask(0)
    assert len(pickle.dumps(cache)) == size


def test_hash_does_not_depend_on_where_the_copy_lies(data_root: Path, tmp_path: Path) -> None:
    first = build(data_root, tmp_path / "one")
    shutil.copytree(data_root, tmp_path / "elsewhere")
    assert build(tmp_path / "elsewhere", tmp_path / "two").manifest_sha256 == first.manifest_sha256
