"""What a class of the user's or of a library's raises ends a run in one sentence; an error of polybench does not."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import DeviceStatsMonitor
from torch import nn

from polybench.cli.main import run
from polybench.core.errors import ConfigError
from polybench.experiments.raised import Made, sentence_for, why_not_built
from polybench.tasks import SegmentationTask
from tests.cli.recipes import write_recipe

OWN = """
import torch
from lightning.pytorch import Callback
from torch import nn

class Loss(nn.Module):
    def forward(self, logits, mask):
        raise KeyError("weights")

class Net(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 1, 1)

class Unfinished(Net):
    def forward(self, images):
        return self.head(images)

class Late(Net):
    def forward(self, images):
        if images.device.type != "meta":
            raise IndexError("late")
        return super().forward(images)

class Hungry(Net):
    def forward(self, images):
        if images.device.type != "meta":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return super().forward(images)

class Pooled(nn.Sequential):
    def __init__(self):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3), nn.Conv2d(3, 1, 1))

class Watch(Callback):
    def on_train_batch_end(self, *args):
        raise ValueError("watch")
"""
POINT = {"class_path": "torch.nn.Conv2d", "init_args": {"in_channels": 3, "out_channels": 1, "kernel_size": 1}}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a module of one's own that is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    (tmp_path / "mine_raises.py").write_text(OWN.lstrip())
    yield tmp_path
    sys.modules.pop("mine_raises", None)


def complaint(here: Path, root: Path, capsys: pytest.CaptureFixture[str], *words: str, net: Any = POINT) -> str:
    recipe = write_recipe(here, root, net, max_epochs=1)
    assert run(["fit", "--config", str(recipe), "--no_leaderboard", *words]) == 2
    (found,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("polybench: error: ")]
    return found.removeprefix("polybench: error: ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model.loss", "mine_raises.Loss"], "KeyError: 'weights' (line 7 of your 'mine_raises.py')."),
        (["--model.net", "mine_raises.Unfinished"], "has no attribute 'head' (line 15 of your 'mine_raises.py')."),
        (["--model.net", "mine_raises.Late"], "Line 20 of your 'mine_raises.py' fails: IndexError: late."),
        (["--trainer.callbacks+", "mine_raises.Watch"], "Line 35 of your 'mine_raises.py' fails: ValueError: watch."),
        (["--model.net", "mine_raises.Hungry"], "Out of memory (CUDA out of memory): lower --data.batch_size"),
        (["--model.loss", "torch.nn.BCELoss"], "use its variant for logits, such as torch.nn.BCEWithLogitsLoss."),
        (
            ["--model.loss", "segmentation_models_pytorch.losses.DiceLoss", "--model.loss.mode", "multiclass"],
            "use its variant for binary masks, such as mode: binary.",
        ),
        (["--model.loss", "kornia.losses.FocalLoss"], "FocalLoss can't be computed"),
        (
            ["--model.loss", "segmentation_models_pytorch.losses.DiceLoss", "--model.loss.mode", "binry"],
            "DiceLoss can't be built: AssertionError: assert mode in {BINARY_MODE, MULTILABEL_MODE, MULTICLASS_MODE}.",
        ),
        (["--trainer.accelerator", "gpus"], "You selected an invalid accelerator name"),
    ],
)
def test_what_a_class_raises_is_one_sentence(
    here: Path, data_root: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert sentence in complaint(here, data_root, capsys, *words)


def test_a_batch_norm_of_one_value_says_what_to_raise(
    here: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = complaint(here, data_root, capsys, "--data.batch_size", "1", "--model.net", "mine_raises.Pooled")
    assert found.startswith("Pooled can't be trained on batches of one image of 24x32, in which one of its batch norms")
    assert "give a larger --data.batch_size" in found


def test_a_library_s_long_list_of_names_is_cut_to_the_nearest() -> None:
    names = ["resnet18", "resnet34", "resnet50", *(f"densenet{number}" for number in range(40))]
    found = str(why_not_built(KeyError(f"Wrong name `resnet99`, supported: {names}")))
    assert found.endswith("Wrong name `resnet99`, supported: resnet18, resnet34, resnet50 and 40 others.")


def test_the_traceback_is_shown_where_it_is_asked_for(
    here: Path, data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBENCH_TRACEBACK", "1")
    recipe = write_recipe(here, data_root, POINT, max_epochs=1)
    assert run(["fit", "--config", str(recipe), "--no_leaderboard", "--model.loss", "mine_raises.Loss"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def raised_by(call: Any, *arguments: Any) -> Exception:
    try:
        call(*arguments)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_option_is_named_whose_object_raised(here: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 1, 1))
    error = raised_by(net, torch.zeros(1, 4, 8, 8))
    sentence = sentence_for(error, [Made("model.net", net), Made("trainer.callbacks", DeviceStatsMonitor())])
    assert isinstance(sentence, ConfigError)
    assert str(sentence).startswith("model.net (Sequential) fails: RuntimeError: Given groups=1")


def test_an_error_of_polybench_is_no_sentence(here: Path) -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), nn.BCEWithLogitsLoss())
    error = raised_by(task.last_rows, None)
    assert sentence_for(error, [Made("model", task), Made("model.net", task.net)]) is None


def test_an_assertion_without_words_shows_its_line(here: Path) -> None:
    class Picky(nn.Module):
        def __init__(self, size: int) -> None:
            assert size > 3

    found = str(why_not_built(raised_by(Picky, 1)))
    assert found == "Picky can't be built: AssertionError: assert 1 > 3."  # as pytest words it
