"""What can be given in place of weights by mistake is refused in one sentence, the same wherever weights are given."""

import argparse
import hashlib
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from polybench.core.errors import ConfigError
from polybench.core.weight_file import read_weights
from polybench.methods.transfer.sources import read_source
from polybench.models import PatchClassifier
from polybench.models.pretrained.encoder import make_encoder
from polybench.models.swin import swin_state

NET = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


class Running:
    """An object whose unpickling makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def zipped(path: Path) -> None:
    torch.save(NET.state_dict(), path)
    cut(path, 0.5)


def legacy(share: float) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        torch.save(NET.state_dict(), path, _use_new_zipfile_serialization=False)
        cut(path, share)

    return write


def cut_safetensors(path: Path) -> None:
    save_file({key: value.contiguous() for key, value in NET.state_dict().items()}, path)
    cut(path, 0.8)


def scripted(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(NET).save(path)  # type: ignore[no-untyped-call]


def exported(path: Path) -> None:
    """Write the names of files that torch.export.save writes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("archive_format", "models/model.json", "data/weights/weight_0", "data/sample_inputs/model.pt"):
            archive.writestr(f"a/{name}", "pt2")


ONNX = b"\x08\x0a\x12\x07pytorch\x1a\x052.1.0:\xf6\x03"
"""ModelProto's first fields: version 10 of the format, and the producer's name and version."""


@pytest.mark.parametrize(
    ("name", "write", "told"),
    [
        ("a.pt", lambda path: path.touch(), "is empty: download or copy it again"),
        ("a.safetensors", lambda path: path.touch(), "is empty: download or copy it again"),
        ("a.pt", lambda path: path.mkdir(), r"can't be read \(Is a directory\)"),
        ("a.pt", zipped, "is incomplete or damaged: download or copy it again"),
        ("a.pt", legacy(0.98), "is incomplete or damaged: download or copy it again"),
        ("a.pt", legacy(0.2), "is incomplete or damaged: download or copy it again"),
        ("a.pt", lambda path: path.write_text("weights: 3\n"), "is not a checkpoint .*, or it is incomplete: give"),
        ("a.safetensors", cut_safetensors, "is no safetensors file, or an incomplete one"),
        ("a.pt", scripted, r"is a TorchScript archive, .* saved with torch.save\(torch.jit.load"),
        ("a.pt2", exported, r"is an exported program, .* saved with torch.save\(torch.export.load"),
        ("a.onnx", lambda path: path.write_bytes(b"anything"), "is an ONNX graph: give the weights"),
        ("a.pt", lambda path: path.write_bytes(ONNX), "is an ONNX graph: give the weights"),
        ("a.pt", lambda path: path.write_text("<!DOCTYPE html><html></html>"), "is a web page, not weights"),
        ("a.pt", lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
        ("a.pt", lambda path: np.savez(path.open("wb"), x=np.zeros(3)), "is an archive without weights of PyTorch"),
        ("a.pt", lambda path: torch.save([torch.ones(1)], path), "holds a list, not weights by name"),
        ("a.pt", lambda path: torch.save(NET, path), r"would run code \('torch.nn.modules.container.Sequential'\)"),
    ],
)
def test_file_of_another_kind_is_refused(tmp_path: Path, name: str, write: Callable[[Path], object], told: str) -> None:
    write(tmp_path / name)
    with pytest.raises(ConfigError, match=told) as refused:
        read_weights(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_pickle_that_would_run_code_runs_none(tmp_path: Path) -> None:
    torch.save({"state_dict": Running(tmp_path / "ran")}, tmp_path / "a.pt")
    with pytest.raises(ConfigError, match=r"would run code \('posix.mkdir'\) and is not read: .* weights\s+alone"):
        read_weights(tmp_path / "a.pt")
    assert not (tmp_path / "ran").exists()


def test_options_and_scores_beside_weights_are_read(tmp_path: Path) -> None:
    saved = {
        "state_dict": NET.state_dict(),
        "args": argparse.Namespace(lr=0.1),
        "best": np.float64(0.5),
        "n": np.int64(1),
    }
    torch.save(saved, tmp_path / "a.pt")
    assert torch.equal(read_weights(tmp_path / "a.pt").content["state_dict"]["0.bias"], NET.state_dict()["0.bias"])


def infinite(path: Path) -> None:
    torch.save({"conv.weight": torch.ones(2), "conv.bias": torch.tensor([1.0, torch.inf])}, path)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda path: path.write_text("<html></html>"), "is a web page, not weights: download the file itself"),
        (zipped, "is incomplete or damaged: download or copy it again"),
        (infinite, r"1 of its tensors hold NaN or infinity \('conv.bias' first\): give another file\.$"),
        (
            lambda path: torch.save({"conv.bias": torch.tensor([1.0, -1e300], dtype=torch.float64)}, path),
            r"its tensor 'conv.bias' holds numbers beyond those of float32, 3.4e\+38: give another file\.$",
        ),
        (
            lambda path: torch.save({"conv.weight": torch.ones(2), "bn.running_var": torch.tensor([1.0, -0.1])}, path),
            r"its tensor 'bn.running_var' holds variances below 0: give another file\.$",
        ),
        (lambda path: torch.save({"model": Running(path)}, path), r"would run code \('posix.mkdir'\) and is not read"),
        (lambda path: torch.save({"epoch": 3}, path), "holds no"),
    ],
    ids=["another file", "truncated", "infinity", "beyond float32", "variance", "code", "no tensors"],
)
def test_all_that_take_a_file_of_weights_refuse_the_same(
    tmp_path: Path, write: Callable[[Path], object], told: str
) -> None:
    write(tmp_path / "a.pth")
    path = str(tmp_path / "a.pth")
    net = PatchClassifier("tu-test_resnet", None)
    for take in (
        lambda: read_source(path, net),
        lambda: make_encoder("tu-test_resnet", path),
        lambda: swin_state(path),
    ):
        with pytest.raises(ConfigError, match=told):
            take()


def test_damaged_bytes_of_an_archive_are_found(tmp_path: Path) -> None:
    torch.save({"weight": torch.full((64,), 0.125)}, tmp_path / "a.pt")
    data = bytearray((tmp_path / "a.pt").read_bytes())
    data[data.index(torch.full((64,), 0.125).numpy().tobytes())] ^= 1
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises(ConfigError, match=r"is damaged \(the checksum of '.*' in it is another\): copy it again"):
        read_weights(tmp_path / "a.pt")


def test_file_with_several_state_dicts_is_no_one_of_them(tmp_path: Path) -> None:
    saved = {"state_dict": {"w": torch.ones(1)}, "state_dict_ema": {"w": torch.zeros(1)}, "epoch": 3}
    torch.save(saved, tmp_path / "a")
    with pytest.raises(ConfigError, match=r"holds several state dicts \('state_dict', 'state_dict_ema'\)"):
        read_weights(tmp_path / "a").state_dict()


def test_sha256_is_that_of_the_file(tmp_path: Path) -> None:
    save_file({"w": torch.ones(1)}, tmp_path / "a.safetensors", {"of": "us"})
    file = read_weights(tmp_path / "a.safetensors")
    assert file.sha256 == hashlib.sha256((tmp_path / "a.safetensors").read_bytes()).hexdigest()
    assert (file.metadata, file.state_dict()) == ({"of": "us"}, {"w": torch.ones(1)})
