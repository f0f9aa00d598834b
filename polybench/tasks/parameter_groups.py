"""Parameter groups: learning rates by part of a net, frozen parts, no weight decay on norms and biases.

Papers: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?",
IEEE TMI 2016 (layer-wise fine-tuning); Howard and Ruder, "Universal Language Model Fine-tuning", ACL 2018 (a learning
rate for each layer). A part is named by its prefix in `net.named_parameters()`, whole components only: `encoder.layer1`
is neither `encoder.layer10` nor `encoder.layer1_bn`.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from polybench.core.errors import ConfigError

COMPILED = "_orig_mod."
"""Prefix that torch.compile adds to the parameter names of a net."""

NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass
class Group:
    """Parameters that are optimised with the same options.

    Attributes:
        name: Name of the group in the logs of the learning rate.
        factor: Factor of the optimizer's learning rate.
        decays: Whether the optimizer's weight decay applies.
        parameters: The parameters.
    """

    name: str
    factor: float
    decays: bool
    parameters: list[nn.Parameter]

    def options(self) -> dict[str, Any]:
        """Options of the group for the optimizer; its learning rate is set afterwards."""
        decay = {} if self.decays else {"weight_decay": 0.0}
        return {"params": self.parameters, "name": self.name, **decay}


class ParameterGroups:
    """Optimization of a net by parts; a part that no prefix names has the optimizer's own options.

    Args:
        factors: Prefix of parameter names -> factor of the learning rate; the longest matching prefix counts. None for
            1 everywhere.
        frozen: Prefixes whose parameters keep their values for the whole run: they get no gradient and are not in the
            optimizer, and batch norm among them stays in evaluation mode, so that its statistics don't change.
        no_decay_on_norms_and_biases: Exclude normalisation layers and biases from weight decay.

    Raises:
        ConfigError: If a factor isn't above 0, or applies to a frozen part.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        factors: dict[str, float] | None = None,
        frozen: list[str] | None = None,
        no_decay_on_norms_and_biases: bool = False,
    ) -> None:
        self.factors = dict(factors or {})
        self.frozen = tuple(frozen or ())
        self.no_decay = no_decay_on_norms_and_biases
        for prefix, factor in self.factors.items():
            if not 0 < factor < float("inf"):
                raise ConfigError(
                    f"The learning rate factor of '{prefix}' must be above 0, not {factor}: list frozen parts "
                    "under parameter_groups.frozen."
                )
            if outer := longest_prefix(prefix, self.frozen):
                raise ConfigError(
                    f"'{prefix}' has a learning rate factor and is frozen ('{outer}'): leave out one of the two."
                )

    def apply(self, net: nn.Module) -> None:
        """Freeze the frozen parts, after checking that each prefix matches a parameter.

        Raises:
            ConfigError: If a prefix matches no parameter, or every parameter is frozen.
        """
        names = [bare(name) for name, _ in net.named_parameters()]
        for prefix in (*self.factors, *self.frozen):
            if not any(below(name, prefix) for name in names):
                raise ConfigError(f"{net_name(net)} has no parameters under '{prefix}': {_nearest(prefix, names)}.")
        for name, parameter in net.named_parameters():
            if longest_prefix(bare(name), self.frozen):
                parameter.requires_grad_(False)
        if self.frozen and not any(parameter.requires_grad for parameter in net.parameters()):
            raise ConfigError(f"parameter_groups freezes every layer of {net_name(net)}: leave at least one to train.")
        self.keep_frozen_norms(net)

    def keep_frozen_norms(self, net: nn.Module) -> None:
        """Switch the batch norm of frozen parts to evaluation mode."""
        for name, module in net.named_modules():
            if isinstance(module, _NormBase) and longest_prefix(bare(name), self.frozen):
                module.eval()

    def groups(self, net: nn.Module, others: Iterable[nn.Parameter] = ()) -> list[Group]:
        """Sort trained parameters into groups, in the order of the net's parameters.

        Args:
            net: The net.
            others: Parameters outside the net, such as those of a loss; they have the optimizer's own options.
        """
        norms = _in_norms(net)
        found: dict[tuple[str, bool], Group] = {}

        def add(prefix: str, decays: bool, parameter: nn.Parameter) -> None:
            name = (prefix or "rest") + ("" if decays else ", no decay")
            group = found.setdefault((prefix, decays), Group(name, self.factors.get(prefix, 1.0), decays, []))
            group.parameters.append(parameter)

        for name, parameter in net.named_parameters():
            if parameter.requires_grad:
                spared = self.no_decay and (id(parameter) in norms or name.rpartition(".")[2] == "bias")
                add(longest_prefix(bare(name), self.factors), not spared, parameter)
        for parameter in others:
            add("", True, parameter)
        return list(found.values())


def bare(name: str) -> str:
    """Strip the prefix of torch.compile from a name."""
    return name.removeprefix(COMPILED)


def unwrapped(net: nn.Module) -> nn.Module:
    """Return a net without the wrapper of torch.compile."""
    inner: nn.Module = getattr(net, COMPILED.rstrip("."), net)
    return inner


def net_name(net: nn.Module) -> str:
    """Return the class name of a net, compiled or not."""
    return type(getattr(net, COMPILED.rstrip("."), net)).__name__


def below(name: str, prefix: str) -> bool:
    """Whether a name equals a prefix or begins with it and a dot."""
    return name == prefix or name.startswith(f"{prefix}.")


def longest_prefix(name: str, prefixes: Iterable[str]) -> str:
    """Return the longest prefix of a name; empty where none matches."""
    return max((prefix for prefix in prefixes if below(name, prefix)), key=len, default="")


def _in_norms(net: nn.Module) -> set[int]:
    """Ids of the parameters of normalisation layers, recognised by class name, which covers timm's."""
    norms = [module for module in net.modules() if isinstance(module, NORMS) or "Norm" in type(module).__name__]
    return {id(parameter) for module in norms for parameter in module.parameters(recurse=False)}


def _nearest(prefix: str, names: Iterable[str]) -> str:
    """Suggest parameter names for a prefix that matches none."""
    parts: dict[str, None] = {}
    for name in names:
        components = name.split(".")
        parts.update(dict.fromkeys(".".join(components[:k]) for k in range(1, len(components) + 1)))
    near = difflib.get_close_matches(prefix, list(parts), n=3, cutoff=0.5)
    top = [part for part in parts if "." not in part]
    return f"the nearest are {', '.join(near)}" if near else f"its parts are {', '.join(top)}"
