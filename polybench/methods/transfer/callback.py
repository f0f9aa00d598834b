"""Weight transfer: the encoder of a net starts from the weights and batch-norm statistics of another net's encoder.

Paper: the first of the five, whose schemes carry a ResNet-50 between segmentation and patch classification. As there,
only the encoder is transferred: each stage starts with a new head and a new optimizer, and exports the encoder of the
checkpoint that validation chose. Deviation: keys must match exactly unless `strict` is switched off, where the
released code copies whatever layers share a name.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from torch import nn

from polybench.callbacks.selection import find_selection
from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.methods.transfer.match import Match, State, compare, copy_tensors, match_table, section_of, side_by_side
from polybench.methods.transfer.sources import Source, encoder_of, read_source, write_encoder
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.sections import Section
from polybench.results.start import share_text, source_name
from polybench.results.strict import decode
from polybench.tasks.base import task_of
from polybench.tasks.lineage import LINEAGE
from polybench.tasks.parameter_groups import unwrapped

EXPORT = "encoder.safetensors"


class TransferCallback(Callback):
    """Fills `net.encoder` before training, and exports the trained encoder as `encoder.safetensors` after it.

    A run that is resumed keeps the weights of its checkpoint: nothing is transferred a second time, and the source need
    no longer exist.

    A source is `imagenet`, or a file of polybench or of another program, `.safetensors` or written by `torch.save`
    (`.ckpt`, `.pt`, `.pth`, `.bin`). Weights may lie in a container (`state_dict`, `model`, ... see `CONTAINERS` in
    `readings`) and behind the names of modules (`module.model.encoder.`). A classifier's head and other parts of the
    source's net are ignored, which the terminal and the record say; half precision is converted:

    ```sh
    fit="polybench fit --config conf/fcn16s_kvasir_seg.yaml --model.net.encoder_weights null
      --trainer.callbacks+ TransferCallback --trainer.callbacks.source"
    $fit RUN/checkpoints/encoder.safetensors  # of a run of polybench, as is best.ckpt in the same folder
    $fit resnet50-0676ba61.pth                # torchvision: a file of its hub, or torch.save(net.state_dict(), ...)
    $fit model.safetensors                    # timm: a file of its hub, or safetensors.torch.save_file
    $fit unet.pth                             # segmentation_models_pytorch: torch.save(unet.state_dict(), "unet.pth")
    $fit deeplab.pth                          # torchvision: {"model": {"backbone...", "classifier..."}}
    $fit last.ckpt                            # Lightning or DDP: {"state_dict": {"model.encoder..."}}, "module..."
    $fit imagenet                             # those that segmentation_models_pytorch has for the encoder
    ```

    A file with several encoders that match almost equally, such as a student and a teacher, or weights and their moving
    average, is refused unless `prefix` names one; which were not taken is said (the rule is that of `readings`).

    EFEN and its baseline take `--model.net.pretrained false` in place of `encoder_weights`. A foreign file is known by
    its sha256.

    Args:
        source: `imagenet`, a file, or null for no transfer (a first stage, which only exports its encoder).
        strict: Refuse any key that one side lacks and any that differs in shape; otherwise those are left out.
        min_match: Share of the target's tensors that must match, strict or not.
        prefix: Place of the encoder in a file that holds several, its modules with their container or without, such as
            `ema.` or `state_dict.teacher.backbone.`; null to look for it.

    Attributes:
        ancestors: The runs that the encoder descends from, oldest first; empty before a transfer, or without one.
        match: The comparison of keys; None before a transfer, without one, and in a resumed run.

    Raises:
        ConfigError: If `min_match` is no share. In `fit`, before any data is read: if the net has no encoder, or the
            source can't be read or matches too little.
    """

    version: ClassVar[int] = 1
    start_arguments: ClassVar[tuple[str, ...]] = ("source",)
    """Arguments that name the source of start weights, whose identity stands in place of their text."""

    def __init__(
        self, source: str | None, strict: bool = True, min_match: float = 0.9, prefix: str | None = None
    ) -> None:
        if not 0 < min_match <= 1:
            raise ConfigError(
                f"min_match is the share of tensors that must match, above 0 and up to 1, not {min_match}."
            )
        self.source = source
        self.strict = strict
        self.min_match = min_match
        self.prefix = prefix
        self.ancestors: tuple[Ancestor, ...] = ()
        self.match: Match | None = None
        self._read: tuple[Source, Match] | None = None
        self._section: Section | None = None
        self._resumed = False

    def check_start(self, module: LightningModule) -> None:
        """Read the source and compare it with the net, before any data is read.

        Raises:
            ConfigError: If the net has no encoder, the source can't be read, or too little matches.
        """
        net = unwrapped(task_of(module).net)
        self._read = self._compared(net, encoder_of(net))

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

    def sections(self) -> Mapping[str, Section]:
        """Which tensors were transferred, in a run that was resumed too; empty where none were."""
        return {} if self._section is None else {"transfer": self._section}

    def state_dict(self) -> dict[str, Any]:
        """Ancestors and section, for checkpoints."""
        section = None if self._section is None else self._section.model_dump_json()
        return {"ancestors": [asdict(one) for one in self.ancestors], "section": section}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a run whose weights have been transferred; checkpoints of earlier versions have no section."""
        self.ancestors = tuple(decode(Ancestor, one) for one in state_dict["ancestors"])
        text = state_dict.get("section")
        self._section = Section.model_validate_json(text) if text else None
        self._resumed = True

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Transfer; every process does the same."""
        net = unwrapped(task_of(pl_module).net)
        encoder = encoder_of(net)
        compared = None if self._resumed else self._read or self._compared(net, encoder)
        self._read = None
        if compared is None:
            return
        source, self.match = compared
        if trainer.is_global_zero:
            Console().print(match_table(self.match, str(self.source)))
            print(f"Transferred {self.match.in_words}.")
            for label, text in source.facts.items():
                print(f"{label}: {text}.")
        copy_tensors(source.state, encoder, self.match.matched)
        self.ancestors = source.ancestors
        self._section = section_of(self.match, source_name(source.ancestors[-1]), source.facts)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write the ancestors where every reader of a checkpoint finds them."""
        checkpoint[LINEAGE] = json.dumps([asdict(one) for one in self.ancestors])

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Export the encoder of the best checkpoint; where there is none, that of the last step."""
        if not trainer.is_global_zero or attributes_of(trainer).fast_dev_run:
            return
        net, selection = unwrapped(task_of(pl_module).net), find_selection(trainer)
        best = selection.best_model_path if selection is not None else ""
        folder = Path(best).parent if best else Path(trainer.default_root_dir)
        trained = read_source(best, net) if best else Source(encoder_of(net).state_dict(), self.ancestors)
        write_encoder(trained, folder / EXPORT)

    def _compared(self, net: nn.Module, encoder: nn.Module) -> tuple[Source, Match] | None:
        """Read the source and compare it with the encoder; None without a source.

        Raises:
            ConfigError: If it can't be read, or too little matches.
        """
        if self.source is None:
            return None
        source = read_source(self.source, net, self.prefix)
        target = {key: value for key, value in encoder.state_dict().items() if key not in source.absent}
        match = compare(source.state, target)
        self._refuse(match, source.state, target)
        return source, match

    def _refuse(self, match: Match, source: State, target: State) -> None:
        """Refuse a source that doesn't match.

        Raises:
            ConfigError: If too few tensors match, or, when `strict`, not all of both sides.
        """
        wrong = {"missing": match.missing, "unexpected": match.unexpected, "of another shape": tuple(match.misshaped)}
        found = "; ".join(f"{len(keys)} {what} ('{keys[0]}' first)" for what, keys in wrong.items() if keys)
        if match.share < self.min_match:
            least = math.floor(1000 * match.share) / 1000 or match.share
            partial = (
                f", or accept a partial match with strict: false and min_match: {least:g}" if match.matched else ""
            )
            raise ConfigError(
                f"'{self.source}' matches {match.in_words}, less than min_match {share_text(self.min_match)}: {found}. "
                f"Give a source with the same encoder{partial} (options of TransferCallback). The first tensors that "
                "one side alone has are\n"
                f"{side_by_side(source, match.unexpected, target, match.missing)}"
            )
        if self.strict and found:
            raise ConfigError(
                f"'{self.source}' is not the encoder of this net; it matches {match.in_words}: {found}. Give a source "
                "with the same encoder, or accept a partial match with strict: false (an option of TransferCallback), "
                "which leaves these tensors as they are."
            )
