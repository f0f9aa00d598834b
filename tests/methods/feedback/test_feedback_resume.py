"""A run that is interrupted anywhere goes on with the same masks, and ends with the same bank and weights."""

from pathlib import Path
from typing import Any

import pytest
import torch

from polybench.augment import Policy
from polybench.augment.geometry import HorizontalFlip, Rotate90
from polybench.augment.operations import Step
from polybench.core.errors import DataError
from polybench.data.crops import Crop
from polybench.models.fanet import FANet
from tests.methods.feedback.feedback_nets import Diary, fit, write_red_frames

TURNS = Policy("turns", [(Step(HorizontalFlip(), 0.5), Step(Rotate90(), 0.7))])


WAYS: dict[str, dict[str, Any]] = {
    "every_epoch": {},
    "on_improvement": {"update": "on_improvement"},
    "inverse": {"refresh": "inverse", "augment": TURNS},
    "crops": {"data": {"crop": Crop(16, per_image=1)}},
    "inverse-crops": {"refresh": "inverse", "augment": TURNS, "data": {"crop": Crop(16, per_image=1)}},
}
STOPS = [(1, 0, "start"), (1, 2, "start"), (1, 0, "end"), (1, 1, "end"), (1, -1, "validated"), (1, -1, "epoch")]
CASES = [(stop, way) for way in WAYS if "crops" not in way for stop in STOPS]
CASES += [((1, 1, "end"), "crops"), ((1, 1, "start"), "inverse-crops"), ((1, -1, "epoch"), "inverse-crops")]
# Between an epoch's last batch and its validation; a resumed run leaves that out, so nothing can improve there.
CASES += [(stop, way) for way in ("every_epoch", "inverse") for stop in [(0, 2, "end"), (1, 2, "end")]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_red_frames(tmp_path / "data")


def train(root: Path, diary: Diary, checkpoint: Path | None = None, **options: Any) -> tuple[Any, dict[str, Any]]:
    torch.manual_seed(0)
    net = FANet(widths=(4, 4, 8, 8))
    options = {"augment": "fanet", "rate": 0.02, "iterations": 2, **options}
    task = fit(root, net, diary, checkpoint=checkpoint, **options)
    return task, task.state_dict()


def label(value: str | tuple[int, int, str]) -> str:
    return value if isinstance(value, str) else "-".join(map(str, value))


@pytest.mark.parametrize(("stop", "way"), CASES, ids=label)
def test_interrupted_run_ends_with_the_bank_of_the_straight_one(
    root: Path, tmp_path: Path, stop: tuple[int, int, str], way: str
) -> None:
    options = WAYS[way]
    straight = Diary(stop, tmp_path / "interrupted.ckpt")
    expected, weights = train(root, straight, **options)
    resumed = Diary()
    found, others = train(root, resumed, tmp_path / "interrupted.ckpt", **options)
    assert found.bank == expected.bank
    assert found.renewal.epoch == expected.renewal.epoch == 2
    assert all(resumed.banks[epoch] == straight.banks[epoch] for epoch in resumed.banks)
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert straight.banks[1] != straight.banks[0]


def test_checkpoint_of_other_images_is_refused(root: Path, tmp_path: Path) -> None:
    train(root, Diary((0, 2, "end"), tmp_path / "interrupted.ckpt"))
    checkpoint = torch.load(tmp_path / "interrupted.ckpt", weights_only=True)
    checkpoint["feedback"]["bank"]["ids"][0] = "none"
    checkpoint["feedback"]["bank"]["checksum"] = 0
    torch.save(checkpoint, tmp_path / "damaged.ckpt")
    with pytest.raises(DataError, match="masks are damaged"):
        train(root, Diary(), tmp_path / "damaged.ckpt")
    more = write_red_frames(tmp_path / "others", n=24)
    with pytest.raises(DataError, match="no mask for the image"):
        train(more, Diary(), tmp_path / "interrupted.ckpt", data={"batch_size": 4})
