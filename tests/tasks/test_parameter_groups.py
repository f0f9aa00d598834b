"""Each layer moves by its own rate, frozen layers don't move at all, and what is asked in vain is refused."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.tasks import ParameterGroups, SegmentationTask
from polybench.tasks.parameter_groups import below
from tests.tasks.named_outputs import TwoHeads, fit

SGD = partial(torch.optim.SGD, lr=0.5)


class Layers(nn.Module):
    """An encoder of two stages with batch norm, and a head; `stage1` is no part of `stage10`."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict(
            {name: nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Tanh()) for name in ("stage1", "stage10")}
        )
        self.head = nn.Sequential(nn.GroupNorm(1, 3), nn.Conv2d(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        for stage in self.encoder.values():
            images = stage(images)
        return self.head(images)  # type: ignore[no-any-return]


def task(groups: ParameterGroups | None, optimizer: Any = SGD, **options: Any) -> SegmentationTask:
    torch.manual_seed(1)
    return SegmentationTask(Layers(), BCEDiceLoss(), optimizer, parameter_groups=groups, **options)


def rates(made: torch.optim.Optimizer, net: nn.Module, key: str = "lr") -> dict[str, float]:
    """Parameter -> its group's learning rate, or another option."""
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    return {names[id(one)]: group[key] for group in made.param_groups for one in group["params"]}


def optimizer_of(task: SegmentationTask) -> torch.optim.Optimizer:
    made: Any = task.configure_optimizers()
    return made["optimizer"] if isinstance(made, dict) else made  # type: ignore[no-any-return]


def test_the_longest_prefix_counts() -> None:
    made = task(ParameterGroups({"encoder": 0.1, "encoder.stage10": 0.3}))
    found = rates(optimizer_of(made), made.net)
    assert len(found) == len(list(made.net.parameters()))
    for name, value in found.items():
        factor = 0.3 if name.startswith("encoder.stage10.") else 0.1 if name.startswith("encoder.") else 1
        assert value == pytest.approx(0.5 * factor), name


def test_one_step_moves_each_layer_by_its_rate_times_its_gradient() -> None:
    made = task(ParameterGroups({"encoder.stage1": 0.1, "head": 2.0}))
    before = {name: value.clone() for name, value in made.net.named_parameters()}
    made.net(torch.rand(2, 3, 4, 4)).square().mean().backward()
    optimizer_of(made).step()
    for name, parameter in made.net.named_parameters():
        rate = 0.05 if name.startswith("encoder.stage1.") else 1.0 if name.startswith("head.") else 0.5
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.detach(), before[name] - rate * parameter.grad)


def test_exactly_the_frozen_layers_stay_as_they_are(data_root: Path) -> None:
    made = task(ParameterGroups(frozen=["encoder.stage1"]), partial(torch.optim.AdamW, lr=0.1, weight_decay=0.1))
    before = {name: value.clone() for name, value in made.net.state_dict().items()}
    fit(data_root, made, epochs=2)
    same = {name for name, value in made.net.state_dict().items() if torch.equal(value, before[name])}
    assert same == {name for name in before if name.startswith("encoder.stage1.")}  # its running statistics too


def test_a_factor_inside_of_what_is_trained_freezes_nothing(data_root: Path) -> None:
    made = task(ParameterGroups({"encoder": 1e-3}))
    before = {name: value.clone() for name, value in made.net.state_dict().items()}
    fit(data_root, made)
    weights = [name for name in before if name.endswith("weight")]
    assert not any(torch.equal(made.net.state_dict()[name], before[name]) for name in weights)


class Modes(Callback):
    """Notes which norms are in training mode, in each step."""

    def __init__(self) -> None:
        self.seen: list[set[str]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        modules: nn.Module = pl_module.net  # type: ignore[assignment]
        self.seen.append(
            {name for name, one in modules.named_modules() if isinstance(one, nn.BatchNorm2d) and one.training}
        )


def test_frozen_norms_evaluate_for_the_whole_run(data_root: Path) -> None:
    modes = Modes()
    fit(data_root, task(ParameterGroups(frozen=["encoder.stage1"])), epochs=2, callbacks=[modes])
    assert modes.seen == [{"encoder.stage10.1"}] * 6


def test_train_leaves_frozen_norms_in_evaluation() -> None:
    made = task(ParameterGroups(frozen=["encoder"])).eval().train()
    assert made.net.training
    assert not any(one.training for one in made.net.modules() if isinstance(one, nn.BatchNorm2d))


def test_no_decay_on_norms_and_biases() -> None:
    made = task(
        ParameterGroups({"head": 0.5}, no_decay_on_norms_and_biases=True),
        partial(torch.optim.AdamW, lr=1.0, weight_decay=0.2),
    )
    optimizer = optimizer_of(made)
    decays = {name for name, value in rates(optimizer, made.net, "weight_decay").items() if value}
    assert decays == {"encoder.stage1.0.weight", "encoder.stage10.0.weight", "head.1.weight"}
    assert [group["name"] for group in optimizer.param_groups] == ["rest", "rest, no decay", "head, no decay", "head"]
    assert [group["lr"] for group in optimizer.param_groups] == [1.0, 1.0, 0.5, 0.5]


def test_weights_of_the_loss_are_optimised_with_the_rest() -> None:
    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
            return self.scale * logits.mean()

    made = SegmentationTask(Layers(), Weighted(), SGD, parameter_groups=ParameterGroups({"head": 0.1}))
    groups = {group["name"]: group["params"] for group in optimizer_of(made).param_groups}
    assert any(one is made.loss.scale for one in groups["rest"])


@pytest.mark.parametrize("schedule", [torch.optim.lr_scheduler.ExponentialLR, None])
def test_factors_last_through_a_schedule(data_root: Path, schedule: Any) -> None:
    scheduler = partial(schedule, gamma=0.5) if schedule else None
    trainer = fit(data_root, task(ParameterGroups({"head": 0.1}), lr_scheduler=scheduler), epochs=2)
    found = [group["lr"] for group in trainer.optimizers[0].param_groups]
    assert found == pytest.approx([0.5 * (0.25 if schedule else 1), 0.05 * (0.25 if schedule else 1)])


def test_one_cycle_has_the_rates_of_a_list_of_maxima() -> None:
    options = {"total_steps": 6, "div_factor": 10.0}
    cycle: Callable[..., Any] = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=2.0, **options)
    made: Any = task(ParameterGroups({"head": 0.1}), lr_scheduler=cycle).configure_optimizers()
    layers = Layers()
    plain = SGD([{"params": layers.encoder.parameters()}, {"params": layers.head.parameters()}])
    expected = torch.optim.lr_scheduler.OneCycleLR(plain, max_lr=[2.0, 0.2], **options)  # type: ignore[arg-type]
    for _ in range(5):
        assert made["lr_scheduler"]["scheduler"].get_last_lr() == pytest.approx(expected.get_last_lr())
        for one, scheduler in ((made["optimizer"], made["lr_scheduler"]["scheduler"]), (plain, expected)):
            one.step()
            scheduler.step()


def test_a_schedule_of_one_rate_for_all_is_refused() -> None:
    cycle = partial(torch.optim.lr_scheduler.CyclicLR, base_lr=0.1, max_lr=1.0)
    with pytest.raises(ConfigError, match="CyclicLR sets one learning rate for all"):
        task(ParameterGroups({"head": 0.1}), partial(torch.optim.SGD, lr=0.5, momentum=0.9), lr_scheduler=cycle).check(
            (8, 8)
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factors": {"encodr": 0.1}}, r"Layers has no parameters under 'encodr': the nearest are encoder, "),
        ({"frozen": ["encoder.stage2"]}, r"the nearest are encoder\.stage1, encoder\.stage10"),
        ({"frozen": ["encoder.stage"]}, r"the nearest are encoder\.stage1"),
        ({"frozen": ["zzz"]}, "its parts are encoder, head"),
        ({"frozen": ["encoder", "head"]}, "freezes every layer of Layers"),
        ({"factors": {"head": 0}}, "must be above 0, not 0"),
        ({"factors": {"head": -1.0}}, r"must be above 0, not -1\.0"),
        ({"factors": {"encoder.stage1": 0.1}, "frozen": ["encoder"]}, "'encoder.stage1' has .* and is frozen"),
    ],
)
def test_prefixes_that_make_no_sense_are_refused_when_the_task_is_made(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        task(ParameterGroups(**arguments))


@pytest.mark.parametrize(
    ("optimizer", "groups", "message"),
    [
        (torch.optim.LBFGS, ParameterGroups({"head": 0.1}), "doesn't accept parameter groups"),
        (torch.optim.Rprop, ParameterGroups(no_decay_on_norms_and_biases=True), "Rprop has no weight decay"),
    ],
)
def test_optimizers_that_know_no_such_thing_are_refused(optimizer: Any, groups: ParameterGroups, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        task(groups, optimizer).check((8, 8))


def test_prefixes_end_with_a_component() -> None:
    assert below("encoder.layer1.weight", "encoder.layer1")
    assert below("encoder.layer1", "encoder.layer1")
    assert not below("encoder.layer10.weight", "encoder.layer1")


def test_unread_heads_stay_out_of_the_groups(data_root: Path) -> None:
    made = SegmentationTask(TwoHeads(), BCEDiceLoss(), SGD, parameter_groups=ParameterGroups({"stem": 0.5}))
    trainer = fit(data_root, made)
    found = rates(trainer.optimizers[0], made.net)
    assert "edges.weight" not in found
    assert found["area.weight"] == 2 * found["stem.0.weight"]
