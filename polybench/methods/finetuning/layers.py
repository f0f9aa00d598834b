"""The layers of a net by name, from the image to its head, for learning rates by depth.

A net says itself what its layers are (`layers`), or its encoder is divided: one of timm by timm's own grouping, any
other by its children. Everything outside the encoder is the `head`: of a classifier its last layer, of a segmentation
net its decoder and its last layer.
"""

import re
from collections.abc import Iterable, Mapping
from typing import cast

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from polybench.core.errors import ConfigError
from polybench.tasks.parameter_groups import below, net_name, unwrapped

HEAD = "head"
STEM = "stem"

Layers = dict[str, list[str]]
"""Layer -> names of its modules, or of its parameters where a module is divided."""


def layers_of(net: nn.Module, coarse: bool = True) -> Layers:
    """Name the layers of a net, from the image to the head.

    Args:
        net: The net; one of torch.compile is looked into.
        coarse: Divide a net of timm by stages; by blocks otherwise.

    Returns:
        Layer -> names of modules and parameters; each parameter, and each batch norm, is below exactly one of them.

    Raises:
        ConfigError: If the net has no parameters, or a part that the head alone consists of.

    Example:
        >>> from polybench.models import AlexNet
        >>> list(layers_of(AlexNet(widths=(4, 4, 4, 4, 4, 8, 8))))
        ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8']
    """
    net = unwrapped(net)
    names = [name for name, _ in net.named_parameters()]
    if not names:
        raise ConfigError(f"{net_name(net)} has no parameters, so that no layer of it can be tuned.")
    groups = _stated(net, names) or _of_encoder(net, names, coarse) or _of_classifier(net, names, coarse)
    if len(groups) < 2:
        raise ConfigError(f"{net_name(net)} has one layer only: leave out depth.")
    return {layer: _places(net, members) for layer, members in groups.items()}


def _stated(net: nn.Module, names: Iterable[str]) -> dict[str, list[str]]:
    """Parameters by the layers that the net names itself."""
    stated = getattr(net, "layers", None)
    if not isinstance(stated, Mapping) or isinstance(stated, nn.Module):
        return {}
    found = {
        layer: [name for name in names if any(below(name, one) for one in prefixes)]
        for layer, prefixes in cast(Mapping[str, tuple[str, ...]], stated).items()
    }
    missing = set(names) - {name for members in found.values() for name in members}
    if missing or not all(found.values()):
        raise ConfigError(
            f"layers of {net_name(net)} must name every parameter and nothing else: add {sorted(missing)}."
        )
    return found


def _of_encoder(net: nn.Module, names: Iterable[str], coarse: bool) -> dict[str, list[str]]:
    """Parameters of a net with an encoder: the encoder's layers, then the head."""
    encoder = getattr(net, "encoder", None)
    if not isinstance(encoder, nn.Module):
        return {}
    inside = {layer: [f"encoder.{name}" for name in members] for layer, members in _divided(encoder, coarse).items()}
    head = [name for name in names if not below(name, "encoder")]
    return {**inside, HEAD: head} if head else {}


def _of_classifier(net: nn.Module, names: list[str], coarse: bool) -> dict[str, list[str]]:
    """Parameters of a net without an encoder, whose last layer is the head."""
    found = _divided(net, coarse)
    classifier = getattr(net, "get_classifier", None)
    new = classifier() if callable(classifier) else None
    own = {id(parameter) for parameter in new.parameters()} if isinstance(new, nn.Module) else set()
    head = [name for name, parameter in net.named_parameters() if id(parameter) in own]
    if not head:
        *before, last = found.items()
        return {**dict(before), HEAD: last[1]}
    rest = {layer: [name for name in members if name not in head] for layer, members in found.items()}
    return {**{layer if layer != HEAD else _name(one): one for layer, one in rest.items() if one}, HEAD: head}


