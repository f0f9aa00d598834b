"""Weights of timm, torchvision and segmentation_models_pytorch, and of programs that wrap their nets."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.methods.transfer.foreign import fitted, states_in
from polybench.methods.transfer.match import compare, copy_tensors
from polybench.methods.transfer.sources import Source, read_source
from polybench.models import EFEN, FCN16sAtrous, PatchClassifier
from polybench.models.vgg import VGG19Encoder

TINY = "tu-test_resnet"


def encoder(name: str, **options: Any) -> nn.Module:
    made: nn.Module = smp.encoders.get_encoder(name, weights=None, **options)
    return made


def of_timm(name: str) -> nn.Module:
    torch.manual_seed(3)
    made: nn.Module = timm.create_model(name, pretrained=False)
    return made


@cache
def tiny() -> Mapping[str, Tensor]:
    """Weights of timm's smallest ResNet: 90 tensors of the encoder, and two of the head."""
    return of_timm("test_resnet").state_dict()


def read(state: Mapping[str, Any], path: Path, net: nn.Module | None = None) -> Source:
    torch.save(state, path)
    return read_source(str(path), PatchClassifier(TINY, None) if net is None else net)


def assert_same(source: Source, state: Mapping[str, Tensor], absent: int = 0) -> None:
    """The 90 tensors of the tiny encoder, less those that are absent, are there to the bit."""
    assert len(source.state) == 90 - absent
    assert all(torch.equal(value, state[key.removeprefix("model.")]) for key, value in source.state.items())


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "torchvision's ResNet-50 to SMP's": (torchvision.models.resnet50, lambda: encoder("resnet50")),
    "torchvision's ResNet-50 to FCN16s": (torchvision.models.resnet50, lambda: FCN16sAtrous("resnet50", None).encoder),  # type: ignore[dict-item, return-value]
    "timm's ResNet-34 to SMP's": (lambda: of_timm("resnet34"), lambda: encoder("resnet34")),
    "timm's ResNet-34 to SMP's of timm": (lambda: of_timm("resnet34"), lambda: encoder("tu-resnet34")),
    "SMP's U-Net to SMP's of timm": (
        lambda: smp.Unet("resnet34", encoder_weights=None),
        lambda: encoder("tu-resnet34"),
    ),
    "timm's EfficientNet-Lite to SMP's": (
        lambda: of_timm("tf_efficientnet_lite0"),
        lambda: encoder("tu-tf_efficientnet_lite0"),
    ),
    "torchvision's VGG19 to EFEN": (torchvision.models.vgg19, lambda: EFEN(pretrained=False).encoder),
    "torchvision's VGG19 to SMP's": (torchvision.models.vgg19, lambda: encoder("vgg19")),
    "timm's ResNet to three stages": (lambda: of_timm("test_resnet"), lambda: encoder(TINY, depth=3)),
    "SMP's of timm to three stages": (lambda: encoder(TINY), lambda: encoder(TINY, depth=3)),
}


@pytest.mark.parametrize("case", CASES)
def test_whole_encoder_is_found_in_a_net_of_a_library(case: str) -> None:
    with torch.device("meta"):
        source, target = (make().state_dict() for make in CASES[case])
    found = fitted(states_in(source), target, Path("a.pt"))
    match = compare(found.state, target)
    assert (match.share, match.missing, match.unexpected, dict(match.misshaped)) == (1, (), (), {})


def test_encoders_of_three_libraries_have_the_same_features(tmp_path: Path) -> None:
    origin, other = of_timm("resnet18").eval(), torchvision.models.resnet18()
    source = read(origin.state_dict(), tmp_path / "a.pth", net := smp.Unet("resnet18", encoder_weights=None).eval())
    copy_tensors(source.state, net.encoder, list(source.state))
    other.load_state_dict(origin.state_dict())
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        own = net.encoder(image)[2:]
        of_torchvision = stages(other.eval(), image)
        of_timm_net = origin.forward_intermediates(image, intermediates_only=True)[1:]  # type: ignore[operator]
    for features in zip(own, of_torchvision, of_timm_net, strict=True):
        assert all(torch.equal(features[0], one) for one in features[1:])


def stages(net: torchvision.models.ResNet, image: Tensor) -> list[Tensor]:
    """The features after each of torchvision's four layers."""
    features = [net.maxpool(net.relu(net.bn1(net.conv1(image))))]
    for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
        features.append(layer(features[-1]))
    return features[1:]


def test_encoder_wrapped_by_smp_has_the_features_of_timm(tmp_path: Path) -> None:
    name = "tf_mobilenetv3_small_minimal_100"
    origin, net = of_timm(name).eval(), PatchClassifier(f"tu-{name}", None).eval()
    reference = timm.create_model(name, pretrained=False, features_only=True, output_stride=16).eval()
    source = read(origin.state_dict(), tmp_path / "a.pth", net)
    copy_tensors(source.state, net.encoder, list(source.state))  # type: ignore[arg-type]
    reference.load_state_dict(origin.state_dict(), strict=False)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        own, features = net.encoder(image), reference(image)  # type: ignore[operator]
    assert all(torch.equal(one, other) for one, other in zip(own[-5:], features, strict=True))


