import errno
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.transform import resize

from polybench.core.checksum import file_sha256
from polybench.core.errors import DataError
from polybench.data.build import build_cache, is_intact
from polybench.data.cache import ImageCache
from polybench.data.decoding import ReadError
from polybench.data.images import read_image, read_mask
from polybench.data.sample import Decoded, Source
from tests.data.clinicdb_frames import decode, sources


def decode_with_valid(source: Source) -> Decoded:
    image, mask, *_ = decode(source)
    valid = np.zeros_like(mask)
    valid[:, : 8 * int(source.id)] = 1
    labels = np.where(mask > 0, 300 + int(source.id), 0).astype(np.uint16)
    return Decoded(image, mask, valid, objects=int(source.id), labels=labels)


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
        np.testing.assert_array_equal(cache.native_mask(position), read_mask(source.masks[0]))


def test_masks_hold_zero_and_one(data_root: Path, tmp_path: Path) -> None:
    assert set(np.unique(build(data_root, tmp_path).masks)) == {0, 1}


def test_second_build_decodes_nothing(data_root: Path, tmp_path: Path) -> None:
    build(data_root, tmp_path)

    def never(source: Source) -> Decoded:
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
    victim = cache.folder / "images.bin"
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


def test_whole_cache_is_opened_without_hashing(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(data_root, tmp_path)

    def never(path: Path) -> str:
        raise AssertionError(path)

    monkeypatch.setattr("polybench.data.build.file_sha256", never)
    assert len(build(data_root, tmp_path).position) == 4


def test_arrays_of_other_times_are_hashed_once(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, hashed = build(data_root, tmp_path), []
    os.utime(cache.folder / "images.bin", (1, 1))
    digest = file_sha256

    def watched(path: Path) -> str:
        hashed.append(path.name)
        return digest(path)

    monkeypatch.setattr("polybench.data.build.file_sha256", watched)
    assert is_intact(cache.folder)
    assert "images.bin" in hashed
    hashed.clear()
    assert is_intact(cache.folder)
    assert hashed == []


def test_flipped_byte_is_found_though_the_time_was_put_back(data_root: Path, tmp_path: Path) -> None:
    victim = build(data_root, tmp_path).folder / "masks.bin"
    stat, content = victim.stat(), bytearray(victim.read_bytes())
    content[0] ^= 1
    victim.write_bytes(content)
    os.utime(victim, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not is_intact(victim.parent)


def test_skipped_image_that_can_be_read_after_all_is_taken_in(data_root: Path, tmp_path: Path) -> None:
    def without_two(source: Source) -> Decoded:
        if source.id == "2":
            raise DataError("2.tif can't be decoded")
        return decode(source)

    for _ in range(2):
        cache = build_cache(sources(data_root), (24, 32), without_two, tmp_path, skip_broken=True)
        assert list(cache.position) == ["1", "3", "4"]
    cache = build_cache(sources(data_root), (24, 32), decode, tmp_path, skip_broken=True)
    assert list(cache.position) == ["1", "2", "3", "4"]


def test_file_that_cannot_be_read_now_stops_the_build_and_loses_nothing(data_root: Path, tmp_path: Path) -> None:
    decoded: list[str] = []

    def busy_at_three(source: Source) -> Decoded:
        if source.id == "3":
            raise ReadError("3.tif could not be read")
        return decode(source)

    def watched(source: Source) -> Decoded:
        decoded.append(source.id)
        return decode(source)

    with pytest.raises(ReadError):
        build_cache(sources(data_root), (24, 32), busy_at_three, tmp_path, skip_broken=True)
    assert len(build_cache(sources(data_root), (24, 32), watched, tmp_path, skip_broken=True).position) == 4
    assert decoded == ["3", "4"]


def test_file_that_cannot_be_hashed_is_named(data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(ReadError, match=r"1\.tif' can't be read \(Input/output error\)"):
        build(data_root, tmp_path)


def test_undecodable_file_is_named_and_leaves_nothing(data_root: Path, tmp_path: Path) -> None:
    victim = sources(data_root)[3].image
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.raises(DataError, match=r"4\.tif"):
        build(data_root, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*24x32*/index.json"))


def test_broken_file_is_skipped_and_remembered_on_request(data_root: Path, tmp_path: Path) -> None:
    victim = sources(data_root)[1].image
    victim.write_bytes(b"no image")
    cache = build_cache(sources(data_root), (24, 32), decode, tmp_path, skip_broken=True)
    assert list(cache.position) == ["1", "3", "4"]
    assert str(victim) in cache.skipped["2"]
    np.testing.assert_array_equal(cache.native_mask(1), read_mask(sources(data_root)[2].masks[0]))


def test_cache_that_skipped_is_refused_to_who_does_not_skip(data_root: Path, tmp_path: Path) -> None:
    sources(data_root)[1].image.write_bytes(b"no image")
    build_cache(sources(data_root), (24, 32), decode, tmp_path, skip_broken=True)
    with pytest.raises(DataError, match=r"2\.tif"):
        build(data_root, tmp_path)


def test_field_of_view_and_objects_come_back(data_root: Path, tmp_path: Path) -> None:
    cache = build_cache(sources(data_root), (24, 32), decode_with_valid, tmp_path)
    assert cache.objects == [1, 2, 3, 4]
    for position, width in enumerate((8, 16, 24, 32)):
        assert cache.native_valid(position).sum() == 48 * width
        assert cache.valid(position)[:, : width // 2].all()
        assert not cache.valid(position)[:, width // 2 :].any()


def test_label_maps_come_back(data_root: Path, tmp_path: Path) -> None:
    cache = build_cache(sources(data_root), (24, 32), decode_with_valid, tmp_path)
    assert cache.has_labels
    for position, source in enumerate(sources(data_root)):
        expected = np.where(read_mask(source.masks[0]), 300 + int(source.id), 0)
        np.testing.assert_array_equal(cache.native_labels(position), expected)
    assert not build(data_root, tmp_path / "another").has_labels


def test_without_a_field_of_view_every_pixel_counts(data_root: Path, tmp_path: Path) -> None:
    cache = build(data_root, tmp_path)
    assert cache.valid(0).shape == (24, 32)
    assert cache.native_valid(0).all()
    assert cache.native_valid(0).shape == (48, 64)


def test_native_cache_holds_the_images_as_they_are(data_root: Path, tmp_path: Path) -> None:
    odd = sources(data_root)[1]
    for path in odd.files:
        Image.open(path).resize((30, 20)).save(path)
    cache = build_cache(sources(data_root), None, decode, tmp_path)
    assert cache.native_sizes == [(48, 64), (20, 30), (48, 64), (48, 64)]
    for position, source in enumerate(sources(data_root)):
        np.testing.assert_array_equal(cache.image(position), read_image(source.image))
        np.testing.assert_array_equal(cache.mask(position), read_mask(source.masks[0]))


@pytest.mark.parametrize("torn", ["nothing", "last bytes", "journal line"])
def test_interrupted_build_goes_on_where_it_stopped(data_root: Path, tmp_path: Path, torn: str) -> None:
    whole = build_cache(sources(data_root), (24, 32), decode_with_valid, tmp_path / "whole")
    decoded: list[str] = []

    def kill_at_three(source: Source) -> Decoded:
        if source.id == "3":
            raise KeyboardInterrupt
        return decode_with_valid(source)

    def watched(source: Source) -> Decoded:
        decoded.append(source.id)
        return decode_with_valid(source)

    with pytest.raises(KeyboardInterrupt):
        build_cache(sources(data_root), (24, 32), kill_at_three, tmp_path / "killed")
    partial = next((tmp_path / "killed").glob(".*.partial"))
    if torn == "last bytes":
        content = bytearray((partial / "masks.bin").read_bytes())
        content[-1] ^= 1
        (partial / "masks.bin").write_bytes(content)
    if torn == "journal line":
        journal = partial / "journal.jsonl"
        journal.write_text(journal.read_text()[:-20])
    cache = build_cache(sources(data_root), (24, 32), watched, tmp_path / "killed")
    assert decoded == (["3", "4"] if torn == "nothing" else ["2", "3", "4"])
    for name in ("images.bin", "masks.bin", "native_masks.bin", "valids.bin", "native_valids.bin", "native_labels.bin"):
        assert (cache.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_folder_that_cannot_be_written_is_named(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("polybench.data.build.os.fsync", full)
    with pytest.raises(DataError, match=r"No space left on device.*POLYBENCH_CACHE"):
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
