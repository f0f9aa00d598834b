"""A file with several encoders: which is taken, which are said not to be, and where the choice is the user's."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.methods.transfer import TransferCallback
from polybench.methods.transfer.sources import Source, read_source
from polybench.models import PatchClassifier
from polybench.tasks import PatchClassificationTask

TINY = "tu-test_resnet"
ONE: Mapping[str, Tensor] = timm.create_model("test_resnet", pretrained=False).state_dict()
OTHER: Mapping[str, Tensor] = {key: value + 1 for key, value in ONE.items()}
KEYS = list(ONE)


def behind(prefix: str, state: Mapping[str, Tensor], without: int = 0) -> dict[str, Tensor]:
    """A state behind the name of a module, some of its first tensors left out."""
    return {prefix + key: state[key] for key in KEYS[without:]}


AVERAGED = behind("model.", ONE) | behind("ema.", OTHER)
TAUGHT = behind("student.", ONE) | behind("teacher.", OTHER)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    return PatchClassifier(TINY, None)


def read(saved: Mapping[str, Any], folder: Path, net: nn.Module, prefix: str | None = None) -> Source:
    torch.save(saved, folder / "a.pth")
    return read_source(str(folder / "a.pth"), net, prefix)


def is_of(source: Source, state: Mapping[str, Tensor]) -> bool:
    """Whether the encoder, and nothing else, is that of a state."""
    assert len(source.state) == 90
    return all(torch.equal(value, state[key.removeprefix("model.")]) for key, value in source.state.items())


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        (AVERAGED, r"two encoders that match equally, behind 'model\.' and 'ema\.'"),
        (behind("model.", ONE, 4) | behind("ema.", OTHER), r"almost equally, behind 'ema\.' and 'model\.'"),
        (TAUGHT, r"behind 'student\.' and 'teacher\.'"),
        ({"state_dict": TAUGHT}, r"'state_dict\.student\.' and 'state_dict\.teacher\.'"),
        (behind("", ONE) | behind("ema.", OTHER), r"behind '' and 'ema\.'"),
        ({"model": ONE, "ema": OTHER, "epoch": 3}, r"behind 'model\.' and 'ema\.'"),
        ({"model": ONE, "net": OTHER}, r"behind 'model\.' and 'net\.'"),
        (AVERAGED | behind("c.", OTHER), r"several encoders .*, behind 'model\.', 'ema\.' and 'c\.'"),
    ],
    ids=["average", "fewer", "teacher", "container", "bare", "unknown container", "two containers", "three"],
)
def test_encoders_that_match_almost_equally_are_the_users_choice(
    saved: Mapping[str, Any], told: str, tmp_path: Path, net: nn.Module
) -> None:
    with pytest.raises(ConfigError, match=rf"{told}.*: choose one with prefix, an option of TransferCallback"):
        read(saved, tmp_path, net)


@pytest.mark.parametrize(
    ("saved", "prefix", "state"),
    [
        (AVERAGED, "model.", ONE),
        (AVERAGED, "ema", OTHER),
        (behind("", ONE) | behind("ema.", OTHER), "", ONE),
        ({"state_dict": TAUGHT}, "state_dict.teacher.", OTHER),
        ({"model": ONE, "ema": OTHER}, "ema", OTHER),
    ],
    ids=["first", "second", "bare", "in a container", "container"],
)
def test_prefix_chooses_an_encoder_and_nothing_of_the_others(
    saved: Mapping[str, Any], prefix: str, state: Mapping[str, Tensor], tmp_path: Path, net: nn.Module
) -> None:
    source = read(saved, tmp_path, net, prefix)
    assert is_of(source, state)
    assert "(not " in source.facts["Keys of the source"]


@pytest.mark.parametrize(
    ("saved", "facts"),
    [
        ({"state_dict_ema": ONE, "state_dict": OTHER}, "in 'state_dict_ema' (not in 'state_dict')"),
        ({"model": OTHER, "model_ema": ONE}, "in 'model_ema' (not in 'model')"),
        ({"student": OTHER, "teacher": ONE}, "in 'teacher' (not in 'student')"),
        ({"current_model_state": OTHER, "state_dict": ONE}, "in 'state_dict' (not in 'current_model_state')"),
        (behind("encoder_k.", OTHER) | behind("encoder_q.", ONE), "behind 'encoder_q.' (not behind 'encoder_k.')"),
        (behind("net.", ONE) | behind("most.", OTHER, 35), "behind 'net.' (not behind 'most.')"),
    ],
    ids=["timm", "torchvision", "dino", "lightning", "moco", "much less"],
)
def test_encoder_that_its_program_takes_is_taken_and_the_others_are_named(
    saved: Mapping[str, Any], facts: str, tmp_path: Path, net: nn.Module
) -> None:
    source = read(saved, tmp_path, net)
    assert is_of(source, ONE)
    assert source.facts["Keys of the source"].startswith(facts)


def test_preferred_encoder_that_matches_less_is_the_users_choice(tmp_path: Path, net: nn.Module) -> None:
    with pytest.raises(ConfigError, match=r"almost equally, behind 'student\.' and 'teacher\.'"):
        read({"student": ONE, "teacher": behind("", OTHER, 4)}, tmp_path, net)


@pytest.mark.parametrize("prefix", ["net.", "net", "state_dict.net."])
def test_prefix_is_what_the_terminal_shows_with_its_container_or_without(
    tmp_path: Path, net: nn.Module, prefix: str
) -> None:
    saved = {"state_dict": behind("net.", ONE) | behind("ema.", OTHER)}
    source = read(saved, tmp_path, net, prefix)
    assert is_of(source, ONE)
    assert "behind 'net.'" in source.facts["Keys of the source"]


def test_prefix_that_two_containers_have_is_refused(tmp_path: Path, net: nn.Module) -> None:
    saved = {"model": behind("net.", ONE), "net": behind("net.", OTHER)}
    with pytest.raises(ConfigError, match=r"behind 'model\.net\.' and 'net\.net\.': choose one with prefix"):
        read(saved, tmp_path, net, "net.")


def test_prefix_without_an_encoder_names_those_with_one(tmp_path: Path, net: nn.Module) -> None:
    with pytest.raises(ConfigError, match=r"behind prefix 'eam', but behind 'model\.' and 'ema\.': give one"):
        read(AVERAGED, tmp_path, net, "eam")
    with pytest.raises(ConfigError, match="the source is imagenet: leave out prefix"):
        read_source("imagenet", net, "ema")


def test_net_starts_from_the_encoder_that_the_callback_names(tmp_path: Path) -> None:
    torch.save(AVERAGED, tmp_path / "a.pth")
    task = PatchClassificationTask(PatchClassifier(TINY, None), partial(torch.optim.SGD, lr=0.1))
    callback = TransferCallback(str(tmp_path / "a.pth"), prefix="ema.")
    callback.on_fit_start(SimpleNamespace(is_global_zero=False), task)  # type: ignore[arg-type]
    key = "conv1.0.weight"
    assert torch.equal(task.net.encoder.state_dict()[f"model.{key}"], OTHER[key])  # type: ignore[union-attr, operator]
    assert callback.sections()["transfer"].facts["Keys of the source"].startswith("behind 'ema.' (not behind 'model.')")
