"""Calling conventions of losses, told apart by the names of their parameters.

- `loss(outputs, batch)` returns a mapping from a term's name to a scalar; their sum is optimised, each term is logged.
- `loss(logits, mask, valid)` returns a scalar; `valid` is the field of view.
- `loss(logits, mask)`, under any parameter names, returns a scalar, as the losses of torch, kornia and
  segmentation_models_pytorch do; pixels outside the field of view then count.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError, UserError
from polybench.data.sample import Batch
from polybench.tasks.outputs import Outputs, logits_of

Form = Literal["terms", "valid", "plain"]

RESERVED = frozenset({"loss", "loss_step", "loss_epoch"})
"""Names under `train/` and `val/` that are reserved for the sum of the terms."""

HINTS = {
    r"between 0 and 1": "it takes probabilities, but nets return logits: use its variant for logits, such as "
    "torch.nn.BCEWithLogitsLoss",
    r"one_hot|LongTensor|Expected target size|not implemented for 'Float'|expected scalar type Long": "it takes class "
    "indices, but masks are 0 or 1 for one class: use its variant for binary masks, such as mode: binary",
}
"""Pattern of an error that a loss of another kind raises -> the advice for it."""


class Terms(NamedTuple):
    """A loss: the total that is optimised, and the named terms that are logged (none for a plain loss)."""

    total: Tensor
    named: Mapping[str, Tensor] = {}


def form_of(loss: nn.Module) -> Form:
    """Return how a loss is called.

    Raises:
        ConfigError: If it requires other arguments.
    """
    signature = inspect.signature(loss.forward)
    names = list(signature.parameters)
    if names[:2] == ["outputs", "batch"]:
        form: Form = "terms"
    else:
        form = "valid" if "valid" in names[2:] else "plain"
    try:
        signature.bind(None, None, **({"valid": None} if form == "valid" else {}))
    except TypeError as error:
        raise ConfigError(
            f"{type(loss).__name__}.forward({', '.join(names)}) can't be called ({error}): a loss takes "
            "(outputs, batch), (logits, mask, valid) or (logits, mask)."
        ) from error
    return form


def loss_terms(loss: nn.Module, form: Form, outputs: Outputs, batch: Batch, finest: bool = False) -> Terms:
    """Compute a loss.

    Args:
        loss: The loss.
        form: Its calling convention.
        outputs: The net's outputs, see `foreground_outputs`.
        batch: The batch.
        finest: Apply a plain loss to the finest logits only, as in validation; by default it is summed over a list.

    Raises:
        ConfigError: If the loss returns a value of the wrong type or shape.
    """
    if form == "terms":
        return _sum_of_terms(loss, loss(outputs, batch))
    logits = logits_of(outputs)[:1] if finest else logits_of(outputs)
    field = {"valid": batch["valid"]} if form == "valid" else {}
    losses = [loss(one, batch["mask"], **field) for one in logits]
    for value in losses:
        if isinstance(value, Mapping):
            raise ConfigError(f"{type(loss).__name__} returns a mapping: name its parameters (outputs, batch).")
        _refuse_no_scalar(value, f"{type(loss).__name__} returns")
    return Terms(torch.stack(losses).sum())


def _sum_of_terms(loss: nn.Module, terms: Any) -> Terms:
    name = type(loss).__name__
    if not isinstance(terms, Mapping) or not terms:
        what = "an empty mapping" if isinstance(terms, Mapping) else type(terms).__name__
        raise ConfigError(f"{name}(outputs, batch) returns {what}: return a mapping from term names to scalars.")
    for term, value in terms.items():
        if not isinstance(term, str) or not re.fullmatch(r"[A-Za-z_][\w-]*", term):
            raise ConfigError(f"{name} names a term {term!r}: use only letters, digits, - and _, since it is logged.")
        _refuse_no_scalar(value, f"The term '{term}' of {name} is")
    values = list(terms.values())
    return Terms(sum(values[1:], start=values[0]), dict(terms))


def _refuse_no_scalar(value: Any, subject: str) -> None:
    if not isinstance(value, Tensor):
        raise ConfigError(f"{subject} {type(value).__name__}, not a scalar tensor: return a tensor without dimensions.")
    if value.ndim:
        raise ConfigError(
            f"{subject} a tensor of shape {tuple(value.shape)}, not a scalar: average it, for example with "
            "reduction: mean."
        )


def refuse_names(loss: nn.Module, terms: Iterable[str], metrics: Iterable[str]) -> None:
    """Refuse terms that would be logged under the name of another value.

    Raises:
        ConfigError: If there is one.
    """
    taken = set(terms) & (RESERVED | set(metrics))
    if taken:
        term = min(taken)
        raise ConfigError(f"{type(loss).__name__} names a term '{term}', but val/{term} is taken: name it {term}_term.")


def explained_error(loss: nn.Module, outputs: Outputs, batch: Batch, error: Exception) -> ConfigError | None:
    """Explain an error that a loss raised in the first step; None where the loss is not the cause.

    Args:
        loss: The loss.
        outputs: Outputs that it was called with.
        batch: The batch.
        error: The exception that it raised.
    """
    if isinstance(error, UserError | torch.OutOfMemoryError | MemoryError):
        return None
    names = f"outputs {', '.join(outputs)}; " if isinstance(outputs, Mapping) else ""
    shapes = [tuple(one.shape) for one in logits_of(outputs)]
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".: ")
    hint = next((f": {hint}" for pattern, hint in HINTS.items() if re.search(pattern, str(error))), "")
    return ConfigError(
        f"{type(loss).__name__} can't be computed ({names}logits {', '.join(map(str, shapes))}, masks "
        f"{tuple(batch['mask'].shape)}): {reason}{hint}."
    )
