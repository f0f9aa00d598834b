"""Training at points and refinement: gradients, switches, the field of view, precision, refusals, the record."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.data.sample import Batch
from polybench.losses import BCEDiceLoss
from polybench.methods.rendering import RenderingSegmentationTask
from polybench.methods.rendering.section import Compared, rendering_section
from polybench.metrics import PER_IMAGE
from polybench.tasks import SegmentationTask
from tests.methods.rendering.rendering_nets import Rendered, narrow


def batch_of(n: int = 2, height: int = 32, width: int = 32) -> Batch:
    torch.manual_seed(0)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    mask = ((y - 14) ** 2 + (x - 12) ** 2 < 80).float().expand(n, 1, height, width)
    image = torch.rand(n, 3, height, width) / 2 + mask / 2
    names = [f"image{k}" for k in range(n)]
    native = torch.eye(2, 3).expand(n, 2, 3)
    return Batch(
        image=image, mask=mask, valid=torch.ones_like(mask), id=names, group=names, position=[0] * n, to_native=native
    )


def task_of(net: nn.Module | None = None, **options: Any) -> RenderingSegmentationTask:
    return RenderingSegmentationTask(net or narrow(), BCEDiceLoss(), **{"points": 64, **options})


def terms_of(task: RenderingSegmentationTask, batch: Batch) -> dict[str, Tensor]:
    return dict(task.batch_terms(task.batch_outputs(batch), batch).named)


def test_every_parameter_gets_a_gradient_from_masks_and_points() -> None:
    task, batch = task_of().train(), batch_of(height=64, width=64)
    task.batch_terms(task.batch_outputs(batch), batch).total.backward()
    still = [name for name, p in task.net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert still == []


def test_no_parameter_is_taken_as_unused() -> None:
    task = task_of(Rendered())
    task.check((32, 32))
    task._trainer = type("", (), {"datamodule": type("", (), {"size": (32, 32)})})()  # type: ignore[assignment]
    assert task.unused_parameters() == []


def test_terms_are_the_loss_of_masks_and_the_weighted_loss_of_points() -> None:
    batch = batch_of()
    task = task_of(weight=0.5).train()
    outputs = task.batch_outputs(batch)
    terms = task.batch_terms(outputs, batch)
    assert isinstance(outputs, dict)
    expected = BCEDiceLoss()(outputs["logits"], batch["mask"], batch["valid"])
    assert terms.named.keys() == {"mask_loss", "point_loss"}
    torch.testing.assert_close(terms.named["mask_loss"], expected)
    torch.testing.assert_close(terms.total, expected + 0.5 * terms.named["point_loss"])
    assert dict(task.batch_terms(outputs, batch, finest=True).named) == {}


def test_points_depend_on_seed_epoch_and_image_and_not_on_the_batch() -> None:
    task, batch = task_of(Rendered()).train(), batch_of(2)
    both = float(terms_of(task, batch)["point_loss"])
    alone = []
    for n in (1, 0):  # in another order
        torch.manual_seed(n)
        one: Any = {name: value[n : n + 1] for name, value in batch.items()}
        alone.append(float(terms_of(task, one)["point_loss"]))
    assert both == pytest.approx(sum(alone) / 2, rel=1e-6)
    task.seed = 1
    assert float(terms_of(task, batch)["point_loss"]) != pytest.approx(both, rel=1e-6)


def test_points_outside_the_field_of_view_do_not_count() -> None:
    task, batch = task_of(Rendered()).train(), batch_of()
    batch["valid"] = batch["valid"].clone()
    batch["valid"][..., 16:] = 0
    other: Any = {**batch, "mask": batch["mask"].clone()}
    other["mask"][..., 17:] = 1  # one pixel off: a mask is read between pixels
    assert torch.equal(terms_of(task, batch)["point_loss"], terms_of(task, other)["point_loss"])
    other["mask"][..., :16] = 1
    assert not torch.equal(terms_of(task, batch)["point_loss"], terms_of(task, other)["point_loss"])


def with_constant_points(value: float) -> nn.Module:
    net = narrow()
    assert net.renderer is not None
    last = net.renderer.layers[-1]
    assert isinstance(last, nn.Conv1d)
    nn.init.zeros_(last.weight)
    assert last.bias is not None
    nn.init.constant_(last.bias, value)
    return net


@pytest.mark.parametrize(("size", "refined"), [((32, 32), 0.125), ((20, 30), 0.5), ((16, 16), 1.0)], ids=str)
def test_the_share_of_the_most_uncertain_pixels_is_predicted_anew(size: tuple[int, int], refined: float) -> None:
    task = task_of(with_constant_points(99.0), refined=refined).eval()
    images = torch.rand(2, 3, *size)
    with torch.no_grad():
        before, after = task.net(task.normalised(images))["logits"], task(images)
    anew = after == 99
    assert anew.flatten(1).sum(1).tolist() == 2 * [round(refined * size[0] * size[1])]
    assert torch.equal(after[~anew], before[~anew])
    for old, new in zip(before, anew, strict=True):
        assert new.all() or old[new].abs().max() <= old[~new].abs().min()


def test_published_number_of_refined_pixels() -> None:
    assert round(task_of().refined * 256 * 256) == 8192


def test_without_refinement_the_logits_are_those_of_the_net() -> None:
    task = task_of(with_constant_points(99.0), refined=0).eval()
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(task(images), task.net(task.normalised(images))["logits"])


def test_refined_points_read_features_and_coarse_logits_of_a_padded_net_at_their_place() -> None:
    net = narrow()
    net.renderer = Reads()  # type: ignore[assignment]
    task = task_of(net, refined=1.0).eval()
    images = torch.rand(1, 3, 21, 27)  # padded to 32 by 32
    with torch.no_grad():
        torch.testing.assert_close(task(images), task.net(task.normalised(images))["logits"], atol=1e-5, rtol=1e-5)


class Reads(nn.Module):
    """Predicts the coarse logit."""

    def forward(self, features: Tensor, coarse: Tensor) -> Tensor:
        return coarse


def test_works_under_bfloat16_autocast_and_channels_last() -> None:
    batch = batch_of()
    whole, reduced = (task_of(points=1024, channels_last=last).train() for last in (False, True))
    expected = terms_of(whole, batch)
    with torch.autocast("cpu", torch.bfloat16):
        terms = reduced.batch_terms(reduced.batch_outputs(batch), batch)
    assert {value.dtype for value in terms.named.values()} == {torch.float32}
    for name, value in terms.named.items():
        assert float(value) == pytest.approx(float(expected[name]), abs=0.05)
    terms.total.backward()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert reduced.eval()(batch["image"]).dtype == torch.float32


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"points": 0}, "points must be at least 1"),
        ({"oversample": 0.5}, "oversample must be from 1 to 100, not 0.5"),
        ({"oversample": float("inf")}, "oversample must be from 1 to 100, not inf"),
        ({"oversample": 1e308}, r"oversample must be from 1 to 100, not 1e\+308"),
        ({"points": 10**9}, "points times oversample must be at most 4194304"),
        ({"uncertain": 1.5}, "uncertain must be a share"),
        ({"weight": 0.0}, "weight must be above 0"),
        ({"weight": 1e308}, r"weight must be above 0 and at most 1e\+06, not 1e\+308"),
        ({"refined": 1.5}, "refined must be a share"),
    ],
)
def test_options_out_of_bounds_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        task_of(**options)


def test_net_without_points_is_refused_before_it_runs() -> None:
    with pytest.raises(ConfigError, match="BSAN predicts no points: give it to SegmentationTask"):
        task_of(narrow(rendering=False)).check_outputs((32, 32))


def test_net_without_its_maps_is_refused() -> None:
    class Bare(Rendered):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            return {"logits": super().forward(images)["logits"]}

    task = task_of(Bare()).eval()
    with pytest.raises(ConfigError, match="it lacks coarse, features"):
        task(torch.rand(1, 3, 16, 16))


def test_net_with_points_is_trained_without_them_by_the_plain_task() -> None:
    task = SegmentationTask(Rendered(), BCEDiceLoss())
    task.check((32, 32))
    assert task._unused is not None
    assert {name.partition(".")[0] for name in task._unused.names} == {"renderer"}


def test_section_tells_the_scores_before_and_after() -> None:
    section = rendering_section(Compared({"dice": 0.5, "iou": 0.4}, {"dice": 0.75, "iou": 0.7}), 0.125)
    assert section.facts["Refined"] == "12.5 % of the pixels of each image"
    assert "Dice 0.5000 before and 0.7500 after" in section.facts[f"Refinement, {PER_IMAGE.key}"]
    assert section.data["refined"] == 0.125
