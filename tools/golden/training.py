"""Golden numbers of data modules and tasks."""

import hashlib
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from golden.numbers import Golden, images, masks, rounded, summary
from polybench import datasets, tasks
from polybench.data.module import SegmentationDataModule
from polybench.data.patch_module import PatchDataModule
from polybench.data.patches import Jitter
from polybench.experiments.class_versions import resolve, version_of
from polybench.methods.finetuning import (
    CandidateDataModule,
    InterfaceDataModule,
    LabelledImagesDataModule,
    LayerwiseTuning,
)
from polybench.methods.finetuning.item_module import ItemDataModule
from polybench.methods.transfer.joint_module import JointDataModule
from polybench.moved import NAMES
from polybench.synth.dataset import REGIONS_VERSION, VERSION, write_dataset, write_intima_media

DATA_TOLERANCE = 1e-3
"""Decoders of JPEG differ by a grey level here and there."""

SIDE = 32

ELSEWHERE = {
    path.rpartition(".")[2]: path
    for path in (
        "polybench.methods.adversarial.AdversarialSegmentationTask",
        "polybench.methods.colour_exchange.ColourExchangeTask",
        "polybench.methods.finetuning.CandidateClassificationTask",
        "polybench.methods.finetuning.ImageClassificationTask",
        "polybench.methods.finetuning.InterfaceTask",
        "polybench.methods.rendering.RenderingSegmentationTask",
    )
}
"""Tasks that never had a path in `polybench.tasks`, by their names."""

TASKS = tuple(
    name for name in [*tasks.__all__, *NAMES["polybench.tasks"]] if issubclass(getattr(tasks, name), LightningModule)
)


def data_golden(name: str) -> Golden:
    """A decoded image of generated data, and the order of training samples in two epochs."""
    cls: type[SegmentationDataModule] = getattr(datasets, name)
    with tempfile.TemporaryDirectory() as folder:
        module = _written(cls, Path(folder))
        decoded = module.decode(min(module.sources(), key=lambda source: source.id))
        parts = [part for part in (decoded.image, decoded.mask, decoded.valid, decoded.labels) if part is not None]
        numbers = {"decoded": summary([torch.from_numpy(part.astype("float64")) for part in parts])}
        order = _order(module, module.ids("train") if module.split.ids("train") else [])
    version = f"{version_of(cls)}, decode_version {cls.decode_version}"
    return Golden(version, numbers, {"order": order, "generated images": str(VERSION)}, DATA_TOLERANCE)


def patches_golden() -> Golden:
    """Patches of generated data, as they are and varied, and their order in two epochs."""
    numbers, exact = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        source = _written(datasets.ClinicDBDataModule, Path(folder))
        for name, jitter in (("plain", None), ("varied", Jitter())):
            module = PatchDataModule(source, size=SIDE, negatives_per_image=2, batch_size=2, jitter=jitter)
            module.setup("fit")
            samples = module.samples("train")
            numbers[name] = summary([samples[index]["image"] for index in range(len(samples))])
            exact[f"order, {name}"] = _order(module, samples.ids)
    return Golden(f"{version_of(PatchDataModule)}, Jitter {Jitter.version}", numbers, exact, DATA_TOLERANCE)


def candidates_golden() -> Golden:
    """Variants of candidates of generated data, and the order of their training samples in two epochs."""
    numbers, exact = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        source = _written(datasets.ClinicDBDataModule, Path(folder))
        for name, share in (("all", 1.0), ("half", 0.5)):
            module = CandidateDataModule(source, "boxes", size=SIDE, share=share, batch_size=2, jitter=Jitter())
            module.prepare_data()
            module.setup("fit")
            numbers[name] = summary(
                [torch.from_numpy(module.read(item, 37)).double() for item in module.items("train")]
            )
            exact[f"order, {name}"] = _drawn(module)
    return Golden(f"{version_of(CandidateDataModule)}, Jitter {Jitter.version}", numbers, exact, DATA_TOLERANCE)


def labelled_golden() -> Golden:
    """Crops of fixed images in three classes, and the order of their training samples in two epochs."""
    with tempfile.TemporaryDirectory() as folder:
        for number, image in enumerate((255 * images(18, 40)).to(torch.uint8).permute(0, 2, 3, 1)):
            path = Path(folder) / ("test" if number > 11 else "train") / "abc"[number % 3] / f"{number}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, image.numpy())
        module = LabelledImagesDataModule(folder, "labelled", size=SIDE, crops=3, flips=True, batch_size=2)
        module.setup("fit")
        numbers = {
            "crops": summary([torch.from_numpy(module.read(item, 13)).double() for item in module.items("test")])
        }
        exact = {"order": _drawn(module)}
    return Golden(version_of(LabelledImagesDataModule) or "none", numbers, exact)


