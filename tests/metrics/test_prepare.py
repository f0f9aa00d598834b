import pytest
import torch
from torch.nn import functional as F

from polybench.data.loader import resize_affine
from polybench.metrics.prepare import to_native_size


@pytest.mark.parametrize("native", [(17, 23), (64, 48), (5, 90)])
def test_plain_resize_equals_interpolate(native: tuple[int, int]) -> None:
    probability = torch.rand(1, 16, 24, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(probability[None], size=native, mode="bilinear", align_corners=False)[0]
    found = to_native_size(probability, resize_affine((16, 24), native), native)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_letterbox_is_cut_off() -> None:
    content = torch.rand(1, 8, 16, generator=torch.Generator().manual_seed(0))
    letterboxed = F.pad(content, (0, 0, 4, 4))
    to_native = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, -4.0]])
    torch.testing.assert_close(to_native_size(letterboxed, to_native, (8, 16)), content)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_moves_no_pixel(dtype: torch.dtype) -> None:
    probability = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    affine = resize_affine((64, 64), (72, 96))
    expected = to_native_size(probability, affine, (72, 96))
    with torch.autocast("cpu", dtype):
        assert torch.equal(to_native_size(probability, affine, (72, 96)), expected)