def test_narrow_vgg_starts_as_torchvisions_layers(tmp_path: Path) -> None:
    widths = [4, 4, "M", 8, 8, "M", *[8] * 4, "M", *[12] * 4, "M", *[12] * 4, "M"]
    layers = torchvision.models.vgg.make_layers(widths)  # type: ignore[arg-type]
    origin = nn.ModuleDict({"features": layers, "classifier": nn.Sequential(nn.Linear(12, 2))})
    net = PatchClassifier(VGG19Encoder((4, 8, 8, 12)), None)
    source = read(origin.state_dict(), tmp_path / "a.pth", net)
    copy_tensors(source.state, net.encoder, list(source.state))
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(net.encoder(image)[-1], layers[:27](image))
    assert source.facts["Ignored, the classifier's head"] == "classifier.0.weight, classifier.0.bias"
    assert source.facts["Ignored, layers deeper than this encoder's"].startswith("features.28.weight, ")


def wrapped(prefix: str) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in tiny().items()}


@pytest.mark.parametrize(
    "saved",
    [
        lambda: {"state_dict": tiny(), "epoch": None, "optimizer": {"state": {}}},
        lambda: {"model": tiny()},
        lambda: {"model": {"state_dict": tiny()}},
        lambda: {"model_state_dict": wrapped("module.")},
        lambda: {"net": tiny(), "acc": 91.5},
        lambda: {"teacher": wrapped("module.backbone."), "student": {}},
        lambda: wrapped("module."),
        lambda: {"state_dict": wrapped("model.encoder.") | {"model.decoder.weight": torch.ones(1)}, "epoch": 3},
        lambda: wrapped("module.model.encoder.model."),
        lambda: wrapped("backbone.") | {"classifier.0.weight": torch.ones(2), "aux_classifier.weight": torch.ones(2)},
        lambda: wrapped("_orig_mod.module."),
        lambda: wrapped("unet."),
        lambda: wrapped("resnet.") | {"projection.weight": torch.ones(3)},
        lambda: {"state_dict": wrapped("module.encoder_q.") | wrapped("module.encoder_k.")},
    ],
    ids=[
        "state_dict",
        "model",
        "nested",
        "model_state_dict",
        "net",
        "teacher",
        "ddp",
        "lightning",
        "repeated",
        "backbone",
        "compiled",
        "common",
        "unknown name",
        "moco",
    ],
)
def test_containers_and_prefixes_are_removed(tmp_path: Path, saved: Callable[[], dict[str, Any]]) -> None:
    assert_same(read(saved(), tmp_path / "a.pth"), tiny())


def test_averaged_weights_are_preferred_and_named(tmp_path: Path) -> None:
    plain = {key: torch.zeros_like(value) for key, value in tiny().items()}
    source = read({"state_dict": plain, "state_dict_ema": tiny()}, tmp_path / "a.pth")
    assert_same(source, tiny())
    assert source.facts["Keys of the source"].startswith("in 'state_dict_ema' (not in 'state_dict')")


