"""Nets that name their outputs train, validate, test and predict; nets of other shapes are refused before data."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.datasets import ClinicDBDataModule
from polybench.experiments.record import count_macs
from polybench.losses import BCEDiceLoss
from polybench.methods.feedback.task import FeedbackSegmentationTask
from polybench.methods.transfer import JointTask
from polybench.models import JointFCN16sAtrous, PatchClassifier
from polybench.tasks import PatchClassificationTask, SegmentationTask
from polybench.tasks.outputs import foreground_outputs, logits_of
from tests.tasks.named_outputs import AreaAndEdges, TwoHeads, batch, fit


class Gives(nn.Module):
    """Gives channels, in a form of one's choice."""

    def __init__(self, channels: int = 1, form: str = "tensor") -> None:
        super().__init__()
        self.layer, self.form = nn.Conv2d(3, channels, 1), form

    def forward(self, images: Tensor) -> Any:
        found = self.layer(images)
        forms = {
            "tensor": found,
            "list": [found, found[..., ::2, ::2]],
            "empty": [],
            "mapping": {"logits": found},
            "list in mapping": {"logits": [found, found], "other": None},
            "nameless": {"masks": found},
            "flat": found.mean(dim=(2, 3)),
            "text": "logits",
        }
        return forms[self.form]


