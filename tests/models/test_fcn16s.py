"""FCN16s-Atrous and its patch classifier: published sizes, strides, dilation, and errors."""

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from polybench.core.errors import ConfigError
from polybench.models import EFEN, FCN16sAtrous, JointFCN16sAtrous, PatchClassifier
from polybench.models.unused import parameters_without_gradient
from polybench.models.vgg import VGG19Encoder

TINY = "tu-test_resnet"
LITE0 = "tu-tf_efficientnet_lite0"


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_fcn_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        assert parameters(FCN16sAtrous(encoder_weights=None)) == 23_512_130


@pytest.mark.parametrize(("head", "published"), [("average", 23_512_130), ("flatten", 25_146_434)])
def test_classifier_has_the_published_number_of_parameters(head: str, published: int) -> None:
    with torch.device("meta"):
        assert parameters(PatchClassifier(encoder_weights=None, head=head)) == published  # type: ignore[arg-type]


def test_all_three_blocks_of_the_last_stage_are_dilated() -> None:
    with torch.device("meta"):
        encoder = FCN16sAtrous(encoder_weights=None).encoder
    stage: nn.Module = encoder.layer4  # type: ignore[assignment]
    threes = [conv for conv in stage.modules() if isinstance(conv, nn.Conv2d) and conv.kernel_size == (3, 3)]
    assert [(conv.dilation, conv.stride) for conv in threes] == [((2, 2), (1, 1))] * 3


def test_feature_maps_at_320_pixels() -> None:
    with torch.device("meta"):
        maps = FCN16sAtrous(encoder_weights=None).encoder(torch.empty(1, 3, 320, 320))
    assert [(one.shape[1], one.shape[2]) for one in maps] == [
        (3, 320),
        (64, 160),
        (256, 80),
        (512, 40),
        (1024, 20),
        (2048, 20),
    ]


def test_multiply_accumulates_at_320_pixels() -> None:
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter:
        FCN16sAtrous(encoder_weights=None).eval()(torch.empty(1, 3, 320, 320))
    assert counter.get_total_flops() / 2e9 == pytest.approx(12.67, abs=5e-3)


@pytest.mark.parametrize("encoder", [TINY, "tu-test_efficientnet", "resnet18"])
def test_other_encoders_take_its_place(encoder: str) -> None:
    net = FCN16sAtrous(encoder, None).eval()
    assert net(torch.rand(1, 3, 48, 80)).shape == (1, 2, 48, 80)
    assert net.encoder(torch.rand(1, 3, 64, 64))[-1].shape[-2:] == (4, 4)


def test_no_parameter_is_unused() -> None:
    assert parameters_without_gradient(FCN16sAtrous(TINY, None), (64, 64)) == []
    assert parameters_without_gradient(PatchClassifier(TINY, None), (64, 64)) == []


def test_average_head_is_the_mean_of_the_places() -> None:
    net = PatchClassifier(TINY, None).eval()
    patches = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    features = net.encoder(patches)[-1].mean(dim=(2, 3))
    torch.testing.assert_close(net(patches), features @ net.head.weight.T + net.head.bias)


def contract(net: nn.Module) -> dict[str, tuple[int, ...]]:
    encoder: nn.Module = net.encoder  # type: ignore[assignment]
    return {key: tuple(value.shape) for key, value in encoder.state_dict().items()}


@pytest.mark.parametrize("encoder", ["resnet50", LITE0, TINY])
def test_encoders_of_all_heads_have_the_same_keys_and_shapes(encoder: str) -> None:
    with torch.device("meta"):
        one = contract(FCN16sAtrous(encoder, None))
        assert list(contract(PatchClassifier(encoder, None)).items()) == list(one.items())
        assert list(contract(JointFCN16sAtrous(encoder, None)).items()) == list(one.items())


def test_keys_of_lite0_are_those_of_timm_s_classifier_without_its_head() -> None:
    with torch.device("meta"):
        own = contract(FCN16sAtrous(LITE0, None))
        whole = {f"model.{key}": tuple(one.shape) for key, one in timm.create_model(LITE0[3:]).state_dict().items()}
    head = {key for key in whole if key.startswith(("model.conv_head.", "model.bn2.", "model.classifier."))}
    assert own == {key: shape for key, shape in whole.items() if key not in head}
    assert len(own) == 288


