"""LeViT's maps are those of timm's net with its weights, and its tables fit maps of other sizes."""

from pathlib import Path

import pytest
import torch
from timm.models.levit import Levit
from torch import nn

from polybench.core.errors import ConfigError
from polybench.models import LeViTUNet
from polybench.models.levit import LevitEncoder
from polybench.models.vit import fill

NAMES = {"stem.": "stem.", "stages.": "stages."}


def of_timm() -> Levit:
    torch.manual_seed(0)
    net = Levit(
        img_size=64,
        num_classes=0,
        embed_dim=(16, 24, 32),
        key_dim=8,
        depth=(2, 1, 1),
        num_heads=(1, 2, 2),
        use_conv=True,
    )
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.is_floating_point() and (not value.any() or "running" in name):
                value.uniform_(0.1, 1)
    return net.eval()


def test_maps_are_those_of_timm() -> None:
    theirs = of_timm()
    ours = LevitEncoder((16, 24, 32), (1, 2, 2), (2, 1, 1), 8, 0.1, grid=(4, 4)).eval()
    fill(ours, NAMES, theirs.state_dict(), "a LeViT")
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = theirs.stem(images)
        found = ours(images)
        torch.testing.assert_close(found[3], expected)
        for number, stage in enumerate(theirs.stages):
            expected = stage(expected)
            torch.testing.assert_close(found[4 + number], expected, rtol=1e-4, atol=1e-5)
        assert [tuple(one.shape[-2:]) for one in ours(torch.rand(1, 3, 96, 32))[3:]] == [(6, 2), (6, 2), (3, 1), (2, 1)]


def test_biases_are_those_of_distances_of_rows_and_columns() -> None:
    attention = LevitEncoder((8, 8, 8), (1, 1, 1), (1, 1, 1), 8, 0.0, grid=(3, 2)).stages[0].blocks[0].attn  # type: ignore[union-attr,index]
    with torch.no_grad():
        attention.attention_biases.copy_(torch.arange(6.0)[None])  # type: ignore[union-attr,operator]
    found = attention._biases((3, 2), 2)  # type: ignore[union-attr,operator]
    assert found[0, 0].tolist() == [[0, 1, 2, 3, 4, 5], [4, 5, 2, 3, 0, 1]]  # queries at rows 0 and 2 of column 0


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    state = nn.Module.state_dict(of_timm())
    torch.save(state, tmp_path / "levit.pth")
    with pytest.raises(ConfigError, match="The weights of levit_conv_384 don't fit"):
        LeViTUNet(pretrained=str(tmp_path / "levit.pth"))
