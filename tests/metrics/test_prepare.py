import pytest
import torch
from torch.nn import functional as F

from polybench.metrics.prepare import Prepared, resize_affine, to_native_size, to_network_size


def _uniform(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("native", [(17, 23), (64, 48), (5, 90)])
def test_plain_resize_equals_interpolate(native: tuple[int, int]) -> None:
    probability = _uniform(1, 16, 24)
    expected = F.interpolate(probability[None], size=native, mode="bilinear", align_corners=False)[0]
    found = to_native_size(probability, resize_affine((16, 24), native), native)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("size", "native"), [((64, 60), (32, 30)), ((96, 48), (32, 16)), ((63, 77), (21, 33))])
def test_halves_are_foreground(size: tuple[int, int], native: tuple[int, int]) -> None:
    # sizes whose ratios make interpolate's own float64 weights exact, or no share a half
    mask = _uniform(1, *size) > 0.5
    expected = F.interpolate(mask[None].double(), size=native, mode="bilinear", align_corners=False)[0] >= 0.5
    assert torch.equal(to_native_size(mask.double(), resize_affine(size, native), native) >= 0.5, expected)
    assert torch.equal(to_network_size(mask, resize_affine(native, size), native), expected)


def test_a_share_of_one_half_is_foreground_whatever_the_ratio() -> None:
    # two columns of four become one: each takes half of either; rows 3 -> 4 lie at -1/8, 5/8, 11/8, 17/8
    mask = torch.tensor([[1, 0, 0, 1], [1, 0, 0, 1], [1, 0, 0, 1]], dtype=torch.bool)[None]
    assert bool(to_network_size(mask, resize_affine((4, 2), (3, 4)), (4, 2)).all())


def test_a_perfect_map_of_a_larger_network_scores_its_own_mask() -> None:
    mask = _uniform(1, 1000, 1200) > 0.5
    affine = resize_affine((1000, 1200), (500, 600))
    truth = F.interpolate(mask[None].double(), size=(500, 600), mode="bilinear", align_corners=False)[0, 0] >= 0.5
    image = Prepared(mask[0].float(), truth, torch.ones_like(truth), affine)
    assert torch.equal(image.foreground, truth)


def test_letterbox_is_cut_off() -> None:
    content = _uniform(1, 8, 16)
    letterboxed = F.pad(content, (0, 0, 4, 4))
    to_native = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, -4.0]])
    torch.testing.assert_close(to_native_size(letterboxed, to_native, (8, 16)), content, atol=1e-6, rtol=0)


@pytest.mark.parametrize("scale", [2.0, 3.5])
def test_no_padding_is_mixed_into_the_edges(scale: float) -> None:
    content = _uniform(1, 8, 16)
    size = (round(8 * scale), round(16 * scale))
    to_native = resize_affine((8, 16), size)
    to_native[1, 2] -= 4 * scale  # four rows of padding above
    expected = F.interpolate(content[None], size=size, mode="bilinear", align_corners=False)[0]
    found = to_native_size(F.pad(content, (0, 0, 4, 4)), to_native, size)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_eight_bits_round_halves_up() -> None:
    levels = torch.tensor([[127.0, 128.0, 128.0, 129.0]]) / 255
    mask = torch.zeros(1, 2, dtype=torch.bool)
    image = Prepared(levels, mask, ~mask, resize_affine((1, 4), (1, 2)))
    assert image.eight_bit(slice(None)).tolist() == [[128, 129]]


def test_a_turned_map_is_refused() -> None:
    with pytest.raises(ValueError, match="rotate or shear"):
        to_native_size(torch.zeros(1, 4, 4), torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), (4, 4))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_moves_no_pixel(dtype: torch.dtype) -> None:
    probability = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    affine = resize_affine((64, 64), (72, 96))
    expected = to_native_size(probability, affine, (72, 96))
    with torch.autocast("cpu", dtype):
        assert torch.equal(to_native_size(probability, affine, (72, 96)), expected)


def test_padding_of_a_letterbox_is_background() -> None:
    mask = torch.ones(1, 8, 16, dtype=torch.bool)
    to_native = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, -4.0]])
    found = to_network_size(mask, to_native, (16, 16))
    expected = F.pad(mask, (0, 0, 4, 4))
    assert torch.equal(found, expected)
