"""The section of a record on a fine-tuned classifier: how deep, on how much, and with which candidates."""

from lightning.pytorch import Trainer
from pydantic import JsonValue
from torch import nn

from polybench.callbacks.selection import find_selection
from polybench.core.trainer import attributes_of
from polybench.methods.finetuning.candidate_module import CandidateDataModule
from polybench.methods.finetuning.depth import LayerwiseTuning
from polybench.methods.finetuning.item_module import ItemDataModule
from polybench.methods.finetuning.snapshots import find_snapshots
from polybench.results.sections import Section
from polybench.tasks.parameter_groups import ParameterGroups

NAME = "finetuning"
"""Key of the section in a record."""


def tuning_facts(net: nn.Module, groups: ParameterGroups | None) -> dict[str, str]:
    """How deep a net was tuned, label -> text; empty without a depth."""
    if not isinstance(groups, LayerwiseTuning):
        return {}
    tuned = sum(one.numel() for one in net.parameters() if one.requires_grad)
    every = sum(one.numel() for one in net.parameters())
    drawn = f"; start weights drawn by {groups.initialiser}" if groups.initialiser else ""
    return {"Depth": f"{groups.depth}: {tuned:,} of {every:,} parameters tuned{drawn}"}


def section_of(net: nn.Module, groups: ParameterGroups | None, trainer: Trainer) -> Section | None:
    """Describe a run; None where nothing of it is of this method.

    Args:
        net: The net.
        groups: Its parameter groups.
        trainer: The trainer of the test, and of the training that came before it.
    """
    data: object = attributes_of(trainer).datamodule
    facts = tuning_facts(net, groups)
    values: dict[str, str | float | int] = {"depth": groups.depth} if isinstance(groups, LayerwiseTuning) else {}
    if isinstance(data, ItemDataModule):
        part, items = data.part, data.items("train")
        kept = "the split's own" if part.validation is None else f"{100 * part.validation:g} % of the training set"
        facts["Training set"] = f"{100 * part.share:g} % by {part.unit}, {len(items)} items; validation is {kept}"
        values |= {"share": part.share, "share_of": part.unit, "items": len(items)}
    if isinstance(data, CandidateDataModule) and data.listed is not None:
        facts |= {f"Candidates, {subset}": data.found(subset).sentence for subset in ("train", "val", "test")}
        proposed = ", ".join(f"{key} {text}" for key, text in data.listed.detector.items())
        facts["Proposed by"] = (
            f"a detector: {proposed}" if proposed else "no detector: boxes of objects and of background"
        )
        facts["Variants averaged in the test"] = f"{data.test_variants} of {data.variants}"
        values |= {"origin": data.listed.origin, "test_variants": data.test_variants}
    points = find_snapshots(trainer)
    if points:
        facts["Validation AUC"] = ", ".join(f"{area:.4f} after {batches}" for batches, area in points) + " mini-batches"
    if not facts:
        return None
    selection = find_selection(trainer)
    if selection is not None and selection.best_model_score is not None and selection.monitor is not None:
        best = float(selection.best_model_score)
        facts["Selected by"] = f"{selection.monitor} {best:.4f}"
        values |= {"monitor": selection.monitor, "validation": best}
    snapshots: list[JsonValue] = [list(point) for point in points]
    data_of_run: dict[str, JsonValue] = {**values, **({"snapshots": snapshots} if points else {})}
    return Section(title="Layer-wise fine-tuning", facts=facts, data=data_of_run)
