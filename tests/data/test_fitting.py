"""Letterboxed images: placement, padding, and the way back to the pixels of the file."""

from typing import Any

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from scipy import ndimage

from polybench.core.errors import ConfigError
from polybench.data.fitting import Fitting, Placement
from polybench.metrics import ImageRows
from polybench.metrics.prepare import resize_affine, to_native_size, to_network_size
from polybench.metrics.protocols import EFEN, FANET, PER_IMAGE
from polybench.metrics.sampling import inside

SIDES = st.integers(1, 70)
SIZES = st.tuples(SIDES, SIDES)


@pytest.mark.parametrize(
    ("native", "size", "inner", "corner"),
    [
        ((100, 200), (32, 32), (16, 32), (8, 0)),  # wider
        ((200, 100), (32, 32), (32, 16), (0, 8)),  # taller
        ((5, 10), (32, 32), (16, 32), (8, 0)),  # enlarged
        ((60, 60), (288, 384), (288, 288), (0, 48)),  # a square in an oblong input
        ((288, 384), (320, 320), (240, 320), (40, 0)),  # CVC-ClinicDB in FCN16s-Atrous
        ((576, 768), (288, 384), (288, 384), (0, 0)),  # the input's own shape
        ((3, 4), (2, 2), (2, 2), (0, 0)),  # 1.5 rows, halves up
        ((10, 30), (15, 15), (5, 15), (5, 0)),
        ((10, 31), (14, 14), (5, 14), (4, 0)),  # nine rows of padding, five of them below
        ((1, 1000), (32, 32), (1, 32), (15, 0)),  # less than a row
        ((1000, 1), (32, 48), (32, 1), (0, 23)),
    ],
)
def test_image_keeps_its_shape_in_the_middle(
    native: tuple[int, int], size: tuple[int, int], inner: tuple[int, int], corner: tuple[int, int]
) -> None:
    assert Placement.letterboxed(native, size) == Placement(native, size, inner, corner)


@given(native=SIZES, size=SIZES)
def test_one_side_is_filled_and_the_other_is_rounded_to_the_nearest_pixel(
    native: tuple[int, int], size: tuple[int, int]
) -> None:
    place = Placement.letterboxed(native, size)
    scale = min(size[0] / native[0], size[1] / native[1])
    for axis in (0, 1):
        room = size[axis] - place.inner[axis]
        assert room >= 0
        assert room - 2 * place.corner[axis] in (0, 1)
        assert abs(place.inner[axis] - max(scale * native[axis], 0.5)) <= 0.5 + 1e-9
    assert place.inner[0] == size[0] or place.inner[1] == size[1]


@given(native=SIZES, size=SIZES)
def test_edges_of_the_image_are_mapped_to_edges_of_its_file(native: tuple[int, int], size: tuple[int, int]) -> None:
    place = Placement.letterboxed(native, size)
    (top, left), (height, width) = place.corner, place.inner
    points = torch.tensor([[left - 0.5, top - 0.5, 1], [left + width - 0.5, top + height - 0.5, 1]]).double()
    expected = torch.tensor([[-0.5, -0.5], [native[1] - 0.5, native[0] - 0.5]]).double()
    torch.testing.assert_close(points @ place.to_native.T, expected)
    assert inside(place.to_native, native, size) == place.inside


@pytest.mark.parametrize(("native", "size"), [((40, 64), (32, 32)), ((48, 30), (32, 64)), ((9, 13), (40, 40))])
def test_image_is_padded_as_pillow_does(native: tuple[int, int], size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*native, 3), np.uint8)
    bilinear = Image.Resampling.BILINEAR
    expected = ImageOps.pad(Image.fromarray(image), (size[1], size[0]), bilinear, color=(77, 77, 77))
    np.testing.assert_array_equal(Placement.letterboxed(native, size).image(image, 77), np.asarray(expected))


def test_affine_map_finds_each_pixel_of_the_file() -> None:
    native, size = (30, 50), (64, 64)
    place = Placement.letterboxed(native, size)
    ramp = np.add.outer(np.arange(30.0), 100 * np.arange(50.0))  # linear, so that interpolation is exact inside
    columns, rows = np.meshgrid(np.arange(64), np.arange(64))
    x, y = place.to_native.numpy() @ np.stack([columns.ravel(), rows.ravel(), np.ones(64 * 64)])
    sampled = ndimage.map_coordinates(ramp, [y, x], order=1, mode="nearest").reshape(size)
    back = to_native_size(torch.from_numpy(sampled / ramp.max())[None], place.to_native, native)[0] * ramp.max()
    np.testing.assert_allclose(back[1:-1, 1:-1], ramp[1:-1, 1:-1], atol=1e-2)


