"""Weight transfer: the backbone of one net takes the weights and batch-norm statistics that another net has learnt.

Paper: the first of the five, whose schemes carry a ResNet-50 between segmentation and patch classification. As there,
only the backbone travels: each stage begins with a new head and a new optimizer, and gives the backbone of the
checkpoint that validation chose. Deviation: keys must match exactly unless `strict` is switched off, where the
released code copies whatever layers share a name.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.table import Table
from torch import nn

from polybench.callbacks.selection import find_selection
from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.methods.transfer.donors import Donor, State, encoder_of, read_donor, write_encoder
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.strict import decode
from polybench.tasks.base import task_of, unwrapped
from polybench.tasks.lineage import LINEAGE

EXPORT = "encoder.safetensors"


class Match(NamedTuple):
    """Keys of donor and receiver compared.

    Attributes:
        matched: In both, of one shape.
        missing: In the receiver alone.
        unexpected: In the donor alone.
        misshaped: In both, with shapes `(donor, receiver)`.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]

    @property
    def share(self) -> float:
        """Share of the receiver's tensors that match."""
        return len(self.matched) / max(1, len(self.matched) + len(self.missing) + len(self.misshaped))


class TransferCallback(Callback):
    """Fills `net.encoder` before training, and leaves the trained backbone as `encoder.safetensors` after it.

    A run that is resumed keeps the weights of its checkpoint: nothing is transferred a second time, and the donor need
    no longer exist.

    Args:
        source: A checkpoint, a `.safetensors` file of this callback or of anyone's backbone, `imagenet`, or null for no
            transfer (a first stage, which only leaves its backbone).
        strict: Refuse any key that one side lacks and any that differs in shape; otherwise those are left out.
        min_match: Share of the receiver's tensors that must match, strict or not.

    Attributes:
        ancestors: Where the backbone comes from, oldest first; empty before a transfer, or without one.

    Raises:
        ConfigError: If `min_match` is no share. In `fit`, before the first step: if the net has no backbone, the source
            can't be read, or too little matches.
    """

    version: ClassVar[int] = 1
    start_arguments: ClassVar[tuple[str, ...]] = ("source",)
    """Arguments that say where start weights come from, whose identity stands in place of their text."""

    def __init__(self, source: str | None, strict: bool = True, min_match: float = 0.9) -> None:
        if not 0 < min_match <= 1:
            raise ConfigError(
                f"min_match is the share of tensors that must match, above 0 and up to 1, not {min_match}."
            )
        self.source = source
        self.strict = strict
        self.min_match = min_match
        self.ancestors: tuple[Ancestor, ...] = ()
        self.match: Match | None = None
        self._resumed = False

    def start_facts(self) -> StartFacts | None:
        """Describe the transfer; None where nothing was transferred in this process."""
        if self.match is None:
            return None
        return StartFacts(
            kind="backbone",
            source=self.ancestors[-1],
            matched=len(self.match.matched),
            missing=len(self.match.missing),
            unexpected=len(self.match.unexpected),
            misshaped=len(self.match.misshaped),
            share=self.match.share,
        )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: the ancestors."""
        return {"ancestors": [asdict(one) for one in self.ancestors]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a run: its weights have been transferred."""
        self.ancestors = tuple(decode(Ancestor, one) for one in state_dict["ancestors"])
        self._resumed = True

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Transfer; every process does the same."""
        net = unwrapped(task_of(pl_module).net)
        encoder = encoder_of(net)
        if self.source is None or self._resumed:
            return
        donor = read_donor(self.source, net)
        self.match = compare(donor.state, encoder.state_dict())
        if trainer.is_global_zero:
            Console().print(match_table(self.match, self.source))
        self._refuse(self.match)
        take(donor.state, encoder, self.match.matched)
        self.ancestors = donor.ancestors

    def _refuse(self, match: Match) -> None:
        wrong = {"missing": match.missing, "unexpected": match.unexpected, "of another shape": tuple(match.misshaped)}
        if match.share < self.min_match:
            raise ConfigError(
                f"'{self.source}' fits {100 * match.share:.1f} % of the backbone's tensors, less than min_match "
                f"{100 * self.min_match:.1f} %: give the donor of this net's own encoder."
            )
        if self.strict and any(wrong.values()):
            found = "; ".join(f"{len(keys)} {what} ('{keys[0]}' ...)" for what, keys in wrong.items() if keys)
            raise ConfigError(
                f"'{self.source}' is not the backbone of this net: {found}. Give a donor with the same encoder, or "
                "strict: false to leave these tensors as they are."
            )

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write the ancestors where every reader of a checkpoint finds them."""
        checkpoint[LINEAGE] = json.dumps([asdict(one) for one in self.ancestors])

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the backbone of the best checkpoint; where there is none, that of the last step."""
        if not trainer.is_global_zero or attributes_of(trainer).fast_dev_run:
            return
        net, selection = unwrapped(task_of(pl_module).net), find_selection(trainer)
        best = selection.best_model_path if selection is not None else ""
        folder = Path(best).parent if best else Path(trainer.default_root_dir)
        donor = read_donor(best, net) if best else Donor(encoder_of(net).state_dict(), self.ancestors)
        write_encoder(donor, folder / EXPORT)


def compare(donor: State, receiver: State) -> Match:
    """Compare the keys and shapes of two backbones."""
    shared = [key for key in receiver if key in donor]
    misshaped = {
        key: (tuple(donor[key].shape), tuple(receiver[key].shape))
        for key in shared
        if donor[key].shape != receiver[key].shape
    }
    return Match(
        matched=tuple(key for key in shared if key not in misshaped),
        missing=tuple(key for key in receiver if key not in donor),
        unexpected=tuple(key for key in donor if key not in receiver),
        misshaped=misshaped,
    )


def take(donor: State, receiver: nn.Module, keys: Sequence[str]) -> None:
    """Copy tensors into a backbone, in their place, so that optimizers and DDP keep what they hold."""
    state = receiver.state_dict(keep_vars=True)
    with torch.no_grad():
        for key in keys:
            state[key].copy_(donor[key])


def match_table(match: Match, source: str) -> Table:
    """What was compared, as a table for the terminal."""
    table = Table(title=f"Transfer from {source}: {100 * match.share:.1f} % of the backbone", title_justify="left")
    for name in ("tensors", "number", "first of them"):
        table.add_column(name)
    shapes = [f"{key} {donor} -> {receiver}" for key, (donor, receiver) in match.misshaped.items()]
    for name, keys in (
        ("matched", match.matched),
        ("missing in the donor", match.missing),
        ("unexpected in the donor", match.unexpected),
        ("of another shape", shapes),
    ):
        table.add_row(name, str(len(keys)), ", ".join(keys[:3]))
    return table
