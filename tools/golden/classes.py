"""Golden numbers of nets, losses, policies and schedules."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from golden.numbers import Golden, images, logits, masks, rounded, summary
from polybench import models
from polybench.augment import POLICY_NAMES, named_policy
from polybench.experiments.class_versions import resolve, version_of
from polybench.tasks.criterion import form_of

Case = Mapping[str, Any]

BSAN_NARROW = {
    **{"widths": [8, 8, 16, 16], "depths": [1, 2, 1, 1], "groups": 4},
    **{"dim": 12, "window": 2, "blocks": 2, "hidden": 8},
}
EFEN_NARROW = {"widths": [8, 8, 16, 16], "pretrained": False}
FANET_NARROW = {"widths": [4, 8, 8, 16]}
TINY_ENCODER = {"encoder": "tu-test_resnet", "encoder_weights": None}
RESNET50 = {"encoder": "resnet50", "encoder_weights": None}

NARROW_UNET = {"widths": [4, 8, 8, 16, 16]}
NARROW_VGG = {"encoder": "vgg11", "encoder_weights": None}

ALEXNET_NARROW = {"widths": [8, 8, 8, 8, 8, 16, 16], "dropout": 0.0, "initialiser": "msra"}
SIDES = {"AlexNet": 227, "TorchvisionAlexNet": 64}
"""Net -> side of its images, where it isn't 32."""

NETS: dict[str, dict[str, Case]] = {
    "AlexNet": {"grouped": ALEXNET_NARROW, "plain": {**ALEXNET_NARROW, "grouped": False, "normalised": False}},
    "AttentionUNet": {"narrow": NARROW_UNET},
    "BCDUNet": {
        "narrow": {"widths": [4, 8, 8, 16], "dropout": 0.0},
        "single": {"widths": [4, 8, 8, 16], "blocks": 1, "dropout": 0.0},
        "bidirectional": {"widths": [4, 8, 8, 16], "bidirectional": True, "dropout": 0.0},
    },
    "BSAN": {
        "narrow": BSAN_NARROW,
        **{f"no {part}": {**BSAN_NARROW, part: False} for part in ("isam", "fsam", "rendering")},
    },
    "ColonFormer": {"small": {"encoder": "mit_b0", "encoder_weights": None, "channels": 8, "width": 8, "dropout": 0.0}},
    "DUNet": {"narrow": {"widths": [4, 8, 8, 16]}, "colours": {"widths": [4, 8, 8, 16], "grey": False}},
    "DenseBlockUNet": {"narrow": NARROW_UNET},
    "DilatedUNet": {"narrow": {"widths": [4, 8, 8, 16]}},
    "DoubleUNet": {"narrow": {**NARROW_VGG, "widths": [4, 8, 8, 16], "pyramid": 8}},
    "EFEN": {
        "narrow": EFEN_NARROW,
        "plain": {**EFEN_NARROW, "skip": "plain"},
        "single": {**EFEN_NARROW, "feature_reextraction": False},
    },
    "FANet": {
        **{gate: {**FANET_NARROW, "gate": gate} for gate in ("frozen", "straight_through", "soft", "none")},
        "text": {**FANET_NARROW, "excitation": "text"},
    },
    "FANetSeries": {"narrow": {**FANET_NARROW, "nets": 2}},
    "FCN": {f"{stride}s": {**NARROW_VGG, "hidden": 8, "dropout": 0.0, "stride": stride} for stride in (8, 16, 32)},
    "FCN16sAtrous": {"tiny": TINY_ENCODER, "keras": {**TINY_ENCODER, "batch_norm": "keras"}},
    "IterNet": {"narrow": {"width": 4}},
    "JointFCN16sAtrous": {"tiny": TINY_ENCODER},
    "LDNet": {"tiny": {**TINY_ENCODER, "widths": [8, 8, 8, 16], "channels": 8, "heads": 1, "hidden": 8}},
    "LeViTUNet": {
        "narrow": {
            **{"widths": [16, 24, 32], "heads": [1, 2, 2], "depths": [1, 1, 1], "key": 8},
            **{"decoder": [16, 8, 8], "drop_path": 0.0},
        }
    },
    "PatchClassifier": {"tiny": TINY_ENCODER, "flatten": {**TINY_ENCODER, "head": "flatten", "size": 32}},
    "Pix2Pix": {"narrow": {"width": 4, "depth": 4, "dropout": 0.0}},
    "PraNet": {"tiny": {**TINY_ENCODER, "channels": 8, "reverse": [16, 8]}},
    "R2UNet": {
        "narrow": NARROW_UNET,
        "attention": {**NARROW_UNET, "attention": True},
        "recurrent": {**NARROW_UNET, "residual": False},
        "residual": {**NARROW_UNET, "steps": 0},
    },
    "ResUNet": {"narrow": {"widths": [4, 8, 8, 16]}},
    "ResUNetPlusPlus": {"narrow": {"widths": [4, 8, 8, 16, 16]}},
    "SANet": {"tiny": {**TINY_ENCODER, "channels": 8}},
    "SSFormer": {"small": {"encoder": "mit_b0", "encoder_weights": None, "channels": 8, "dropout": 0.0}},
    "TorchvisionAlexNet": {"narrow": {"weights": None, "dropout": 0.0, "hidden": 16}},
    "TransFuse": {
        "narrow": {
            **{"encoder": "resnet18", "encoder_weights": None, "dropout": 0.0},
            **{"dim": 16, "depth": 1, "heads": 2},
        }
    },
    "TransUNet": {
        "narrow": {
            **{"widths": [128, 128, 128], "layers": [1, 1, 1], "dim": 16, "depth": 1, "heads": 2},
            "decoder": [8, 8, 8, 8, 8],
        }
    },
    "UACANet": {"tiny": {**TINY_ENCODER, "channels": 8}},
    "UNet": {"narrow": NARROW_UNET},
    "UNetPlusPlus": {"narrow": NARROW_UNET, "deep supervision": {**NARROW_UNET, "deep_supervision": True}},
}
"""Net -> case -> arguments, of which initialisation and outputs are computed; other nets have the case `DEFAULTS`."""

