"""How a loss is called, by the names of its parameters, and what it gives.

- `loss(outputs, batch)` gives a mapping from a term's name to a scalar; their sum is optimised, each term is logged.
- `loss(logits, mask, valid)` gives a scalar; `valid` is the field of view.
- `loss(logits, mask)`, whatever both are called, gives a scalar, as the losses of torch, kornia and
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
"""Names under `train/` and `val/` that the sum of the terms has."""

OTHER_FORM = {
    r"between 0 and 1": "it takes probabilities, and a net gives logits: take its form for logits, such as "
    "torch.nn.BCEWithLogitsLoss",
    r"one_hot|LongTensor|Expected target size|not implemented for 'Float'|expected scalar type Long": "it takes class "
    "indices, and masks are 0 or 1 for one class: take its form for binary masks, such as mode: binary",
}
"""What a loss of another kind says of logits and masks -> what to take instead."""


class Terms(NamedTuple):
    """A loss: the scalar that is optimised, and the terms that are logged beside it (none of a plain loss)."""

    total: Tensor
    named: Mapping[str, Tensor] = {}


def form_of(loss: nn.Module) -> Form:
    """How a loss is to be called.

    Raises:
        ConfigError: If it needs something else than polybench has.
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
        form: How it is called.
        outputs: The net's outputs, see `foreground_outputs`.
        batch: What they are outputs of.
        finest: Let a plain loss see the finest logits alone, as in validation; it is otherwise summed over a list.

    Raises:
        ConfigError: If the loss gives something else than it should.
    """
    if form == "terms":
        return _sum_of_terms(loss, loss(outputs, batch))
    logits = logits_of(outputs)[:1] if finest else logits_of(outputs)
    field = {"valid": batch["valid"]} if form == "valid" else {}
    losses = [loss(one, batch["mask"], **field) for one in logits]
    for value in losses:
        if isinstance(value, Mapping):
            raise ConfigError(f"{type(loss).__name__} gives a mapping: name its parameters (outputs, batch).")
        _refuse_no_scalar(value, f"{type(loss).__name__} gives")
    return Terms(torch.stack(losses).sum())


def _sum_of_terms(loss: nn.Module, terms: Any) -> Terms:
    name = type(loss).__name__
    if not isinstance(terms, Mapping) or not terms:
        what = "an empty mapping" if isinstance(terms, Mapping) else type(terms).__name__
        raise ConfigError(f"{name}(outputs, batch) gives {what}: give a mapping from each term's name to its scalar.")
    for term, value in terms.items():
        if not isinstance(term, str) or not re.fullmatch(r"[A-Za-z_][\w-]*", term):
            raise ConfigError(f"{name} calls a term {term!r}: use letters, digits, - and _, since it is logged.")
        _refuse_no_scalar(value, f"The term '{term}' of {name} is")
    values = list(terms.values())
    return Terms(sum(values[1:], start=values[0]), dict(terms))


def _refuse_no_scalar(value: Any, subject: str) -> None:
    if not isinstance(value, Tensor):
        raise ConfigError(f"{subject} {type(value).__name__}, where a tensor without dimensions is due.")
    if value.ndim:
        raise ConfigError(
            f"{subject} a tensor of shape {tuple(value.shape)}, not a scalar: average it, as losses do with "
            "reduction: mean."
        )


def refuse_names(loss: nn.Module, terms: Iterable[str], metrics: Iterable[str]) -> None:
    """Refuse terms that would be logged under the name of something else.

    Raises:
        ConfigError: If there is one.
    """
    taken = set(terms) & (RESERVED | set(metrics))
    if taken:
        term = min(taken)
        raise ConfigError(
            f"{type(loss).__name__} calls a term '{term}', and val/{term} is something else: call it {term}_term."
        )


def unfit(loss: nn.Module, outputs: Outputs, batch: Batch, error: Exception) -> ConfigError | None:
    """The sentence for what a loss raises in the first step; None where it isn't the loss's fault.

    Args:
        loss: The loss.
        outputs: What it was given.
        batch: The batch.
        error: What it raised.
    """
    if isinstance(error, UserError | torch.OutOfMemoryError | MemoryError):
        return None
    names = f"outputs {', '.join(outputs)}; " if isinstance(outputs, Mapping) else ""
    shapes = [tuple(one.shape) for one in logits_of(outputs)]
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(".: ")
    hint = next((f": {hint}" for pattern, hint in OTHER_FORM.items() if re.search(pattern, str(error))), "")
    return ConfigError(
        f"{type(loss).__name__} can't be computed ({names}logits {', '.join(map(str, shapes))}, masks "
        f"{tuple(batch['mask'].shape)}): {reason}{hint}."
    )
