"""Iterations of a net with mask feedback as columns of pictures, and boxes in them."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_dilation
from torch import nn

from polybench.core.errors import ConfigError
from polybench.experiments import iterated_masks
from polybench.experiments.boxes import Box, read_boxes, refuse_outside
from polybench.experiments.image_grid import BOX, DPI, Line, draw_grid
from polybench.experiments.iterated_masks import Columns, iteration_columns
from polybench.experiments.mask_sources import MaskSource
from polybench.methods.feedback import FeedbackSegmentationTask
from polybench.methods.feedback.otsu import otsu_masks
from polybench.models.fanet import FANetLoss
from polybench.tasks import SegmentationTask
from polybench.tasks.base import Task
from tests.methods.feedback.feedback_nets import Grows

FRAME = np.zeros((33, 33, 3), np.uint8)
FRAME[14:19, 14:19] = 255


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> MaskSource:
    """A file of weights of a task of four iterations, the third of which is scored."""
    task = FeedbackSegmentationTask(Grows(), FANetLoss(), iterations=4, report=3).eval()
    task.input_size = (33, 33)
    loaded: dict[Path, Task] = {
        Path("net.ckpt"): task,
        Path("other.ckpt"): SegmentationTask(nn.Conv2d(3, 1, 1), nn.L1Loss()),
    }
    monkeypatch.setattr(iterated_masks, "load", loaded.__getitem__)
    return MaskSource("net", Path("net.ckpt"))


def test_columns_are_otsus_mask_and_that_of_each_iteration(net: MaskSource) -> None:
    found = iteration_columns(net, (), alone=True)
    assert found.titles == ("Otsu's mask", "Iteration 1", "Iteration 2", "Iteration 3", "Iteration 4")
    assert found.recorded == 3
    first = otsu_masks(torch.from_numpy(FRAME).permute(2, 0, 1)[None] / 255)[0, 0].numpy()
    for number, mask in enumerate(found.masks("1", FRAME)):
        grown = binary_dilation(first, np.ones((3, 3)), number) if number else first
        assert np.array_equal(mask, grown)


def test_chosen_iterations_of_one_of_several_nets_say_whose_they_are(net: MaskSource) -> None:
    found: Columns = iteration_columns(net, (0, 4), alone=False)
    assert (found.titles, found.recorded) == (("net: Otsu's mask", "net: Iteration 4"), None)


@pytest.mark.parametrize(
    ("path", "wanted", "message"),
    [
        ("net.ckpt", (0, 5), "'net' has iterations 0 to 4, not 5"),
        ("other.ckpt", (), "'net' is of a SegmentationTask, which predicts an image once"),
        (".", (), "is a folder of masks"),
    ],
)
def test_what_has_no_such_iterations_is_refused(
    net: MaskSource, path: str, wanted: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        iteration_columns(MaskSource("net", Path(path)), wanted, alone=True)


def test_a_box_is_drawn_in_every_picture_of_its_image_where_it_says() -> None:
    empty = np.zeros((300, 300), bool)
    line = Line("a", np.zeros((300, 300, 3), np.uint8), empty, (empty,), (1.0,), (Box(100, 150, 80, 60),))
    file = io.BytesIO()
    draw_grid(["Net"], [line], "masks").savefig(file, format="png", dpi=DPI)
    drawn = np.asarray(Image.open(file).convert("RGB")).astype(int)[-300:]  # no legend below masks
    for left in (0, 308, 616):
        rows, columns = np.nonzero(np.abs(drawn[:, left : left + 300] - BOX).sum(axis=2) < 30)
        assert np.allclose((rows.min(), rows.max(), columns.min(), columns.max()), (150, 210, 100, 180), atol=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a:1,2,3", "is no box: give ID:x,y,w,h"), ("b:1,2,3,4", "not among --ids"), ("a:1,2,0,4", "is no box")],
)
def test_boxes_that_cannot_be_drawn_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_boxes([text], ["a"])
    with pytest.raises(ConfigError, match="reaches beyond the image, which has 10x8 pixels"):
        refuse_outside("a", [Box(5, 5, 5, 4)], (8, 10))
