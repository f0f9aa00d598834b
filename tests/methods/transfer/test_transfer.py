"""An encoder is transferred whole or not at all, in both directions, and exported with its lineage."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from lightning.pytorch import LightningModule, Trainer
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from polybench.callbacks import AtomicCheckpointIO, BestCheckpoint, ResumeCallback
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.methods.transfer import TransferCallback
from polybench.methods.transfer.match import compare, copy_tensors
from polybench.methods.transfer.sources import LINEAGE, Source, read_source, write_encoder
from polybench.models import EFEN, FCN16sAtrous, PatchClassifier
from polybench.models.vgg import VGG19Encoder
from polybench.tasks import PatchClassificationTask
from polybench.tasks.checkpoint import RunMark

TINY = "tu-test_resnet"


class Trained(PatchClassificationTask):
    """Two steps of anything on a net."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net, partial(torch.optim.SGD, lr=0.1))
        self.first: Mapping[str, Tensor] = {}

    def on_train_start(self) -> None:
        super().on_train_start()
        encoder: nn.Module = self.net.encoder  # type: ignore[assignment]
        self.first = {key: value.clone() for key, value in encoder.state_dict().items()}

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:  # type: ignore[override]
        logits = self.net(batch)
        return F.cross_entropy(logits.flatten(2).mean(-1) if logits.ndim > 2 else logits, torch.zeros(2).long())

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:  # type: ignore[override]
        self.log("val/dice", float(self.current_epoch))  # the last epoch is the best

    def on_validation_epoch_end(self) -> None:
        pass


def fit(
    net: nn.Module, folder: Path, transfer: TransferCallback, checkpoint: Path | None = None, epochs: int = 1
) -> Trained:
    """Train, with the origin written into the checkpoints as the command line does."""
    task, resume = Trained(net), ResumeCallback()
    resume.run = RunMark("recipe", "length", 1)
    resume.origin = {"task": "segmentation", "dataset": "kvasir_seg", "stage": folder.name}
    resume.on_train_batch_start = lambda *args: None  # type: ignore[method-assign]  # there is no data module here
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        plugins=[AtomicCheckpointIO()],
        callbacks=[transfer, resume, BestCheckpoint(folder)],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader = DataLoader(images, batch_size=2)  # type: ignore[arg-type]
    trainer.fit(task, loader, loader, ckpt_path=checkpoint)
    return task


