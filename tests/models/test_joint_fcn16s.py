"""One encoder under both heads: each gives what its own net gives, and a step's statistics are those of both parts."""

import pytest
import torch
from torch import nn

from polybench.models import FCN16sAtrous, JointFCN16sAtrous, PatchClassifier

TINY = "tu-test_resnet"
DRAWN = torch.Generator().manual_seed(0)
IMAGES = torch.rand(2, 3, 64, 64, generator=DRAWN)
PATCHES = torch.rand(3, 3, 64, 64, generator=DRAWN) * 4


@pytest.fixture
def net() -> JointFCN16sAtrous:
    torch.manual_seed(0)
    return JointFCN16sAtrous(TINY, None).eval()


def test_number_of_parameters() -> None:
    with torch.device("meta"):
        joint = JointFCN16sAtrous(encoder_weights=None)
    # FCN16s-Atrous has 23,512,130; the head of patches has 2048 weights and a bias for either class
    assert sum(parameter.numel() for parameter in joint.parameters()) == 23_512_130 + 2048 * 2 + 2 == 23_516_228


def test_it_segments_as_the_segmentation_net_does(net: JointFCN16sAtrous) -> None:
    alone = FCN16sAtrous(TINY, None).eval()
    alone.load_state_dict({key: value for key, value in net.state_dict().items() if "classifier" not in key})
    assert torch.equal(net(IMAGES), alone(IMAGES))
    assert net(IMAGES).shape == (2, 2, 64, 64)


def test_it_classifies_as_the_patch_classifier_does(net: JointFCN16sAtrous) -> None:
    alone = PatchClassifier(TINY, None).eval()
    alone.encoder.load_state_dict(net.encoder.state_dict())
    alone.head.load_state_dict(net.classifier[-1].state_dict())
    assert torch.equal(net.classify(PATCHES), alone(PATCHES))
    assert net.classify(PATCHES).shape == (3, 2)


def test_both_at_once_are_each_alone(net: JointFCN16sAtrous) -> None:
    logits, classes = net.segment_and_classify(IMAGES, PATCHES)
    torch.testing.assert_close(logits, net(IMAGES))
    torch.testing.assert_close(classes, net.classify(PATCHES))


def test_statistics_of_a_step_are_those_of_images_and_patches(net: JointFCN16sAtrous) -> None:
    first = next(module for module in net.encoder.modules() if isinstance(module, nn.Conv2d))
    norm = next(module for module in net.encoder.modules() if isinstance(module, nn.BatchNorm2d))
    everything = first(torch.cat([IMAGES, PATCHES])).mean(dim=(0, 2, 3))
    net.train().segment_and_classify(IMAGES, PATCHES)
    assert norm.momentum == 0.1
    torch.testing.assert_close(norm.running_mean, 0.1 * everything)  # from 0, by a tenth


def test_no_parameter_is_unused(net: JointFCN16sAtrous) -> None:
    logits, classes = net.train().segment_and_classify(IMAGES, PATCHES)
    (logits.sum() + classes.sum()).backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
