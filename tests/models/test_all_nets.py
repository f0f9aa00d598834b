"""What every net of `polybench.models` keeps, on narrow ones: sizes, gradients, encoder, memory format, precision.

The narrow nets are those of the golden numbers, so that a new net is tested here without an edit.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from golden.classes import DEFAULTS, NETS, SIDES
from torch import Tensor, nn

from polybench import models
from polybench.core.errors import ConfigError
from polybench.experiments.class_versions import version_of
from polybench.models import EFEN, PraNet, UNetPlusPlus
from polybench.models.blocks import cached_constant

CLASSIFIERS = {"AlexNet", "PatchClassifier", "TorchvisionAlexNet"}
WITHOUT_ENCODER = {"AlexNet", "FANet", "FANetSeries", "TorchvisionAlexNet"}
"""Nets whose features depend on a mask, so that another task can't use them, and nets that classify alone."""

WITHOUT_GRADIENT = {
    "BSAN": ("renderer.",),
    "FANet": (".gate.",),
    "FANetSeries": (".gate.",),
    "JointFCN16sAtrous": ("classifier.",),
    "Pix2Pix": ("discriminator.",),
}
"""Net -> parts of names of parameters that logits give no gradient: gates behind a threshold, heads of other tasks."""

CASES = [(name, case) for name in models.__all__ for case in NETS.get(name, DEFAULTS)]
FIRST = [(name, next(iter(NETS.get(name, DEFAULTS)))) for name in models.__all__]
SEGMENTING = [one for one in CASES if one[0] not in CLASSIFIERS]
SIZES = ((64, 32), (32, 96))


def made(name: str, case: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    net: nn.Module = getattr(models, name)(**NETS.get(name, DEFAULTS)[case])
    return net


def stirred(net: nn.Module) -> nn.Module:
    """Fill weights that start at zero, so that nothing before or behind them is hidden."""
    with torch.no_grad():
        for parameter in net.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
    return net


def images(height: int = 32, width: int = 32, count: int = 2) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


def shown_to(name: str) -> Tensor:
    """Images of a side that the net takes."""
    side = SIDES.get(name, 32)
    return images(side, side)


def tensors(output: Any) -> list[Tensor]:
    """Every tensor of an output."""
    if isinstance(output, Tensor):
        return [output]
    values = output.values() if isinstance(output, dict) else output
    return [one for value in values for one in tensors(value)]


def logits(output: Any) -> list[Tensor]:
    """The logits of an output, the finest first."""
    return tensors(output["logits"] if isinstance(output, dict) else output)


def test_every_net_has_a_narrow_one() -> None:
    assert set(models.__all__) <= set(NETS)
    assert all(version_of(getattr(models, name)) for name in models.__all__)


@pytest.mark.parametrize(("name", "case"), SEGMENTING)
def test_logits_have_the_images_size(name: str, case: str) -> None:
    net = made(name, case)
    for size in SIZES:
        for training in (True, False):
            with torch.no_grad():
                found = logits(net.train(training)(images(*size)))
            assert all(one.shape in ((2, 1, *size), (2, 2, *size)) for one in found)
            assert training or len(found) == 1
            assert all(bool(one.isfinite().all()) for one in found)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_parameter_gets_a_gradient(name: str, case: str) -> None:
    net = made(name, case).train()
    torch.stack([one.square().mean() for one in tensors(net(shown_to(name)))]).sum().backward()
    without = [key for key, one in net.named_parameters() if one.requires_grad and one.grad is None]
    known = WITHOUT_GRADIENT.get(name, ())
    assert [key for key in without if not any(part in key for part in known)] == []
    assert all(bool(one.grad.isfinite().all()) for one in net.parameters() if one.grad is not None)


@pytest.mark.parametrize(("name", "case"), FIRST)
def test_encoder_returns_a_pyramid_of_its_channels(name: str, case: str) -> None:
    net = made(name, case)
    assert (not hasattr(net, "encoder")) == (name in WITHOUT_ENCODER)
    if name in WITHOUT_ENCODER:
        return
    encoder: Any = net.encoder
    with torch.no_grad():
        pyramid = encoder.eval()(images(64, 32))
    assert isinstance(pyramid, list)
    assert [one.shape[1] for one in pyramid] == list(encoder.out_channels)
    sides = [one.shape[-2] for one in pyramid]
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] <= 8