def net(seed: int, classifier: bool = False, encoder: str = TINY) -> nn.Module:
    torch.manual_seed(seed)
    return PatchClassifier(encoder, None) if classifier else FCN16sAtrous(encoder, None)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a trained segmentation stage: `best.ckpt` and `encoder.safetensors`."""
    folder = tmp_path_factory.mktemp("runs") / "S1"
    fit(net(0), folder, TransferCallback(None))
    return folder


def same(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("file", ["best.ckpt", "encoder.safetensors"])
def test_encoder_starts_as_the_source_and_the_head_as_its_own(trained: Path, tmp_path: Path, file: str) -> None:
    target = net(1, classifier=True)
    head = {key: value.clone() for key, value in target.head.state_dict().items()}  # type: ignore[union-attr]
    heads: dict[str, Tensor] = {}

    class Recording(TransferCallback):
        def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            super().on_fit_start(trainer, pl_module)
            heads.update({key: value.clone() for key, value in pl_module.net.head.state_dict().items()})  # type: ignore[union-attr]

    transfer = Recording(str(trained / file))
    task = fit(target, tmp_path / "C2", transfer)
    assert transfer.match is not None
    assert transfer.match.share == 1
    assert same(task.first, read_source(str(trained / "best.ckpt"), target).state)
    assert same(heads, head)


def test_outputs_of_the_encoder_are_those_of_the_source(trained: Path) -> None:
    origin, target = net(5), net(6, classifier=True)
    read = read_source(str(trained / "best.ckpt"), target).state
    copy_tensors(read, target.encoder, list(read))  # type: ignore[arg-type]
    origin.load_state_dict(
        {
            key.removeprefix("net."): value
            for key, value in torch.load(trained / "best.ckpt", weights_only=True)["state_dict"].items()
        }
    )
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        pairs = zip(origin.eval().encoder(images), target.eval().encoder(images), strict=True)  # type: ignore[operator]
        assert all(torch.equal(one, two) for one, two in pairs)


def test_lineage_grows_from_stage_to_stage(trained: Path, tmp_path: Path) -> None:
    fit(net(1, classifier=True), tmp_path / "C2", TransferCallback(str(trained / "best.ckpt")))
    last = TransferCallback(str(tmp_path / "C2" / "encoder.safetensors"))
    fit(net(2), tmp_path / "S3", last)
    hashes = [file_sha256(trained / "best.ckpt"), file_sha256(tmp_path / "C2" / "best.ckpt")]
    assert [(one.sha256, one.stage, one.dataset) for one in last.ancestors] == [
        (hashes[0], "S1", "kvasir_seg"),
        (hashes[1], "C2", "kvasir_seg"),
    ]
    with safe_open(tmp_path / "S3" / "encoder.safetensors", "pt") as file:
        lineage = json.loads(file.metadata()[LINEAGE])
    assert [one["stage"] for one in lineage] == ["S1", "C2", "S3"]
    assert lineage[2]["sha256"] == file_sha256(tmp_path / "S3" / "best.ckpt")


def test_resumed_run_transfers_nothing_and_needs_no_source(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "source.ckpt"
    copy.write_bytes((trained / "best.ckpt").read_bytes())
    fit(net(1), tmp_path / "S3", TransferCallback(str(copy)))
    copy.unlink()
    resumed = TransferCallback(str(copy))
    task = fit(net(3), tmp_path / "S3", resumed, tmp_path / "S3" / "best.ckpt", epochs=2)
    assert resumed.match is None
    assert [one.stage for one in resumed.ancestors] == ["S1"]
    saved = torch.load(tmp_path / "S3" / "best.ckpt", weights_only=True)["state_dict"]
    assert not same(task.first, read_source(str(trained / "best.ckpt"), task.net).state)  # it is a step further
    assert len(saved) == len(task.state_dict())


def test_wrong_source_is_refused_with_keys_of_both_sides(trained: Path, tmp_path: Path) -> None:
    wrong = net(1, encoder="tu-test_efficientnet")
    told = (
        r"best.ckpt' holds no tensor with the name and shape of one of this net's encoder.*\n"
        r"  source +encoder of the net\n"
        r"  net.encoder.model.conv1.0.weight \(16, 3, 3, 3\) +model.conv_stem.weight \(24, 3, 3, 3\)\n"
    )
    with pytest.raises(ConfigError, match=told):
        fit(wrong, tmp_path, TransferCallback(str(trained / "best.ckpt")))


def test_source_of_a_part_of_the_encoder_is_refused_with_a_threshold(trained: Path, tmp_path: Path) -> None:
    state = read_source(str(trained / "best.ckpt"), net(1)).state
    torch.save({key.replace("layer1", "stage1"): value for key, value in state.items()}, tmp_path / "part.pt")
    told = (
        r"matches \d+ of 90 tensors of the encoder \((\d\d)\.\d %\), less than min_match 90.0 %.*min_match: 0\.\1\d.*\n"
        r"  source +encoder of the net\n"
        r"  model.stage1.0.conv1.weight \((.*)\) +model.layer1.0.conv1.weight \(\2\)\n"
    )
    with pytest.raises(ConfigError, match=told):
        fit(net(1), tmp_path, TransferCallback(str(tmp_path / "part.pt")))


def test_one_tensor_of_another_shape_is_refused_unless_it_may_stay(trained: Path, tmp_path: Path) -> None:
    state = dict(read_source(str(trained / "best.ckpt"), net(1)).state)
    key = next(key for key, value in state.items() if value.ndim == 4)
    state[key] = state[key][:, :, :1]
    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "source.safetensors")
    with pytest.raises(ConfigError, match=f"1 of another shape \\('{key}' first.* strict: false"):
        fit(net(1), tmp_path, TransferCallback(str(tmp_path / "source.safetensors")))
    target = net(1)
    own = target.encoder.state_dict()[key].clone()  # type: ignore[union-attr]
    task = fit(target, tmp_path, TransferCallback(str(tmp_path / "source.safetensors"), strict=False))
    assert torch.equal(task.first[key], own)


def test_comparison_by_hand() -> None:
    source = {"a": torch.zeros(2), "b": torch.zeros(3), "c": torch.zeros(1)}
    found = compare(source, {"a": torch.ones(2), "b": torch.ones(4), "d": torch.ones(1)})
    assert found.matched == ("a",)
    assert found.missing == ("d",)
    assert found.unexpected == ("c",)
    assert found.misshaped == {"b": ((3,), (4,))}
    assert found.share == pytest.approx(1 / 3)


def test_net_without_encoder_is_named(trained: Path, tmp_path: Path) -> None:
    bare = nn.Sequential(nn.Conv2d(3, 2, 1))
    with pytest.raises(ConfigError, match="Sequential has no encoder"):
        fit(bare, tmp_path, TransferCallback(str(trained / "best.ckpt")))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("no.ckpt", None, "There is no file"),
        ("bad.ckpt", b"x", "not a checkpoint"),
        ("bad.safetensors", b"x", "no safetensors file"),
    ],
)
def test_unreadable_source_is_named(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        read_source(str(tmp_path / name), net(0))


def test_checkpoint_without_encoder_is_named(tmp_path: Path) -> None:
    torch.save({"state_dict": {"net.head.weight": torch.zeros(1)}}, tmp_path / "a.ckpt")
    with pytest.raises(ConfigError, match="holds no tensor with the name and shape"):
        read_source(str(tmp_path / "a.ckpt"), net(0))


def test_imagenet_weights_are_those_of_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    made, target = net(9).encoder, net(1)
    asked: list[Any] = []

    def get_encoder(name: str, weights: object, **_: Any) -> Any:
        asked.append((name, weights))
        return made

    monkeypatch.setattr("segmentation_models_pytorch.encoders.get_encoder", get_encoder)
    source = read_source("imagenet", target)
    assert asked == [(TINY, True)]  # as segmentation_models_pytorch wants timm's to be asked for
    assert same(source.state, made.state_dict())  # type: ignore[union-attr]
    assert [(one.task, one.dataset) for one in source.ancestors] == [("classification", "ImageNet")]


def test_packaged_imagenet_weights_say_what_they_are() -> None:
    target = FCN16sAtrous("tu-tf_efficientnet_lite0", None)
    source = read_source("imagenet", target)
    assert source.state.keys() == target.encoder.state_dict().keys()
    assert source.facts["Licence of the weights"] == "Apache-2.0"
    assert source.facts["sha256 of the file"].startswith("57934424")


@pytest.mark.parametrize("share", [0, 1.5])
def test_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="min_match"):
        TransferCallback(None, min_match=share)


@pytest.fixture
def partial_source(trained: Path, tmp_path: Path) -> tuple[Path, int]:
    """A file that lacks one tensor of the encoder and has one more, and the number of tensors of the encoder."""
    state = {key: value.contiguous() for key, value in read_source(str(trained / "best.ckpt"), net(1)).state.items()}
    missing = next(iter(state))
    kept = {key: value for key, value in state.items() if key != missing}
    save_file({**kept, "more": torch.ones(1)}, tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors", len(state)


def test_share_of_a_partial_transfer_is_its_true_one(partial_source: tuple[Path, int], tmp_path: Path) -> None:
    path, tensors = partial_source
    transfer = TransferCallback(str(path), strict=False, min_match=(tensors - 1) / tensors)
    fit(net(1), tmp_path, transfer)
    section, start = transfer.sections()["transfer"], transfer.start_facts()
    assert start is not None
    assert (start.matched, start.missing, start.unexpected) == (tensors - 1, 1, 1)
    assert start.share == pytest.approx(1 - 1 / tensors)
    assert section.rows[0]["matched"] == tensors - 1
    assert section.facts["Tensors unexpected in the source"] == "more"
    assert section.facts["Transferred"].startswith(f"{tensors - 1} of {tensors} tensors of the encoder (9")


def test_section_is_that_of_the_transfer_after_a_resume_too(trained: Path, tmp_path: Path) -> None:
    first, resumed = TransferCallback(str(trained / "best.ckpt")), TransferCallback(str(trained / "best.ckpt"))
    fit(net(1), tmp_path / "S3", first)
    fit(net(1), tmp_path / "S3", resumed, tmp_path / "S3" / "best.ckpt", epochs=2)
    assert resumed.sections() == first.sections() != {}


def test_weights_of_another_program_are_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {f"model.encoder.{key}": value for key, value in timm.create_model("test_resnet").state_dict().items()}
    plain = {key: value.half() for key, value in state.items() if not key.endswith("num_batches_tracked")}
    torch.save({"state_dict": plain | {"model.decoder.weight": torch.ones(2)}}, tmp_path / "a.pth")
    transfer = TransferCallback(str(tmp_path / "a.pth"))
    task = fit(net(1, classifier=True), tmp_path / "C", transfer)
    told, start = capsys.readouterr().out, transfer.start_facts()
    counters = len(state) - len(plain)
    assert start is not None
    assert (start.matched, start.missing, start.unexpected, start.misshaped) == (90 - counters, 0, 0, 0)
    assert start.source is not None
    assert start.source.sha256 == file_sha256(tmp_path / "a.pth")
    assert torch.equal(task.first["model.conv1.0.weight"], plain["model.encoder.conv1.0.weight"].float())
    facts = transfer.sections()["transfer"].facts
    assert facts["Ignored, the classifier's head"] == "model.encoder.fc.weight, model.encoder.fc.bias"
    assert facts["Ignored, other parts of the source's net"] == "model.decoder.weight"
    assert facts["Precision"] == "float16 converted to float32"
    assert all(f"{label}: {text}.\n" in told for label, text in list(facts.items())[1:])


def test_nearly_all_tensors_are_not_all() -> None:
    state = {str(number): torch.ones(1) for number in range(5000)}
    found = compare({key: value for key, value in state.items() if key != "0"}, state)
    assert found.in_words == "4999 of 5000 tensors of the encoder (99.9 %)"


def test_encoder_of_efen_goes_to_a_classifier_and_back(tmp_path: Path) -> None:
    widths = (4, 4, 8, 8)
    torch.manual_seed(0)
    first, last, classifier = efen(widths), efen(widths), PatchClassifier(VGG19Encoder(widths), None)
    write_encoder(Source(first.encoder.state_dict(), ()), tmp_path / "first.safetensors")
    taken = fit(classifier, tmp_path / "C", TransferCallback(str(tmp_path / "first.safetensors")))
    returned = fit(last, tmp_path / "S", TransferCallback(str(tmp_path / "C" / "encoder.safetensors")))
    images = torch.rand(2, 3, 32, 32)
    assert equal_maps(first, efen(widths, taken.first), images)
    assert equal_maps(classifier, efen(widths, returned.first), images)
    assert not equal_maps(first, classifier, images)  # it was trained in between


def efen(widths: tuple[int, int, int, int], encoder: Mapping[str, Tensor] | None = None) -> EFEN:
    """A narrow EFEN, with these weights of its encoder."""
    made = EFEN(widths, pretrained=False, classes=2)
    if encoder is not None:
        made.encoder.load_state_dict(encoder)
    return made


def equal_maps(one: nn.Module, other: nn.Module, images: Tensor) -> bool:
    """Whether all maps of two encoders are equal."""
    pairs = zip(one.encoder(images), other.encoder(images), strict=True)  # type: ignore[operator]
    return all(torch.equal(*pair) for pair in pairs)