def interfaces_golden() -> Golden:
    """Patches of generated regions, and the order of their training samples in two epochs."""
    with tempfile.TemporaryDirectory() as folder:
        write_intima_media(Path(folder), n=8, size=(64, 64))
        module = InterfaceDataModule(folder, size=SIDE, batch_size=2)
        module.setup("fit")
        patches = [torch.from_numpy(module.read(item, 0).copy()).double() for item in module.items("test")]
        exact = {"order": _drawn(module), "generated regions": str(REGIONS_VERSION)}
    return Golden(version_of(InterfaceDataModule) or "none", {"patches": summary(patches)}, exact)


def _drawn(module: ItemDataModule) -> str:
    """Hash the ids of two epochs of training samples in their order."""
    loader: Any = module.train_dataloader()
    drawn = []
    for epoch in (0, 1):
        loader.sampler.set_epoch(epoch)
        drawn += [loader.dataset[number]["id"] for number in loader.sampler]
    return _text_digest("\n".join(drawn))


def joint_golden() -> Golden:
    """The order of images and patches in an epoch."""
    with tempfile.TemporaryDirectory() as folder:
        module = JointDataModule(
            _written(datasets.ClinicDBDataModule, Path(folder)),
            lambda source: PatchDataModule(source, size=SIDE, batch_size=2),
        )
        module.prepare_data()
        module.images.setup("fit")
        module.patches.setup("fit")
        loaders: Any = module.train_dataloader().iterables
        drawn = [list(loaders[part].sampler) for part in ("images", "patches")]
    return Golden(version_of(JointDataModule) or "none", {}, {"order": _text_digest(str(drawn))}, DATA_TOLERANCE)