@pytest.mark.parametrize("suffix", ["pt", "pth", "bin", "ckpt", "safetensors"])
def test_file_is_known_by_its_sha256(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "safetensors":
        save_file(dict(tiny()), path)
        source = read_source(str(path), PatchClassifier(TINY, None))
    else:
        source = read({"state_dict": tiny(), "epoch": "last"}, path)
    assert_same(source, tiny())
    (ancestor,) = source.ancestors
    assert (ancestor.sha256, ancestor.task, ancestor.training_id) == (file_sha256(path), None, None)


def test_two_encoders_that_match_equally_are_refused(tmp_path: Path) -> None:
    one, two = wrapped("left."), {key: value + 1 for key, value in wrapped("right.").items()}
    with pytest.raises(ConfigError, match=r"two encoders that match equally, behind 'left\.' and 'right\.'"):
        read(one | two, tmp_path / "a.pth")
    assert_same(read(one | wrapped("right."), tmp_path / "b.pth"), tiny())  # one encoder under two names


def test_head_is_ignored_by_name_and_nothing_else(tmp_path: Path) -> None:
    source = read({**tiny(), "fc.norm": torch.ones(1), "fcn.weight": torch.ones(1)}, tmp_path / "a.pth")
    assert source.facts["Ignored, the classifier's head"] == "fc.weight, fc.bias, fc.norm"
    assert set(source.state) - set(encoder(TINY).state_dict()) == {"fcn.weight"}


def test_last_layers_of_an_efficientnet_are_part_of_its_head() -> None:
    with torch.device("meta"):
        source, target = of_timm("test_efficientnet").state_dict(), encoder("tu-test_efficientnet").state_dict()
    ignored = fitted(states_in(source), target, Path("a.pt")).facts["Ignored, the classifier's head"].split(", ")
    assert {name.partition(".")[0] for name in ignored} == {"conv_head", "bn2", "classifier"}
    assert set(ignored) == {key for key in source if f"model.{key}" not in target}


def test_second_norm_without_a_head_stays_unexpected() -> None:
    target = {"conv1.weight": torch.ones(2), "bn1.weight": torch.ones(2)}
    found = fitted({"": target | {"bn2.weight": torch.ones(2)}}, target, Path("a.pt"))
    assert compare(found.state, target).unexpected == ("bn2.weight",)


def test_deeper_blocks_of_a_stage_stay_unexpected() -> None:
    with torch.device("meta"):
        source, target = torchvision.models.resnet50().state_dict(), encoder("resnet50").state_dict()
    more = {"layer3.6.conv1.weight": torch.ones(1), "layer5.0.conv1.weight": torch.ones(1)}
    found = fitted({"": source | more}, target, Path("a.pt"))
    assert compare(found.state, target).unexpected == ("layer3.6.conv1.weight",)
    assert found.facts["Ignored, layers deeper than this encoder's"] == "layer5.0.conv1.weight"


def test_counters_of_batch_norm_may_be_absent(tmp_path: Path) -> None:
    state = {key: value for key, value in tiny().items() if not key.endswith("num_batches_tracked")}
    absent = len(tiny()) - len(state)
    source = read(state, tmp_path / "a.pth")
    assert_same(source, tiny(), absent)
    assert len(source.absent) == absent
    assert f"{absent} of them stay" in source.facts["Counters of batch norm"]


def test_half_precision_is_converted_and_named(tmp_path: Path) -> None:
    half = {key: value.bfloat16() if value.is_floating_point() else value for key, value in tiny().items()}
    net = PatchClassifier(TINY, None)
    source = read(half, tmp_path / "a.pth", net)
    copy_tensors(source.state, net.encoder, list(source.state))
    own = net.encoder.state_dict()
    assert source.facts["Precision"] == "bfloat16 converted to float32"
    assert own["model.conv1.0.weight"].dtype == torch.float32
    assert torch.equal(own["model.conv1.0.weight"], half["conv1.0.weight"].float())


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    state = dict(tiny()) | {"conv1.0.weight": torch.ones_like(tiny()["conv1.0.weight"], dtype=torch.int8)}
    with pytest.raises(ConfigError, match=r"'model.conv1.0.weight' in .* is of type int8.*isn't quantised"):
        read(state, tmp_path / "a.pth")


def test_weights_of_a_container_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = dict(tiny()) | {"bn.weight": torch.ones(1), "conv1.0.weight": tiny()["conv1.0.weight"] * torch.nan}
    with pytest.raises(ConfigError, match="hold NaN or infinity"):
        read({"model": state}, tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("key", "own"),
    [
        ("features.denseblock1.denselayer2.norm.1.weight", "features.denseblock1.denselayer2.norm1.weight"),
        ("module.features.denseblock1.denselayer2.conv.2.weight", "features.denseblock1.denselayer2.conv2.weight"),
        ("features.denseblock1.denselayer2.conv2.weight", "model.features_denseblock1.denselayer2.conv2.weight"),
        ("layers.0.blocks.1.attn.qkv.weight", "model.layers_0.blocks.1.attn.qkv.weight"),
        ("patch_embed.proj.weight", "model.patch_embed.proj.weight"),
    ],
)
def test_spelling_of_a_key_is_found(key: str, own: str) -> None:
    others = ("layers_0.a", "denselayer1.norm1.a") if own.startswith("model.") else ("denselayer1.norm1.a",)
    target = {f"model.{name}" if own.startswith("model.") else name: torch.ones(2) for name in others}
    found = fitted({"": {key: torch.zeros(3)}}, target | {own: torch.ones(3)}, Path("a.pt"))
    assert dict(found.state).keys() == {own}


def test_keys_of_both_sides_are_shown_where_nothing_fits(tmp_path: Path) -> None:
    state = {"stem.conv.kernel": torch.ones(3, 4), "stem.scale": torch.tensor(1.0)}
    with pytest.raises(ConfigError) as refused:
        read({"state_dict": state}, tmp_path / "a.pth")
    sentence, *table = str(refused.value).splitlines()
    assert sentence.endswith("The first of 2 keys in the source (in 'state_dict') and of 90 in the encoder are")
    assert [line.split("   ")[0].strip() for line in table] == [
        "source",
        "stem.conv.kernel (3, 4)",
        "stem.scale ()",
        "",
    ]
    assert table[1].endswith("model.conv1.0.weight (16, 3, 3, 3)")


def test_file_without_tensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no tensors, neither by themselves nor in state_dict_ema, .* teacher"):
        read({"weights": {"a": torch.ones(1)}}, tmp_path / "a.pth")
