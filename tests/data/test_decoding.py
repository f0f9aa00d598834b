"""Files that hold several images, or too many pixels, or none that can be told."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import ConfigError, DataError
from polybench.data.decoding import open_image, open_picture, pages


def frames(count: int = 2) -> list[Image.Image]:
    return [Image.fromarray(np.full((4, 4), 60 * k, np.uint8)) for k in range(count)]


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header states this size and whose one row is all there is."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png", ".webp"])
def test_file_of_several_images_is_refused_where_one_is_expected(tmp_path: Path, suffix: str) -> None:
    first, second = frames()
    path = tmp_path / f"a{suffix}"
    first.save(path, save_all=True, append_images=[second])
    with pytest.raises(DataError, match=rf"a\{suffix}' holds 2 images where one is expected: save each"):
        open_image(path)
    assert pages(path) == 2


def test_page_of_a_stack_is_read_where_it_is_named(tmp_path: Path) -> None:
    first, second = frames()
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    assert np.asarray(open_image(tmp_path / "a.tif", 1)).max() == 60
    with pytest.raises(DataError, match="has no slice 2"):
        open_image(tmp_path / "a.tif", 2)


def test_too_many_pixels_are_told_with_the_limit_and_how_to_raise_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBENCH_MAX_PIXELS", "15")
    frames()[0].save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png' has .* \(4x4\), more than the limit .* POLYBENCH_MAX_PIXELS to 16"):
        open_image(tmp_path / "a.png")
    monkeypatch.setenv("POLYBENCH_MAX_PIXELS", "16")
    assert open_image(tmp_path / "a.png").size == (4, 4)


def test_limit_is_beyond_that_of_pillow(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_of(14000, 13000))
    with pytest.raises(DataError, match=r"a\.png' can't be decoded"):  # since its rows are missing
        open_image(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(png_of(40000, 40000))
    with pytest.raises(DataError, match=r"b\.png' has 1600 million pixels \(40000x40000\), more than the limit of 500"):
        open_image(tmp_path / "b.png")


def test_image_beyond_the_memory_of_the_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polybench.data.decoding._physical_memory", lambda: 100)
    frames()[0].save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png' has .* this machine has"):
        open_image(tmp_path / "a.png")


@pytest.mark.parametrize("text", ["many", "0", "-5"])
def test_limit_that_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("POLYBENCH_MAX_PIXELS", text)
    frames()[0].save(tmp_path / "a.png")
    with pytest.raises(ConfigError, match="POLYBENCH_MAX_PIXELS must be an integer number"):
        open_image(tmp_path / "a.png")


def test_limit_of_pillow_is_put_back(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    frames()[0].save(tmp_path / "a.png")
    open_image(tmp_path / "a.png")
    assert before == Image.MAX_IMAGE_PIXELS


def test_sixteen_bits_a_colour_are_told(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + bytes([200, 1] * 3 * 2) for _ in range(2))
    content = bytearray(png_of(2, 2))
    header = struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)
    body = b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
    (tmp_path / "a.png").write_bytes(bytes(content[:8]) + body)
    picture = open_picture(tmp_path / "a.png")
    assert (picture.narrowed, picture.wide, picture.image.getpixel((0, 0))) == (True, False, (200, 200, 200))
