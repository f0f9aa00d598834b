import subprocess
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

from polybench.experiments.provenance import net_summary, provenance, source_state, start_weights


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("polybench/__init__.py", "leaderboards/a.md"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_clean_tree(tree: Path) -> None:
    commit, dirty = source_state(tree / "polybench")
    assert commit is not None
    assert len(commit) == 40
    assert dirty is False


def test_changed_code_is_dirty_and_changed_leaderboards_are_not(tree: Path) -> None:
    (tree / "leaderboards" / "a.md").write_text("new row")
    assert source_state(tree / "polybench")[1] is False
    (tree / "polybench" / "__init__.py").write_text("x = 1")
    assert source_state(tree / "polybench")[1] is True


def test_threads_are_told() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert provenance(trainer, None).threads == 3
    finally:
        torch.set_num_threads(before)


def test_untracked_folder_has_no_commit(tmp_path: Path) -> None:
    assert source_state(tmp_path) == (None, None)


@pytest.mark.parametrize(
    ("init_args", "weights"),
    [
        ({"encoder_weights": "imagenet"}, "imagenet"),
        ({"encoder_weights": None}, "random"),
        ({"pretrained": True}, "imagenet"),
        ({"pretrained": False}, "random"),
        ({}, "random"),
    ],
)
def test_start_weights_are_read_off_the_configuration(init_args: dict[str, object], weights: str) -> None:
    assert start_weights({"class_path": "x.Y", "init_args": init_args}) == weights


def test_summary_names_what_differs_from_the_defaults() -> None:
    net = {"class_path": "torch.nn.Conv2d", "init_args": {"in_channels": 3, "stride": 1, "padding": 2}}
    assert net_summary(net) == "Conv2d in_channels 3, padding 2"


def test_summary_names_a_class_in_an_argument_and_its_arguments() -> None:
    encoder = {"class_path": "polybench.models.vgg.VGG19Encoder", "init_args": {"widths": [4, 4, 8, 8]}}
    net = {"class_path": "polybench.models.PatchClassifier", "init_args": {"encoder": encoder}}
    assert net_summary(net) == "PatchClassifier encoder VGG19Encoder widths 4-4-8-8"