DEFAULTS: dict[str, Case] = {"defaults": {}}

FULL: dict[str, Case] = {"BSAN": {}, "EFEN": {"pretrained": False}, "FANet": {}, "FCN16sAtrous": RESNET50}
"""Net -> arguments of its published size, of which the initialisation alone is."""

LOSSES = (
    "polybench.losses.BCEDiceLoss",
    "polybench.losses.FocalStructureLoss",
    "polybench.losses.ProbabilityL1Loss",
    "polybench.losses.StructureLoss",
    "polybench.losses.TransFuseLoss",
    "polybench.losses.UACANetLoss",
    "polybench.models.fanet.FANetLoss",
)

SCHEDULES: dict[str, Case] = {
    "polybench.tasks.schedules.CosineThenFlat": {"epochs": 12},
    "polybench.tasks.schedules.LinearWarmup": {"steps": 12},
    "polybench.tasks.schedules.Poly": {"steps": 12, "warmup_steps": 3},
    "polybench.tasks.schedules.WarmupCosine": {"steps": 12, "warmup": 0.25},
}
"""Schedule -> arguments beside the optimizer."""


def net_golden(name: str) -> Golden:
    """Initialisation under a fixed seed, and outputs on fixed images in training mode."""
    cls = getattr(models, name)
    numbers = {}
    for case, arguments in NETS.get(name, DEFAULTS).items():
        net = _initialised(cls, arguments)
        numbers[f"initialisation, {case}"] = summary(_floats(net))
        numbers[f"outputs, {case}"] = summary(_outputs(net))
    if name in FULL:
        numbers["initialisation, full"] = summary(_floats(_initialised(cls, FULL[name])))
    return Golden(version_of(cls) or "none", numbers, {})


def _initialised(cls: Callable[..., nn.Module], arguments: Case) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return cls(**arguments).train()


def _floats(net: nn.Module) -> list[Tensor]:
    return [tensor for tensor in net.state_dict().values() if tensor.is_floating_point()]


def _outputs(net: nn.Module) -> list[Tensor]:
    shown = images(2, SIDES.get(type(net).__name__, 32))
    feedback = [masks(2, 32)] if isinstance(net, models.FANet | models.FANetSeries) else []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # what a net drops in training
        outputs = net(shown, *feedback)
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    classified = [net.classify(shown)] if isinstance(net, models.JointFCN16sAtrous) else []
    return [*(outputs if isinstance(outputs, list) else [outputs]), *classified]


def loss_golden(path: str) -> Golden:
    """Value and gradient, with a field of view and without."""
    cls = resolve(path)
    numbers = {}
    valid = masks(3, 16).roll(3, -1)
    for name, view in (("whole", torch.ones_like(valid)), ("field of view", valid)):
        predicted = logits(3, 16).requires_grad_()
        loss = _value(cls(), predicted, view)
        loss.backward()  # type: ignore[no-untyped-call]
        assert predicted.grad is not None
        numbers[name] = [rounded(float(loss))]
        numbers[f"gradient, {name}"] = summary([predicted.grad])
    return Golden(version_of(cls) or "none", numbers, {})


def _value(loss: nn.Module, predicted: Tensor, view: Tensor) -> Tensor:
    if form_of(loss) == "terms":  # of deep supervision, three outputs
        batch = {"mask": masks(3, 16), "valid": view}
        return torch.stack([*loss([predicted, predicted / 2, -predicted], batch).values()]).sum()
    value: Tensor = loss(predicted, masks(3, 16), view)
    return value


def policy_golden(name: str) -> Golden:
    """Images and masks of 64 drawn samples; those of each fixed variant where there are several."""
    policy = named_policy(name)
    numbers = {}
    for what, chosen in (("drawn", None), ("variants", list(range(len(policy.variants))))):
        n = 64 if chosen is None else len(chosen)
        keys: list[tuple[int | str, ...]] = [(0, k, f"image{k}") for k in range(n)]
        transform = policy.transform(keys, (24, 24), torch.device("cpu"), chosen)
        numbers[f"images, {what}"] = summary([transform.image(images(n, 24))])
        numbers[f"masks, {what}"] = summary([transform.mask(masks(n, 24))])
    return Golden(str(policy.version), numbers, {})


def schedule_golden(path: str) -> Golden:
    """The first 20 rates that it makes of 1."""
    cls = resolve(path)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = cls(optimizer, **SCHEDULES[path])
    rates = []
    for _ in range(20):
        rates.append(rounded(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return Golden(version_of(cls) or "none", {"rates": rates}, {})


ENTRIES: dict[str, Callable[[], Golden]] = {
    **{f"polybench.models.{name}": partial(net_golden, name) for name in models.__all__},
    **{path: partial(loss_golden, path) for path in LOSSES},
    **{path: partial(schedule_golden, path) for path in SCHEDULES},
    **{f"augmentation {name}": partial(policy_golden, name) for name in POLICY_NAMES},
}
"""Class -> its golden numbers."""