class Masked(nn.Module):
    """Names its outputs and takes feedback."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, channels, 1)

    def forward(self, images: Tensor, feedback: Tensor) -> dict[str, Tensor]:
        found = self.layer(torch.cat([images, feedback.to(images.dtype)], 1))
        return {"logits": found, "edges": found.repeat(1, 2, 1, 1)}


def test_logits_are_brought_to_image_size_and_all_else_is_left() -> None:
    outputs: Any = foreground_outputs({"logits": torch.ones(2, 2, 4, 4), "edges": torch.ones(2, 5, 4, 4)}, (8, 8))
    assert outputs["logits"].shape == (2, 1, 8, 8)
    assert outputs["edges"].shape == (2, 5, 4, 4)


@pytest.mark.parametrize("form", ["tensor", "list", "mapping", "list in mapping"])
def test_every_form_has_its_prediction_first(form: str) -> None:
    net = Gives(1, form)
    images = batch()["image"]
    found = SegmentationTask(net, BCEDiceLoss(), mean=(0, 0, 0), std=(1, 1, 1)).eval()(images)
    torch.testing.assert_close(found, net.layer(images))


def test_a_mapping_keeps_its_list_of_logits() -> None:
    outputs: Any = foreground_outputs(Gives(2, "list in mapping")(batch()["image"]), (8, 8))
    assert [tuple(one.shape) for one in outputs["logits"]] == [(2, 1, 8, 8)] * 2
    assert logits_of(outputs) == outputs["logits"]


def test_a_net_of_named_outputs_goes_through_a_whole_run(data_root: Path) -> None:
    task = SegmentationTask(TwoHeads(), AreaAndEdges())
    trainer = fit(data_root, task)
    module = ClinicDBDataModule(str(data_root), (16, 24), str(data_root / "split.csv"), eval_batch_size=2)
    [logged] = trainer.test(task, module, verbose=False)
    assert 0 <= logged["test/dice"] <= 1
    images = torch.rand(1, 3, 16, 24)
    logits = task.net(task.normalised(images))["logits"]
    expected = F.interpolate(logits, size=(16, 24), mode="bilinear", align_corners=False).sigmoid()
    torch.testing.assert_close(task.predict_probability(images), expected)


def test_a_feedback_net_of_named_outputs_trains_with_a_loss_of_terms(data_root: Path) -> None:
    class AtMostEdges(AreaAndEdges):
        def forward(self, outputs: Any, batch: Any) -> dict[str, Tensor]:
            return super().forward({"edges": outputs["logits"], **outputs}, batch)

    task = FeedbackSegmentationTask(Masked(), AtMostEdges(), iterations=2)
    logged = fit(data_root, task).callback_metrics
    assert {"train/area", "train/edge_error", "val/area", "val/edge_error"} <= set(logged)


def test_multiplications_of_named_outputs_are_counted() -> None:
    """Stem 3x4x9 at half of 8x8, both heads 4 x (1 + 2) there."""
    assert count_macs(TwoHeads(), (8, 8)) == 16 * (3 * 4 * 9 + 4 * 3)


def test_weights_lie_under_the_names_that_they_always_had() -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), nn.BCEWithLogitsLoss(pos_weight=torch.ones(1)))
    assert list(task.state_dict()) == ["net.weight", "net.bias", "loss.pos_weight"]


def test_heads_that_a_plain_loss_does_not_read_are_frozen(data_root: Path) -> None:
    task = SegmentationTask(TwoHeads(), BCEDiceLoss())
    fit(data_root, task)
    frozen = [name for name, parameter in task.net.named_parameters() if not parameter.requires_grad]
    assert frozen == ["edges.weight", "edges.bias"]


def test_heads_that_the_terms_read_are_trained(data_root: Path) -> None:
    task = SegmentationTask(TwoHeads(), AreaAndEdges())
    fit(data_root, task)
    assert all(parameter.requires_grad for parameter in task.net.parameters())


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Gives(3), "Segmentation is of one class.*not 3"),
        (Gives(5, "list"), "not 5"),
        (Gives(1, "nameless"), "a mapping of masks: name its prediction 'logits'"),
        (Gives(1, "flat"), r"each output, not \(2, 1\)"),
        (Gives(1, "text"), "each output, not str"),
        (Gives(1, "empty"), "an empty list"),
        (nn.Conv2d(4, 1, 1), "can't take RGB images of 8x8"),
        (Masked(), "can't take RGB images of 8x8"),
    ],
    ids=["classes", "deep", "nameless", "flat", "text", "empty", "channels", "masks"],
)
def test_other_outputs_are_refused_without_data(net: nn.Module, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SegmentationTask(net, BCEDiceLoss()).check((8, 8))


@pytest.mark.parametrize("net", [Gives(1), Gives(2, "list"), TwoHeads()], ids=["tensor", "list", "mapping"])
def test_sound_outputs_pass_and_nothing_moves(net: nn.Module) -> None:
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.random.get_rng_state()
    SegmentationTask(net, BCEDiceLoss()).check((8, 8))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())


def test_a_feedback_net_of_several_classes_is_refused_without_data() -> None:
    with pytest.raises(ConfigError, match="not 3"):
        FeedbackSegmentationTask(Masked(3), BCEDiceLoss()).check((8, 8))


def test_a_classifier_of_several_classes_is_refused_without_data() -> None:
    net = PatchClassifier("tu-test_resnet", None, classes=4)
    with pytest.raises(ConfigError, match=r"\(N, 1\) or \(N, 2\), not \(2, 4\)"):
        PatchClassificationTask(net).check((32, 32))


def test_both_heads_are_looked_at() -> None:
    JointTask(JointFCN16sAtrous("tu-test_resnet", None), BCEDiceLoss()).check((32, 32))
    wrong = JointFCN16sAtrous("tu-test_resnet", None)
    wrong.classifier[2] = nn.Linear(wrong.classifier[2].in_features, 3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"not \(2, 3\)"):
        JointTask(wrong, BCEDiceLoss()).check((32, 32))


def test_a_net_that_reads_values_is_looked_at_when_it_runs(data_root: Path) -> None:
    class Reads(Gives):
        def forward(self, images: Tensor) -> Any:
            return super().forward(images) * images.mean().item()

    task = SegmentationTask(Reads(3), BCEDiceLoss())
    task.check((16, 24))
    with pytest.raises(ConfigError, match="not 3"):
        fit(data_root, task)
