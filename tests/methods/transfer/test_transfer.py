"""The backbone travels whole or not at all, in both directions, and leaves its lineage."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
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
from polybench.methods.transfer.callback import compare, take
from polybench.methods.transfer.donors import LINEAGE, read_donor
from polybench.models import FCN16sAtrous, PatchClassifier
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
def donor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a trained segmentation stage: `best.ckpt` and `encoder.safetensors`."""
    folder = tmp_path_factory.mktemp("runs") / "S1"
    fit(net(0), folder, TransferCallback(None))
    return folder


def same(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("file", ["best.ckpt", "encoder.safetensors"])
def test_backbone_starts_as_the_donors_and_the_head_as_its_own(donor: Path, tmp_path: Path, file: str) -> None:
    receiver = net(1, classifier=True)
    head = {key: value.clone() for key, value in receiver.head.state_dict().items()}  # type: ignore[union-attr]
    heads: dict[str, Tensor] = {}

    class Look(TransferCallback):
        def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            super().on_fit_start(trainer, pl_module)
            heads.update({key: value.clone() for key, value in pl_module.net.head.state_dict().items()})  # type: ignore[union-attr]

    transfer = Look(str(donor / file))
    task = fit(receiver, tmp_path / "C2", transfer)
    assert transfer.match is not None
    assert transfer.match.share == 1
    assert same(task.first, read_donor(str(donor / "best.ckpt"), receiver).state)
    assert same(heads, head)


def test_outputs_of_the_backbone_are_those_of_the_donor(donor: Path) -> None:
    giver, receiver = net(5), net(6, classifier=True)
    read = read_donor(str(donor / "best.ckpt"), receiver).state
    take(read, receiver.encoder, list(read))  # type: ignore[arg-type]
    giver.load_state_dict(
        {
            key.removeprefix("net."): value
            for key, value in torch.load(donor / "best.ckpt", weights_only=True)["state_dict"].items()
        }
    )
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        pairs = zip(giver.eval().encoder(images), receiver.eval().encoder(images), strict=True)  # type: ignore[operator]
        assert all(torch.equal(one, two) for one, two in pairs)


def test_lineage_grows_from_stage_to_stage(donor: Path, tmp_path: Path) -> None:
    fit(net(1, classifier=True), tmp_path / "C2", TransferCallback(str(donor / "best.ckpt")))
    last = TransferCallback(str(tmp_path / "C2" / "encoder.safetensors"))
    fit(net(2), tmp_path / "S3", last)
    hashes = [file_sha256(donor / "best.ckpt"), file_sha256(tmp_path / "C2" / "best.ckpt")]
    assert [(one.sha256, one.stage, one.dataset) for one in last.ancestors] == [
        (hashes[0], "S1", "kvasir_seg"),
        (hashes[1], "C2", "kvasir_seg"),
    ]
    with safe_open(tmp_path / "S3" / "encoder.safetensors", "pt") as file:
        lineage = json.loads(file.metadata()[LINEAGE])
    assert [one["stage"] for one in lineage] == ["S1", "C2", "S3"]
    assert lineage[2]["sha256"] == file_sha256(tmp_path / "S3" / "best.ckpt")


def test_resumed_run_transfers_nothing_and_needs_no_donor(donor: Path, tmp_path: Path) -> None:
    copy = tmp_path / "donor.ckpt"
    copy.write_bytes((donor / "best.ckpt").read_bytes())
    fit(net(1), tmp_path / "S3", TransferCallback(str(copy)))
    copy.unlink()
    resumed = TransferCallback(str(copy))
    task = fit(net(3), tmp_path / "S3", resumed, tmp_path / "S3" / "best.ckpt", epochs=2)
    assert resumed.match is None
    assert [one.stage for one in resumed.ancestors] == ["S1"]
    saved = torch.load(tmp_path / "S3" / "best.ckpt", weights_only=True)["state_dict"]
    assert not same(task.first, read_donor(str(donor / "best.ckpt"), task.net).state)  # it is a step further
    assert len(saved) == len(task.state_dict())


def test_wrong_donor_is_refused_in_words(donor: Path, tmp_path: Path) -> None:
    wrong = net(1, encoder="tu-test_efficientnet")
    with pytest.raises(ConfigError, match=r"fits 1\.2 % of the backbone's tensors, less than min_match 90\.0 %"):
        fit(wrong, tmp_path, TransferCallback(str(donor / "best.ckpt")))


def test_one_tensor_of_another_shape_is_refused_unless_it_may_stay(donor: Path, tmp_path: Path) -> None:
    state = dict(read_donor(str(donor / "best.ckpt"), net(1)).state)
    key = next(key for key, value in state.items() if value.ndim == 4)
    state[key] = state[key][:, :, :1]
    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "donor.safetensors")
    with pytest.raises(ConfigError, match=f"1 of another shape \\('{key}'"):
        fit(net(1), tmp_path, TransferCallback(str(tmp_path / "donor.safetensors")))
    receiver = net(1)
    own = receiver.encoder.state_dict()[key].clone()  # type: ignore[union-attr]
    task = fit(receiver, tmp_path, TransferCallback(str(tmp_path / "donor.safetensors"), strict=False))
    assert torch.equal(task.first[key], own)


def test_comparison_by_hand() -> None:
    donor = {"a": torch.zeros(2), "b": torch.zeros(3), "c": torch.zeros(1)}
    found = compare(donor, {"a": torch.ones(2), "b": torch.ones(4), "d": torch.ones(1)})
    assert found.matched == ("a",)
    assert found.missing == ("d",)
    assert found.unexpected == ("c",)
    assert found.misshaped == {"b": ((3,), (4,))}
    assert found.share == pytest.approx(1 / 3)


def test_net_without_backbone_is_named(donor: Path, tmp_path: Path) -> None:
    bare = nn.Sequential(nn.Conv2d(3, 2, 1))
    with pytest.raises(ConfigError, match="Sequential has no backbone"):
        fit(bare, tmp_path, TransferCallback(str(donor / "best.ckpt")))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("no.ckpt", None, "There is no donor"),
        ("bad.ckpt", b"x", "not a checkpoint"),
        ("bad.safetensors", b"x", "no safetensors file"),
    ],
)
def test_unreadable_donor_is_named(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        read_donor(str(tmp_path / name), net(0))


def test_checkpoint_without_backbone_is_named(tmp_path: Path) -> None:
    torch.save({"state_dict": {"net.head.weight": torch.zeros(1)}}, tmp_path / "a.ckpt")
    with pytest.raises(ConfigError, match="holds no backbone"):
        read_donor(str(tmp_path / "a.ckpt"), net(0))


def test_imagenet_weights_are_those_of_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    made, receiver = net(9).encoder, net(1)
    asked: list[Any] = []

    def get_encoder(name: str, weights: str) -> Any:
        asked.append((name, weights))
        return made

    monkeypatch.setattr("segmentation_models_pytorch.encoders.get_encoder", get_encoder)
    donor = read_donor("imagenet", receiver)
    assert asked == [(TINY, "imagenet")]
    assert same(donor.state, made.state_dict())  # type: ignore[union-attr]
    assert [(one.task, one.dataset) for one in donor.ancestors] == [("classification", "ImageNet")]


@pytest.mark.parametrize("share", [0, 1.5])
def test_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="min_match"):
        TransferCallback(None, min_match=share)