@pytest.mark.parametrize(("name", "case"), FIRST)
def test_channels_last_and_bfloat16_predict_nearly_the_same(name: str, case: str) -> None:
    net = stirred(made(name, case)).eval()
    shown = shown_to(name)
    with torch.no_grad():
        expected = tensors(net(shown))[0]
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        shown = shown.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(tensors(net(shown))[0], expected, rtol=1e-3, atol=1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            reduced = tensors(net(shown))[0]
    apart = (reduced.float() - expected).abs().mean() / expected.abs().mean()
    assert apart < 0.05


@pytest.mark.parametrize(("name", "case"), FIRST)
def test_weights_alone_restore_it(name: str, case: str, tmp_path: Path) -> None:
    saved = stirred(made(name, case))
    with torch.no_grad():
        saved.train()(shown_to(name))  # statistics that are no initial ones
        expected = tensors(saved.eval()(shown_to(name)))
    torch.save({"state_dict": saved.state_dict()}, tmp_path / "net.ckpt")
    loaded = made(name, case, seed=1).eval()
    loaded.load_state_dict(torch.load(tmp_path / "net.ckpt", weights_only=True)["state_dict"])
    with torch.no_grad():
        assert all(map(torch.equal, tensors(loaded(shown_to(name))), expected))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("UNet", {"widths": [4]}),
        ("AttentionUNet", {"widths": [4, 5]}),
        ("UNetPlusPlus", {"widths": [4, 0]}),
        ("ResUNet", {"widths": []}),
        ("ResUNetPlusPlus", {"widths": [4, 8, 8, 16]}),
        ("R2UNet", {"widths": [4, 8], "steps": -1}),
        ("BCDUNet", {"blocks": 0}),
        ("BCDUNet", {"widths": [3, 8, 8, 8]}),
        ("DenseBlockUNet", {"widths": [4, 6]}),
        ("DilatedUNet", {"widths": [4]}),
        ("DUNet", {"widths": [4, 8]}),
        ("IterNet", {"iterations": 0}),
        ("FCN", {"stride": 4}),
        ("FCN", {"classes": 0}),
        ("ColonFormer", {"channels": 0}),
        ("ColonFormer", {"encoder": "tu-efficientnet_b0", "encoder_weights": None}),
        ("DoubleUNet", {"widths": [4]}),
        ("PraNet", {"channels": 0}),
        ("PraNet", {"encoder": "tu-res2net50", "encoder_weights": None}),
        ("SANet", {"channels": 0}),
        ("UACANet", {"channels": 4}),
        ("SSFormer", {"channels": 0}),
        ("LDNet", {"widths": [8, 8, 8, 8]}),
        ("LDNet", {"heads": 0}),
        ("LeViTUNet", {"widths": [20, 32, 32]}),
        ("LeViTUNet", {"key": 48}),
        ("Pix2Pix", {"depth": 2}),
        ("TransUNet", {"widths": [64, 128, 128]}),
        ("TransUNet", {"dim": 7, "heads": 2}),
        ("TransFuse", {"dim": 6, "heads": 3}),
        ("TransFuse", {"encoder": "vgg11", "encoder_weights": None}),
        ("SSFormer", {"encoder_weights": "missing.pth"}),
    ],
)
def test_options_that_do_not_fit_are_refused_in_a_sentence(name: str, options: dict[str, Any]) -> None:
    with torch.device("meta"), pytest.raises(ConfigError) as caught:
        getattr(models, name)(**options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", "?"))


DIVIDED = {name for name in models.__all__ if "UNet" in name} | {
    "EFEN",
    "FANet",
    "FANetSeries",
    "IterNet",
    "Pix2Pix",
    "TransFuse",
}


@pytest.mark.parametrize("name", sorted(DIVIDED))
def test_sides_that_cannot_be_divided_are_refused_with_the_nearest(name: str) -> None:
    net = made(name, next(iter(NETS[name])))
    with pytest.raises(ConfigError, match=r"needs sides divisible by (8|16), not 36x64 .*32x64 or (40|48)x64"):
        net(images(36, 64))


@pytest.mark.parametrize(
    "name", ["BSAN", "ColonFormer", "FCN", "FCN16sAtrous", "LDNet", "PraNet", "SANet", "SSFormer", "UACANet"]
)
def test_other_nets_take_any_size(name: str) -> None:
    net = made(name, next(iter(NETS[name]))).eval()
    with torch.no_grad():
        assert logits(net(images(37, 51)))[0].shape[-2:] == (37, 51)


@pytest.mark.parametrize("name", ["DoubleUNet", "FCN"])
def test_images_that_poolings_leave_nothing_of_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="needs sides of 32 pixels or more, not 16x64: enlarge the images"):
        made(name, next(iter(NETS[name])))(images(16, 64))


@pytest.mark.parametrize("sentinel", [EFEN, UNetPlusPlus, PraNet])
def test_exported_program_predicts_the_same_and_the_net_goes_on(sentinel: type[nn.Module]) -> None:
    name = sentinel.__name__
    net = made(name, next(iter(NETS[name]))).eval()
    shown = images(64, 64)
    with torch.no_grad():
        program = torch.export.export(net, (shown,)).module()
        torch.testing.assert_close(program(shown), net(shown), rtol=1e-4, atol=1e-5)
    torch.stack([one.mean() for one in tensors(net.train()(shown))]).sum().backward()


def test_constant_is_cached_but_never_a_traced_one() -> None:
    made_for: list[int] = []

    @cached_constant(most=2)
    def constant(length: int) -> Tensor:
        made_for.append(length)
        return torch.arange(length)

    class Net(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return values + constant(3)

    torch.export.export(Net(), (torch.zeros(3),))
    made_for.clear()
    assert [constant(length).tolist() for length in (3, 2, 3)] == [[0, 1, 2], [0, 1], [0, 1, 2]]
    assert made_for == [3, 2]
    constant(4)  # drops 3, the oldest
    constant(3)
    assert made_for == [3, 2, 4, 3]