def _divided(part: nn.Module, coarse: bool) -> dict[str, list[str]]:
    """Parameters of an encoder or a whole net by layers, in their order."""
    whole = _of_timm(part)
    if whole is None:
        return _by_children(part, "")
    from timm.models import group_parameters  # a second that other nets don't wait for

    by_plain = {name if whole is part else _plain(name, whole): name for name, _ in part.named_parameters()}
    groups = group_parameters(whole, whole.group_matcher(coarse=coarse))  # type: ignore[operator]
    members = [[name for name in groups[place] if name in by_plain] for place in sorted(groups)]
    members = [one for one in members if one]
    tries = ([STEM, *(name(one) for one in members[1:])] for name in (_numbered, _name))
    numbers = [f"layer{place}" for place in range(len(members))]
    names = next((found for found in tries if len(set(found)) == len(members)), numbers)
    return {name: [by_plain[one] for one in found] for name, found in zip(names, members, strict=True)}


def _of_timm(part: nn.Module) -> nn.Module | None:
    """The net of timm, with its own grouping, that a part is, or is an encoder from; None of any other."""
    if callable(getattr(part, "group_matcher", None)):
        return part
    settings = getattr(getattr(part, "model", None), "default_cfg", None)  # of an encoder of timm in SMP
    if not isinstance(settings, Mapping) or not settings.get("architecture"):
        return None
    import timm
    import torch

    with torch.device("meta"):
        whole: nn.Module = timm.create_model(settings["architecture"])
    return whole if callable(getattr(whole, "group_matcher", None)) else None


def _plain(name: str, whole: nn.Module) -> str:
    """The name that a parameter of an encoder has in the whole net, of which timm flattens some places."""
    bare = name.removeprefix("model.")
    known = {one for one, _ in whole.named_parameters()}
    return bare if bare in known else re.sub(r"^([A-Za-z]\w*?)_(\d+)\.", r"\1.\2.", bare)


def _by_children(part: nn.Module, prefix: str) -> dict[str, list[str]]:
    """Parameters by the children of a module; norms belong to the layer before, and a single child is looked into."""
    children = [(name, child) for name, child in part.named_children() if any(True for _ in child.parameters())]
    if len(children) == 1 and not list(part.parameters(recurse=False)):
        name, child = children[0]
        return (
            _by_children(child, f"{prefix}{name}.") if list(child.children()) else {name: _below(child, prefix + name)}
        )
    found: dict[str, list[str]] = {}
    own = [f"{prefix}{name}" for name, _ in part.named_parameters(recurse=False)]
    for name, child in children:
        members = _below(child, f"{prefix}{name}")
        if isinstance(child, nn.ModuleList):
            found |= _by_children(child, f"{prefix}{name}.")
        elif found and "Norm" in type(child).__name__:
            found[list(found)[-1]] += members
        else:
            found[f"{prefix}{name}"] = members
    if own and found:
        found[next(iter(found))] += own
    return found or {STEM: own}


def _below(part: nn.Module, path: str) -> list[str]:
    return [f"{path}.{name}" for name, _ in part.named_parameters()]


def _name(members: list[str]) -> str:
    """What the names of a layer's parameters have in common, such as `blocks.3`; of several parts the first counts."""
    parts = [name.split(".") for name in members if name.split(".")[0] == members[0].split(".")[0]]
    shared = []
    for same in zip(*(part[:-1] or part for part in parts), strict=False):
        if len(set(same)) > 1:
            break
        shared.append(same[0])
    return ".".join(shared) or parts[0][0]


def _numbered(members: list[str]) -> str:
    """The common name of a layer's parameters up to its first number: `blocks.6` for `blocks.6.0`."""
    numbered = re.match(r"\D*\d+(?=\.|$)", _name(members))
    return numbered[0] if numbered else _name(members)


def _places(net: nn.Module, members: Iterable[str]) -> list[str]:
    """Names of the modules that a layer consists of, or of its parameters where another layer has some of a module."""
    inside, found = set(members), dict[str, None]()
    before = False  # whether the module before is of this layer, to which a norm without parameters belongs
    for path, module in net.named_modules():
        own = [f"{path}.{name}" if path else name for name, _ in module.named_parameters(recurse=False)]
        if own:
            before = own[0] in inside
            whole = path and all(f"{path}.{name}" in inside for name, _ in module.named_parameters())
            found |= dict.fromkeys([path] if whole else [name for name in own if name in inside])
        elif before and isinstance(module, _NormBase):
            found[path] = None
    return list(found)
