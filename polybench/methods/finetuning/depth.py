"""Layer-wise fine-tuning: the layers from a given one to the head are tuned, those before it stay as they are.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016, Table II. A tuned layer has the learning rate of the optimizer (0.001 in the paper), a new head ten times it
(0.01), biases twice that of their layer, and frozen layers 0. From scratch the head has the rate of the other layers.
The paper's equation multiplies the rate into the velocity, as Caffe does; torch's SGD multiplies it outside, which
differs only after the rate has changed.
"""

from collections.abc import Iterable
from typing import ClassVar

from torch import nn

from polybench.core.errors import ConfigError, did_you_mean
from polybench.methods.finetuning.layers import HEAD, layers_of
from polybench.models.initialisers import Initialiser, initialise
from polybench.models.pretrained import given
from polybench.tasks.parameter_groups import Group, ParameterGroups, bare, longest_prefix, net_name, unwrapped

SCRATCH = "scratch"
AUTO = "auto"


class LayerwiseTuning(ParameterGroups):
    """Parameter groups of a depth of fine-tuning, in the place of a task's `parameter_groups`.

    Frozen layers get no gradient and are not in the optimizer, and their batch norm stays in evaluation mode for the
    whole run. Dropout is used at every depth, as in Caffe.

    Args:
        depth: The first layer that is tuned: `head` for the head alone (a linear probe), the name of a layer, or
            `scratch` for all layers of a net with random weights. The layers of AlexNet are conv1 to fc8; those of an
            encoder of timm are its stages, such as `stem` and `blocks.0`; an unknown name lists them.
        head_factor: Factor of the learning rate of a new head; 1 from scratch.
        bias_factor: Factor of the learning rate of biases, times that of their layer.
        initialiser: From scratch, draw the start weights by `gaussian`, `xavier` or `msra`; null for the net's own.
        coarse: Divide nets of timm by stages; false for their blocks.
        no_decay_on_norms_and_biases: Exclude normalisation layers and biases from weight decay, as Caffe's AlexNet
            excludes biases.

    Raises:
        ConfigError: If a factor isn't above 0, or an initialiser stands beside another depth than `scratch`.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        depth: str,
        head_factor: float = 10.0,
        bias_factor: float = 2.0,
        initialiser: Initialiser | None = None,
        coarse: bool = True,
        no_decay_on_norms_and_biases: bool = True,
    ) -> None:
        super().__init__(no_decay_on_norms_and_biases=no_decay_on_norms_and_biases)
        if not min(head_factor, bias_factor) > 0 or max(head_factor, bias_factor) == float("inf"):
            raise ConfigError(f"head_factor and bias_factor must be above 0, not {head_factor} and {bias_factor}.")
        if depth == AUTO:
            raise ConfigError(
                "depth auto chooses among the runs of a study by their validation: run one with polybench finetune, or "
                "name a depth."
            )
        if initialiser is not None and depth != SCRATCH:
            raise ConfigError(f"initialiser {initialiser} draws start weights of depth scratch, not of {depth}.")
        self.depth = depth
        self.head_factor = 1.0 if depth == SCRATCH else head_factor
        self.bias_factor = bias_factor
        self.initialiser: Initialiser | None = initialiser
        self.coarse = coarse
        self.head: tuple[str, ...] = ()

    def apply(self, net: nn.Module) -> None:
        """Freeze the layers before the depth; from scratch, draw the start weights.

        Raises:
            ConfigError: If the net has no layer of that name, or `scratch` was asked of a net with pretrained weights.
        """
        layers = layers_of(net, self.coarse)
        names = list(layers)
        depth = {HEAD: names[-1], SCRATCH: names[0]}.get(self.depth, self.depth)
        if depth not in layers:
            known = [*reversed(names), *([] if HEAD in names else [HEAD]), SCRATCH]
            hint = did_you_mean(self.depth, known)
            raise ConfigError(f"{net_name(net)} has no depth '{self.depth}': it has {', '.join(known)}.{hint}")
        if self.depth == SCRATCH:
            self._start(net)
        self.head = tuple(layers[names[-1]])
        self.frozen = tuple(place for name in names[: names.index(depth)] for place in layers[name])
        super().apply(net)

    def _start(self, net: nn.Module) -> None:
        """Refuse pretrained weights, and draw those that were asked for.

        Raises:
            ConfigError: If a part of the net was given pretrained weights.
        """
        if any(given(part) is not None or hasattr(part, "start_source") for part in net.modules()):
            raise ConfigError(
                f"depth scratch trains {net_name(net)} from random weights, and it was given pretrained ones: set its "
                "encoder_weights (or weights) to null."
            )
        if self.initialiser is not None:
            initialise(unwrapped(net), self.initialiser)

    def groups(self, net: nn.Module, others: Iterable[nn.Parameter] = ()) -> list[Group]:
        """Sort trained parameters into tuned layers and the head, weights and biases apart.

        Args:
            net: The net.
            others: Parameters outside the net, such as those of a loss; they have the optimizer's own options.
        """
        found: dict[str, Group] = {}
        for group in super().groups(net, others):
            members = {id(one) for one in group.parameters}
            for name, parameter in net.named_parameters():
                if id(parameter) not in members:
                    continue
                members.remove(id(parameter))
                head, bias = bool(longest_prefix(bare(name), self.head)), name.rpartition(".")[2] == "bias"
                factor = (self.head_factor if head else 1.0) * (self.bias_factor if bias else 1.0)
                label = (HEAD if head else "tuned") + (", biases" if bias else "")
                label += "" if group.decays or bias else ", norms"
                found.setdefault(label, Group(label, factor, group.decays, [])).parameters.append(parameter)
            left = [one for one in group.parameters if id(one) in members]
            if left:
                found["others"] = Group("others", 1.0, True, left)
        return list(found.values())
