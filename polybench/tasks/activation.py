"""Detection of nets that end in an activation, although the task and its loss apply a sigmoid themselves.

The sigmoid of a sigmoid lies between 0.50 and 0.73: every pixel is foreground, whatever the net has learnt.
"""

from collections.abc import Iterator

from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.autograd.graph import Node

from polybench.core.errors import ConfigError

ACTIVATIONS = {
    "Sigmoid": "a sigmoid",
    "Hardsigmoid": "a hard sigmoid",
    "LogSigmoid": "a log-sigmoid",
    "Softmax": "a softmax",
    "Tanh": "a tanh",
    "Relu": "a ReLU",
    "Softplus": "a softplus",
}
"""Operation at the end of a net, as autograd names it -> its name in messages."""

CLAMPS = {"Clamp": ("_saved_min", "_saved_max"), "Hardtanh": ("_saved_min_val", "_saved_max_val")}
"""Operation that bounds values -> the attributes of its bounds."""

PASSED = (
    *("Alias", "Clone", "ConstantPad", "Expand", "Flip", "Permute", "Reshape", "Select", "Slice", "Split", "Squeeze"),
    *("ToCopy", "Transpose", "Unsqueeze", "UnsafeView", "Upsample", "View"),
)
"""Operations that keep the range of an activation: they move or resize values, or change their type."""

UNBOUNDED = ("Add", "Convolution", "Mkldnn", "Mm", "NativeBatchNorm", "Sub")
"""Operations whose results are not probabilities: the usual last operations of a net."""

SPREAD = 0.05
"""Least range of values that counts; the logits of an untrained net may all lie near one value by chance."""


def refuse_activation(logits: object) -> None:
    """Refuse outputs that an activation has made, as far as their graph shows it.

    Args:
        logits: An output of a net, (N, C, ...); checked only where it is a tensor with a gradient.

    Raises:
        ConfigError: If it ends in an activation. A log-softmax over two classes is accepted: the difference of its
            channels is the logit.
    """
    if not isinstance(logits, Tensor):
        return
    for node in _last_operations(logits.grad_fn):
        name = _name(node)
        found = ACTIVATIONS.get(name)
        if name == "LogSoftmax" and logits.shape[1] == 1:
            found = "a log-softmax"
        if name in CLAMPS and _is_narrow(node, *CLAMPS[name]):
            found = "a clamp"
        if found is not None:
            raise ConfigError(
                f"The net ends in {found}, but the task applies a sigmoid itself: return logits instead (for a "
                "net of segmentation_models_pytorch leave out activation)."
            )


def warn_of_probabilities(logits: Tensor) -> None:
    """Warn if the logits of the first batch look like probabilities and their graph doesn't show the last operation.

    Args:
        logits: Logits of the batch, (N, 1, H, W).
    """
    operations = [_name(node) for node in _last_operations(logits.grad_fn)]
    if operations and operations[-1].startswith(UNBOUNDED):
        return
    least, most = (float(value) for value in logits.detach().aminmax())
    if least >= 0 and most <= 1 and most - least > SPREAD:
        rank_zero_warn(
            f"All logits of the first batch lie between {least:.2f} and {most:.2f}, as probabilities do: if the net "
            "ends in an activation, leave it out, since the task applies a sigmoid."
        )


def _last_operations(node: Node | None) -> Iterator[Node]:
    """Yield the operations behind a tensor, last one first, up to the first that may change its range."""
    while node is not None:
        yield node
        if not _name(node).startswith(PASSED) or not node.next_functions:
            return
        node = node.next_functions[0][0]


def _name(node: Node) -> str:
    return node.name().partition("Backward")[0].lstrip("_")


def _is_narrow(node: Node, lower: str, upper: str) -> bool:
    """Whether bounds exclude logits of one class, or confident logits."""
    least, most = getattr(node, lower, None), getattr(node, upper, None)
    low = float("-inf") if least is None else float(least)
    high = float("inf") if most is None else float(most)
    return low >= 0 or high <= 0 or (low >= -1 and high <= 1)
