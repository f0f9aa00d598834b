"""Which value of more than 8 bits is white: of one file, and of a copy."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import ConfigError, DataError
from polybench.data.images import read_image
from polybench.data.value_range import check_bits, range_problem


def tif(folder: Path, values: list[int], dtype: type) -> Path:
    Image.fromarray(np.array([values], dtype)).save(folder / "a.tif")
    return folder / "a.tif"


@pytest.mark.parametrize(
    ("values", "dtype", "bits", "read"),
    [
        ([0, 2048, 4095], np.uint16, 12, [0, 128, 255]),  # 2048 / 4095 * 255 = 127.53
        ([0, 257, 65535], np.uint16, None, [0, 1, 255]),
        ([0, 257, 65535], np.uint16, 16, [0, 1, 255]),
        ([0, 7, 190], np.int32, 8, [0, 7, 190]),
        ([0, 2**20 - 1], np.int32, 20, [0, 255]),
        ([0, 1023], np.int16, 10, [0, 255]),
    ],
)
def test_values_are_scaled_by_the_bits_that_count(
    tmp_path: Path, values: list[int], dtype: type, bits: int | None, read: list[int]
) -> None:
    assert read_image(tif(tmp_path, values, dtype), bits=bits)[0, :, 0].tolist() == read


@pytest.mark.parametrize(
    ("values", "dtype", "bits", "told"),
    [
        ([-5, 100], np.int16, None, "values from -5 to 100, negative"),
        ([0, 4096], np.uint16, 12, r"up to 4096, beyond the stated 12 bits: state .* --data\.bits 14"),
        ([0, 70000], np.int32, None, r"up to 70000, beyond the stated 16 bits: state .* --data\.bits 18"),
    ],
)
def test_value_out_of_range_names_file_and_value(
    tmp_path: Path, values: list[int], dtype: type, bits: int | None, told: str
) -> None:
    with pytest.raises(DataError, match=rf"a\.tif' has .*{told}"):
        read_image(tif(tmp_path, values, dtype), bits=bits)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.tif' holds floating-point pixels"):
        read_image(tif(tmp_path, [0, 1], np.float32))


def test_grey_map_that_states_its_own_range_needs_no_bits(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 4095\n" + np.array([2048, 4095], ">u2").tobytes())
    assert read_image(tmp_path / "a.pgm")[0, :, 0].tolist() == [128, 255]


@pytest.mark.parametrize(
    ("peaks", "bits", "told"),
    [
        ({"a": 4080, "b": 3000}, None, "2 file(s) have more than 8 bits but no value above 4080 ('a')"),
        ({"a": 4080}, None, "such as --data.bits 12, or 16 if the whole range"),
        ({"a": 190}, None, "such as --data.bits 8, or 16"),
        ({"a": 16383}, None, "such as --data.bits 14, or 16"),
        ({"a": 32767}, None, "such as --data.bits 16:"),
        ({}, 12, "No file has more than 8 bits, so --data.bits 12 has no effect"),
    ],
)
def test_copy_whose_range_is_not_known_is_told_what_to_state(
    peaks: dict[str, int], bits: int | None, told: str
) -> None:
    problem = range_problem(peaks, bits)
    assert problem is not None
    assert told.rstrip(":") in problem


@pytest.mark.parametrize(
    ("peaks", "bits"), [({}, None), ({"dark": 300, "bright": 40000}, None), ({"a": 4080}, 12), ({"a": 4080}, 16)]
)
def test_range_is_known_where_one_file_uses_it_or_it_is_stated(peaks: dict[str, int], bits: int | None) -> None:
    assert range_problem(peaks, bits) is None


@pytest.mark.parametrize("bits", [0, -1, 32])
def test_bits_that_no_image_has_are_refused(bits: int) -> None:
    with pytest.raises(ConfigError, match="bits must be 1 to 31"):
        check_bits(bits)
