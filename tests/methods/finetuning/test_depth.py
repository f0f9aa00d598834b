"""At each depth exactly the named layers move, with the rates of Table II; the rest keeps even its statistics."""

from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from torch import nn

from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.methods.finetuning import LayerwiseTuning
from polybench.models import AlexNet, PatchClassifier
from polybench.tasks import SegmentationTask
from polybench.tasks.parameter_groups import below
from tests.methods.finetuning.tiny import NARROW, SGD, alexnet, changed, lite, made, task
from tests.tasks.named_outputs import fit

ORDER = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]


@pytest.mark.parametrize("depth", ORDER)
def test_exactly_the_layers_of_a_depth_move(depth: str) -> None:
    moved = changed(task(alexnet(), depth), 227)
    assert moved == {f"{name}.{kind}" for name in ORDER[ORDER.index(depth) :] for kind in ("weight", "bias")}


def test_head_is_the_last_layer_and_scratch_every_layer() -> None:
    assert changed(task(alexnet(), "head"), 227) == {"fc8.weight", "fc8.bias"}
    assert changed(task(alexnet(), "scratch"), 227) == set(alexnet().state_dict())


@pytest.mark.parametrize("depth", ["head", "blocks.1", "stem"])
def test_frozen_batch_norm_keeps_its_statistics(depth: str) -> None:
    net = lite()
    order = ["stem", *(f"blocks.{n}" for n in range(5)), "head"]
    places = {
        "stem": ("encoder.model.conv_stem", "encoder.model.bn1"),
        "head": ("head",),
        **{name: (f"encoder.model.{name}",) for name in order[1:-1]},
    }
    wanted = tuple(place for name in order[order.index(depth) :] for place in places[name])
    moved = changed(task(net, depth), 32)
    assert moved == {name for name in net.state_dict() if any(below(name, place) for place in wanted)}


def test_rates_are_those_of_table_two() -> None:
    tuned = task(alexnet(), "conv5")
    names = {id(parameter): name for name, parameter in tuned.net.named_parameters()}
    rates = {names[id(one)]: group["lr"] for group in made(tuned).param_groups for one in group["params"]}
    expected = {f"{name}.weight": 0.001 for name in ORDER[4:7]} | {f"{name}.bias": 0.002 for name in ORDER[4:7]}
    assert rates == pytest.approx({**expected, "fc8.weight": 0.01, "fc8.bias": 0.02})


def test_from_scratch_the_last_layer_has_the_rate_of_the_others() -> None:
    groups = {
        group["name"]: (group["lr"], group["weight_decay"]) for group in made(task(alexnet(), "scratch")).param_groups
    }
    assert groups["tuned"] == groups["head"] == pytest.approx((0.001, 5e-4))
    assert groups["tuned, biases"] == groups["head, biases"] == pytest.approx((0.002, 0.0))


def test_rates_fall_by_a_twentieth_after_each_epoch() -> None:
    both = task(alexnet(), "fc7").configure_optimizers()
    optimizer, scheduler = both["optimizer"], both["lr_scheduler"]["scheduler"]  # type: ignore[index, call-overload]
    assert both["lr_scheduler"]["interval"] == "epoch"  # type: ignore[index, call-overload]
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(
        [rate * 0.95**3 for rate in (0.001, 0.01, 0.002, 0.02)]
    )


def test_norms_of_tuned_layers_have_no_decay() -> None:
    tuned = task(lite(), "stem")
    norms = {id(one) for part in tuned.net.modules() if isinstance(part, nn.BatchNorm2d) for one in part.parameters()}
    for group in made(tuned).param_groups:
        kinds = {id(one) in norms or one.ndim == 1 for one in group["params"]}
        assert kinds == {group["weight_decay"] == 0}


def test_initialiser_draws_every_layer_anew() -> None:
    net = AlexNet(widths=NARROW, initialiser="msra")
    before = net.conv1.weight.std().item()
    task(net, "scratch", initialiser="gaussian")
    assert net.conv1.weight.std().item() == pytest.approx(0.01, rel=0.05) != pytest.approx(before, rel=0.05)


def test_an_unknown_depth_lists_those_of_the_net() -> None:
    listed = "it has head, blocks.4, blocks.3, blocks.2, blocks.1, blocks.0, stem, scratch. Did you mean 'blocks.3'?"
    with pytest.raises(ConfigError, match=f"PatchClassifier has no depth 'block3': {listed}".replace("?", r"\?")):
        task(lite(), "block3")
    with pytest.raises(ConfigError, match="AlexNet has no depth 'fc9': it has fc8, fc7, fc6, conv5"):
        task(alexnet(), "fc9")


def test_auto_is_no_depth_of_a_single_run() -> None:
    with pytest.raises(ConfigError, match="chooses among the runs of a study"):
        LayerwiseTuning("auto")


def test_an_initialiser_needs_scratch() -> None:
    with pytest.raises(ConfigError, match="draws start weights of depth scratch, not of conv1"):
        LayerwiseTuning("conv1", initialiser="msra")


def test_pretrained_weights_are_not_from_scratch() -> None:
    net = PatchClassifier("tu-tf_efficientnet_lite0", "imagenet")
    with pytest.raises(ConfigError, match="from random weights, and it was given pretrained ones"):
        task(net, "scratch")


def segmentation() -> SegmentationTask:
    """A net whose only batch norm is that of its frozen encoder."""
    torch.manual_seed(0)
    options = {"encoder_weights": None, "encoder_depth": 3, "decoder_channels": (8, 8, 4), "decoder_use_norm": False}
    net = smp.Unet("tu-test_efficientnet", **options)
    return SegmentationTask(net, BCEDiceLoss(), SGD, parameter_groups=LayerwiseTuning("head"))


def test_head_of_a_segmentation_net_is_all_but_its_encoder(data_root: Path) -> None:
    made = segmentation()
    before = {name: value.clone() for name, value in made.net.state_dict().items()}
    fit(data_root, made)
    moved = {name for name, value in made.net.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if not name.startswith("encoder.")}


@pytest.mark.ddp
def test_two_processes_do_what_one_does(data_root: Path) -> None:
    alone, together = segmentation(), segmentation()
    fit(data_root, alone)
    fit(data_root, together, data={"batch_size": 2}, devices=2, strategy="ddp_fork", enable_checkpointing=True)
    torch.testing.assert_close(dict(together.state_dict()), dict(alone.state_dict()), rtol=1e-5, atol=1e-6)