@given(native=st.tuples(st.integers(1, 14), st.integers(1, 14)), factor=st.integers(1, 4), data=st.data())
def test_mask_comes_back_to_the_pixel_from_a_whole_enlargement(
    native: tuple[int, int], factor: int, data: st.DataObject
) -> None:
    longer, seed = factor * max(native), data.draw(st.integers(0, 999))
    size = data.draw(st.sampled_from([(longer, longer), (factor * native[0], longer + 5), (longer, longer)]))
    mask = np.random.default_rng(seed).integers(0, 2, native).astype(np.uint8)
    place = Placement.letterboxed(native, size)
    hypothesis.assume(place.inner == (factor * native[0], factor * native[1]))
    seen = torch.from_numpy(place.mask(mask))[None].double()
    back = to_native_size(seen, place.to_native, native) >= 0.5
    np.testing.assert_array_equal(back[0].numpy(), mask.astype(bool))
    outside = torch.from_numpy(place.view())[None] == 0
    assert not seen[outside].any()


@pytest.mark.parametrize(("native", "size"), [((20, 36), (18, 18)), ((34, 12), (17, 17)), ((30, 30), (15, 40))])
def test_mask_of_blocks_comes_back_to_the_pixel_from_half_its_size(
    native: tuple[int, int], size: tuple[int, int]
) -> None:
    blocks = np.random.default_rng(0).integers(0, 2, (native[0] // 2, native[1] // 2)).astype(np.uint8)
    place = Placement.letterboxed(native, size)
    mask = blocks.repeat(2, 0).repeat(2, 1)
    assert place.inner == blocks.shape
    np.testing.assert_array_equal(place.mask(mask)[place.inside], blocks)
    seen = torch.from_numpy(place.mask(mask))[None].double()
    assert torch.equal(to_native_size(seen, place.to_native, native)[0] >= 0.5, torch.from_numpy(mask).bool())


@given(native=SIZES, size=SIZES, seed=st.integers(0, 99))
def test_the_way_back_is_that_of_the_cropped_map_whatever_the_padding_holds(
    native: tuple[int, int], size: tuple[int, int], seed: int
) -> None:
    place = Placement.letterboxed(native, size)
    probability = torch.full((1, *size), 1e12, dtype=torch.float64)  # any weight of it would show
    content = torch.from_numpy(np.random.default_rng(seed).random(place.inner))
    probability[(0, *place.inside)] = content
    expected = to_native_size(content[None], resize_affine(place.inner, native), native)
    torch.testing.assert_close(to_native_size(probability, place.to_native, native), expected, atol=2e-6, rtol=0)
    assert torch.equal(place.crop(probability)[0], content)


def test_truth_at_network_size_is_background_in_the_padding() -> None:
    place = Placement.letterboxed((8, 16), (16, 16))
    truth = to_network_size(torch.ones(1, 8, 16, dtype=torch.bool), place.to_native, (16, 16))
    assert torch.equal(truth[0], torch.from_numpy(place.view()).bool())


def test_protocols_at_native_size_see_no_padding_and_those_at_network_size_do() -> None:
    place = Placement.letterboxed((8, 16), (16, 16))
    mask = torch.zeros(1, 8, 16)
    mask[0, :4] = 1
    probability = torch.from_numpy(place.mask(mask[0].byte().numpy())).float()
    probability[:4] = 1  # false positives in all of the upper padding
    rows = ImageRows([PER_IMAGE, FANET, EFEN])
    rows.update(probability[None, None], [mask], [torch.ones(1, 8, 16)], place.to_native[None], ["a"], ["a"])
    found = rows.compute()
    assert PER_IMAGE.scores(found)["dice"] == 1
    assert FANET.scores(found)["precision"] == pytest.approx(0.5)  # 64 pixels of the object, 64 of padding
    assert EFEN.scores(found)["precision"] == pytest.approx(0.5)
    assert FANET.scores(found)["accuracy"] == pytest.approx(0.75)  # of 256 pixels


def test_stretched_placement_fills_the_input() -> None:
    place = Fitting().placement((5, 9), (4, 4))
    assert not place.padded
    assert place.view().all()
    assert torch.equal(place.to_native, resize_affine((4, 4), (5, 9)))


@pytest.mark.parametrize(
    ("fit", "pad_value", "message"),
    [
        ("squeeze", 0, "fit must be stretch or letterbox, not 'squeeze'."),
        ("letterbox", 256, "pad_value must be a grey level from 0 to 255, not 256."),
        ("letterbox", -1, "pad_value must be a grey level from 0 to 255, not -1."),
        ("stretch", 3, "pad_value has no effect on stretched images: add fit letterbox, or leave it out."),
    ],
)
def test_what_cannot_be_is_refused(fit: Any, pad_value: int, message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Fitting(fit, pad_value)
    assert str(refusal.value) == message
