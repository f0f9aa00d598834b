"""Swin blocks for maps of any size against timm's own, and the first stage of Swin-T as their start weights."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models.swin_transformer import SwinTransformerBlock
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.swin import STAGE, TABLE, SwinBlock, first_stage, swin_state

SWIN_T = "swin_tiny_patch4_window7_224"


@pytest.mark.parametrize("sides", [(8, 12), (4, 12), (4, 4), (16, 8)], ids=str)
@pytest.mark.parametrize("shift", [0, 2])
def test_block_equals_timm_s_that_was_built_for_the_size(sides: tuple[int, int], shift: int) -> None:
    torch.manual_seed(0)
    ours = SwinBlock(dim=12, heads=3, window=4, shift=shift)
    nn.init.normal_(ours.attn.relative_position_bias_table)  # far from 0, so that its order matters
    built: dict[str, Any] = {"num_heads": 3, "window_size": 4, "shift_size": shift}
    theirs = SwinTransformerBlock(12, sides, **built)
    theirs.load_state_dict(ours.state_dict())
    tokens = torch.randn(2, *sides, 12)
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs(tokens))


def test_places_from_both_ends_of_the_map_do_not_see_each_other() -> None:
    block = SwinBlock(dim=12, heads=3, window=4, shift=2)
    tokens = torch.randn(1, 8, 8, 12, requires_grad=True)
    block(tokens)[0, 0, 0].sum().backward()
    assert tokens.grad is not None
    seen = tokens.grad.abs().sum(3)[0] > 1e-9
    assert torch.equal(seen.nonzero(), torch.cartesian_prod(torch.arange(2), torch.arange(2)))


@pytest.fixture(scope="module")
def swin_t() -> dict[str, Tensor]:
    torch.manual_seed(0)
    net = timm.create_model(SWIN_T, pretrained=False)
    return {
        key: value for key, value in net.state_dict().items() if key.startswith(("layers.0", "patch_embed", "head"))
    }


def blocks_of(count: int = 6, dim: int = 96, heads: int = 3, window: int = 8) -> nn.ModuleList:
    return nn.ModuleList(SwinBlock(dim, heads, window, 0) for _ in range(count))


def test_both_blocks_of_swin_t_are_repeated_in_order(swin_t: dict[str, Tensor]) -> None:
    blocks = blocks_of()
    states = first_stage(swin_t, blocks)
    assert len(states) == 6
    for place, (block, state) in enumerate(zip(blocks, states, strict=True)):
        block.load_state_dict(state)
        for name, value in block.state_dict().items():
            if name != TABLE:
                assert torch.equal(value, swin_t[f"{STAGE}{place % 2}.{name}"])


def test_tables_of_relative_positions_are_interpolated_to_the_window(swin_t: dict[str, Tensor]) -> None:
    grid = torch.stack(torch.meshgrid(torch.arange(13.0), torch.arange(13.0), indexing="ij"))
    slope = (3 * grid[0] + grid[1] + 1).reshape(-1, 1).expand(-1, 3)
    [state] = first_stage({**swin_t, f"{STAGE}0.{TABLE}": slope}, blocks_of(1))
    found = state[TABLE].T.reshape(3, 15, 15)
    expected = F.interpolate(slope.T.reshape(1, 3, 13, 13), size=(15, 15), mode="bicubic", align_corners=False)[0]
    torch.testing.assert_close(found, expected)
    assert float(found[0, 7, 7]) == pytest.approx(3 * 6 + 6 + 1)  # no offset stays in the middle


def test_window_of_swin_t_keeps_its_tables(swin_t: dict[str, Tensor]) -> None:
    [state] = first_stage(swin_t, blocks_of(1, window=7))
    assert torch.equal(state[TABLE], swin_t[f"{STAGE}0.{TABLE}"])


@pytest.mark.parametrize(
    ("left", "blocks", "said"),
    [
        ("head", blocks_of(1), "no first stage of a Swin Transformer"),
        ("", blocks_of(1, dim=48), "fit dim 96 and 3 heads"),
        ("", blocks_of(1, heads=6), "fit dim 96 and 3 heads"),
    ],
    ids=["another net", "dim", "heads"],
)
def test_weights_that_do_not_fit_are_refused(
    left: str, blocks: nn.ModuleList, said: str, swin_t: dict[str, Tensor]
) -> None:
    state = {key: value for key, value in swin_t.items() if key.startswith(left)}
    with pytest.raises(ConfigError, match=said):
        first_stage(state, blocks)


def test_incomplete_weights_are_refused(swin_t: dict[str, Tensor]) -> None:
    state = {key: value for key, value in swin_t.items() if not key.endswith("0.blocks.0.mlp.fc1.bias")}
    with pytest.raises(ConfigError, match=r"no 'layers\.0\.blocks\.<block>\.mlp\.fc1\.bias'"):
        first_stage(state, blocks_of(1))


def test_quantised_weights_are_refused(swin_t: dict[str, Tensor]) -> None:
    key = f"{STAGE}0.mlp.fc1.bias"
    with pytest.raises(ConfigError, match=r"'mlp\.fc1\.bias' in .* is of type int8, not of a floating"):
        first_stage({**swin_t, key: swin_t[key].to(torch.int8)}, blocks_of(1))


@pytest.mark.parametrize("kind", ["plain.pth", "model.pth", "state_dict.pt", "plain.safetensors"])
def test_state_dicts_are_read_as_timm_and_the_authors_store_them(
    kind: str, tmp_path: Path, swin_t: dict[str, Tensor]
) -> None:
    path = tmp_path / kind
    if kind.endswith("safetensors"):
        save_file(swin_t, path)
    else:
        torch.save(swin_t if path.stem == "plain" else {path.stem: swin_t}, path)
    found = swin_state(str(path))
    assert found.keys() == swin_t.keys()
    assert all(torch.equal(value, swin_t[key]) for key, value in found.items())


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no file 'nowhere\.pth'"):
        swin_state("nowhere.pth")
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"<html>")
    with pytest.raises(ConfigError, match=r"broken\.pth' is a web page, not weights"):
        swin_state(str(broken))


def test_imagenet_weights_that_cannot_be_had_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(ConfigError, match=f"no route to host.*{SWIN_T}.*pretrained FILE.*pretrained false"):
        swin_state("imagenet")