def _written(cls: type[SegmentationDataModule], folder: Path) -> SegmentationDataModule:
    """A data module on 12 generated images, as small as they can be."""
    write_dataset(cls, folder, n=12, size=(48, 64))
    split = None
    if not cls.default_split:
        names = sorted(path.stem for path in (folder / "images").iterdir())
        rows = [f"{name},{('train', 'val', 'test')[number % 3]},{name}" for number, name in enumerate(names)]
        split = str(folder / "split.csv")
        Path(split).write_text("\n".join(["# note: generated", "id,subset,group", *rows]) + "\n")
    module = cls(
        root=str(folder),
        size=(SIDE, SIDE),
        split=split,
        batch_size=2,
        allow_missing=True,
        cache_dir=str(folder / "cache"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module.prepare_data()
        module.open_cache(module.size)
    return module


def _order(module: Any, ids: list[str]) -> str:
    """Hash the order of ids in two epochs of a data module."""
    if not ids:
        return "no training images"
    sampler: Any = module.train_dataloader().sampler
    drawn = []
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        drawn += [ids[index % len(ids)] for index in sampler]
    return _text_digest("\n".join(drawn))


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def task_golden(name: str) -> Golden:
    """Losses before and after a step on a fixed batch, of a net and a loss that are none of ours."""
    cls = resolve(ELSEWHERE[name]) if name in ELSEWHERE else getattr(tasks, name)
    net, arguments, batch = _task_case(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is no trainer to log to
        task = cls(net, optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9), **arguments).train()
        made = task.configure_optimizers()
        optimizer = made["optimizer"] if isinstance(made, dict) else made
        losses = []
        for _ in range(2):
            loss = task.training_step(batch, 0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(rounded(float(loss)))
    return Golden(version_of(cls) or "none", {"losses": losses}, {})


class Plain(torch.nn.Module):
    """A convolution with fixed weights, under every interface that a task asks of its net."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.encoder = torch.nn.Conv2d(channels, 4, 3, padding=1)
        self.head = torch.nn.Conv2d(4, 1, 1)
        self.classifier = torch.nn.Linear(4, 2)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.sin(torch.arange(parameter.numel()) * 0.9 + 1).view_as(parameter))

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor:
        """Segment, or classify where there is nothing else to do."""
        shown = images if feedback is None else torch.cat([images, feedback.float()], dim=1)
        return self.head(torch.relu(self.encoder(shown)))  # type: ignore[no-any-return]

    def segment_and_classify(self, images: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Do both."""
        return self(images), self.classify(patches)

    def classify(self, patches: Tensor) -> Tensor:
        """Give two numbers for each patch."""
        return self.classifier(torch.relu(self.encoder(patches)).mean((2, 3)))  # type: ignore[no-any-return]


class PlainClassifier(Plain):
    """The same as a net that classifies."""

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor:
        """Classify."""
        return self.classify(images)


class PlainRendered(Plain):
    """The same as a net that is rendered: features and coarse logits at half the size, and a layer for points."""

    head_stride = 2

    def __init__(self) -> None:
        super().__init__(3)
        self.renderer = PlainPoints(5)

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Any:
        """Segment, with all that a mask is rendered from."""
        features = torch.relu(self.encoder(torch.nn.functional.avg_pool2d(images, 2)))
        coarse = self.head(features)
        return {
            "logits": coarse.repeat_interleave(2, 2).repeat_interleave(2, 3),
            "coarse": coarse,
            "features": features,
        }


class PlainJudged(Plain):
    """The same as a net with a discriminator."""

    def __init__(self) -> None:
        super().__init__(3)
        self.discriminator = PlainJudge()


class PlainJudge(torch.nn.Module):
    """A weight for the mean of a mask times the image."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.7))

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Judge masks, one number for each."""
        return self.weight * (images * masks).mean((1, 2, 3))


class PlainPoints(torch.nn.Module):
    """A linear layer with fixed weights, for features and coarse logits of points."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-1, 1, features))

    def forward(self, features: Tensor, coarse: Tensor) -> Tensor:
        """Predict points (N, 1, P)."""
        return (torch.cat([features, coarse], dim=1) * self.weight[:, None]).sum(1, keepdim=True)


def groups_golden() -> Golden:
    """Groups of a fixed net, with a factor, a frozen part and no decay on biases."""
    groups = tasks.ParameterGroups({"head": 10.0}, ["encoder"], no_decay_on_norms_and_biases=True)
    net = Plain(3)
    groups.apply(net)
    found = [(one.name, one.factor, one.decays, len(one.parameters)) for one in groups.groups(net)]
    return Golden(version_of(tasks.ParameterGroups) or "none", {}, {"groups": str(found)})


def depth_golden() -> Golden:
    """Groups and frozen places of a fixed net, tuned from each of its layers."""
    found = {}
    for depth in ("head", "stem", "scratch"):
        groups, net = LayerwiseTuning(depth), Plain(3)
        groups.apply(net)
        rates = [(one.name, one.factor, one.decays, len(one.parameters)) for one in groups.groups(net)]
        found[depth] = f"{rates}, frozen {groups.frozen}"
    return Golden(version_of(LayerwiseTuning) or "none", {}, found)


def _task_case(name: str) -> tuple[torch.nn.Module, dict[str, Any], dict[str, Any]]:
    """Net, further arguments and batch of a task."""
    frames = {"image": images(2, SIDE), "mask": masks(2, SIDE), "valid": torch.ones(2, 1, SIDE, SIDE), "id": ["a", "b"]}
    patches = {"image": images(3, SIDE), "label": torch.tensor([0, 1, 1]), "id": ["a/n0", "a/p0", "b/p0"]}
    loss = {"loss": torch.nn.BCEWithLogitsLoss()}
    cases: dict[str, tuple[torch.nn.Module, dict[str, Any], dict[str, Any]]] = {
        "SegmentationTask": (Plain(3), loss, frames),
        "ColourExchangeTask": (Plain(3), loss, frames),
        "AdversarialSegmentationTask": (PlainJudged(), {**loss, "weight": 2.0}, frames),
        "FeedbackSegmentationTask": (Plain(4), loss, frames),
        "RenderingSegmentationTask": (PlainRendered(), {**loss, "points": 40}, frames),
        "JointTask": (Plain(3), loss, {"images": frames, "patches": patches}),
        "PatchClassificationTask": (PlainClassifier(3), {}, patches),
        "CandidateClassificationTask": (PlainClassifier(3), {}, patches),
        "ImageClassificationTask": (PlainClassifier(3), {}, patches),
        "InterfaceTask": (PlainClassifier(3), {}, patches),
    }
    return cases[name]


ENTRIES: dict[str, Callable[[], Golden]] = {
    **{f"polybench.datasets.{name}": partial(data_golden, name) for name in datasets.__all__},
    "polybench.data.patch_module.PatchDataModule": patches_golden,
    "polybench.data.joint_module.JointDataModule": joint_golden,
    **{f"polybench.tasks.{name}": partial(task_golden, name) for name in TASKS},
    **{path: partial(task_golden, name) for name, path in ELSEWHERE.items()},
    "polybench.tasks.ParameterGroups": groups_golden,
    "polybench.methods.finetuning.LayerwiseTuning": depth_golden,
    "polybench.methods.finetuning.CandidateDataModule": candidates_golden,
    "polybench.methods.finetuning.LabelledImagesDataModule": labelled_golden,
    "polybench.methods.finetuning.InterfaceDataModule": interfaces_golden,
}
"""Class -> its golden numbers."""