def test_dilated_lite0_holds_the_features_of_the_strided_one_at_every_second_place() -> None:
    torch.manual_seed(0)
    dilated, strided = FCN16sAtrous(LITE0, None).encoder, smp.encoders.get_encoder(LITE0, weights=None)
    strided.load_state_dict(dilated.state_dict())
    images = torch.rand(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        at_16, at_32 = dilated.double().eval()(images)[-1], strided.double().eval()(images)[-1]
    assert (tuple(at_16.shape), tuple(at_32.shape)) == ((1, 320, 4, 6), (1, 320, 2, 3))
    torch.testing.assert_close(at_16[..., 1::2, 1::2], at_32)


@pytest.mark.parametrize("encoder", ["vgg11", "densenet121"])
def test_encoder_that_can_not_be_dilated_is_named(encoder: str) -> None:
    with pytest.raises(ConfigError, match=f"'{encoder}' can't be dilated"), torch.device("meta"):
        FCN16sAtrous(encoder, None)


@pytest.mark.parametrize("encoder", ["vgg11", "densenet121", "tu-densenet121"])
def test_classifier_keeps_the_stride_of_an_encoder_that_can_not_be_dilated(encoder: str) -> None:
    with torch.device("meta"), pytest.warns(UserWarning, match=f"'{encoder}' can't be dilated .* keeps its own, 32"):
        net = PatchClassifier(encoder, None)
    assert net.encoder(torch.empty(1, 3, 64, 64, device="meta"))[-1].shape[-2:] == (2, 2)
    assert net(torch.empty(2, 3, 64, 64, device="meta")).shape == (2, 2)


def test_flattened_head_has_the_places_of_an_undilated_encoder() -> None:
    with torch.device("meta"), pytest.warns(UserWarning, match="can't be dilated"):
        net = PatchClassifier("vgg11", None, head="flatten", size=96)
    assert net.head.in_features == 512 * 3 * 3
    assert net.encoder.training


def test_classifier_takes_an_encoder_as_a_module() -> None:
    net = PatchClassifier(VGG19Encoder((4, 4, 8, 8)), None).eval()
    assert list(net.encoder.state_dict()) == list(EFEN((4, 4, 8, 8), pretrained=False).encoder.state_dict())
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 2)


def test_weights_by_name_for_a_module_are_refused() -> None:
    with pytest.raises(ConfigError, match="encoder is a VGG19Encoder: set encoder_weights: null"):
        PatchClassifier(VGG19Encoder((4, 4, 8, 8)))


def test_unknown_encoder_is_named() -> None:
    with pytest.raises(ConfigError, match="encoder 'resnet5'"):
        FCN16sAtrous("resnet5", None)


def test_flattened_head_takes_patches_of_its_own_size() -> None:
    net = PatchClassifier(TINY, None, head="flatten", size=64)
    assert net(torch.rand(1, 3, 64, 64)).shape == (1, 2)
    with pytest.raises(ConfigError, match="another size than 96x96"):
        net(torch.rand(1, 3, 96, 96))
    with pytest.raises(ConfigError, match="divisible by 16, not 100"):
        PatchClassifier(TINY, None, head="flatten", size=100)


@pytest.mark.parametrize("net", [FCN16sAtrous, PatchClassifier, JointFCN16sAtrous])
def test_keras_constants_of_batch_normalisation_are_an_option(net: type[nn.Module]) -> None:
    def constants(**chosen: str) -> set[tuple[float, float]]:
        made = net(encoder=TINY, encoder_weights=None, **chosen)
        return {(one.eps, one.momentum) for one in made.modules() if isinstance(one, nn.BatchNorm2d)}

    assert constants() == {(1e-5, 0.1)}
    assert constants(batch_norm="keras") == {(1e-3, 0.01)}  # Keras: epsilon .001, of the running mean .99 is kept
