"""The classifier of a refinement, out of its checkpoint."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import Trainer
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.methods.refinement.refiner import RegionRefiner
from polybench.results.facts import Ancestor
from polybench.tasks import PatchClassificationTask
from polybench.tasks.checkpoint import AtomicCheckpointIO
from polybench.tasks.lineage import lineage_of
from polybench.tasks.loading import build_task, run_facts


class Classifier(NamedTuple):
    """A refiner made from a classifier's checkpoint.

    Attributes:
        refiner: Refines one image.
        lineage: The checkpoint and where its backbone came from, oldest first, the checkpoint last.
    """

    refiner: RegionRefiner
    lineage: tuple[Ancestor, ...]


def load_classifier(path: str, trainer: Trainer) -> Classifier:
    """Load a classifier on the device and at the precision of a trainer.

    Raises:
        ConfigError: If the file is no checkpoint of a patch classifier, or its classes can't be built.
    """
    if Path(path).suffix == ".safetensors":
        raise ConfigError(f"'{path}' is a backbone alone: give --refine the checkpoint of a classifier, best.ckpt.")
    saved = AtomicCheckpointIO().load_checkpoint(path)
    facts = _facts(saved, path)
    device = trainer.strategy.root_device
    classify = _classify(_task(saved, path).eval().to(device), trainer.precision_plugin.forward_context)
    refiner = RegionRefiner(classify, int(facts["size"][0]), device, margin=float(facts.get("margin", 0.0)))
    return Classifier(refiner, lineage_of(saved, Path(path)))


def _facts(saved: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The entry of a classifier's checkpoint on its run.

    Raises:
        ConfigError: If it is of another task, or there is none.
    """
    facts = run_facts(saved, path)
    task = (facts.get("origin") or {}).get("task")
    if task not in (None, PatchClassificationTask.kind):
        raise ConfigError(
            f"'{path}' is the checkpoint of a {task}: give --refine that of a patch classifier, such as "
            "conf/patches_kvasir_seg.yaml trains."
        )
    return facts


def _task(saved: Mapping[str, Any], path: str) -> PatchClassificationTask:
    """Build a classifier and give it its weights.

    Raises:
        ConfigError: If its class can't be built, or is no classifier, or the weights belong to another.
    """
    task = build_task(saved, path)
    if not isinstance(task, PatchClassificationTask):
        raise ConfigError(f"'{path}' holds a {type(task).__name__}: give --refine the checkpoint of a classifier.")
    return task


def _classify(task: PatchClassificationTask, context: Callable[[], Any]) -> Callable[[Tensor], Tensor]:
    """Probabilities (N,) of patches (N, 3, S, S), at the trainer's precision."""

    def classify(patches: Tensor) -> Tensor:
        with context():
            return task.predict_probability(patches)

    return classify
