"""Import paths of earlier versions, which go on working: in Python, in class paths of configurations, in checkpoints.

`install` adds a finder to `sys.meta_path` that serves a moved module under its earlier name, with the same objects.
Identities of runs use the path under which a class was first published (`first_path`), so that moving a class
changes no `training_id`.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MODULES: Mapping[str, str] = {
    "polybench.atomic": "polybench.core.atomic",
    "polybench.callbacks.checkpoint": "polybench.tasks.checkpoint",
    "polybench.callbacks.donors": "polybench.methods.transfer.sources",
    "polybench.callbacks.refinement": "polybench.methods.refinement.callback",
    "polybench.callbacks.transfer": "polybench.methods.transfer.callback",
    "polybench.callbacks.weights": "polybench.tasks.weights",
    "polybench.checksum": "polybench.core.checksum",
    "polybench.cli.score_memory": "polybench.scoring.memory",
    "polybench.cli.score_names": "polybench.scoring.names",
    "polybench.cli.truth": "polybench.scoring.truth",
    "polybench.data.audit": "polybench.curation.audit",
    "polybench.data.audit_report": "polybench.curation.audit_report",
    "polybench.data.download": "polybench.curation.download",
    "polybench.data.duplicates": "polybench.curation.duplicates",
    "polybench.data.extract": "polybench.curation.extract",
    "polybench.data.inspection": "polybench.curation.inspection",
    "polybench.data.integrity": "polybench.curation.integrity",
    "polybench.data.joint_module": "polybench.methods.transfer.joint_module",
    "polybench.data.make_split": "polybench.curation.make_split",
    "polybench.data.predictions": "polybench.scoring.predictions",
    "polybench.data.verify": "polybench.curation.verify",
    "polybench.datasets.synth": "polybench.synth",
    "polybench.datasets.synth.brush": "polybench.synth.brush",
    "polybench.datasets.synth.clinicdb": "polybench.synth.clinicdb",
    "polybench.datasets.synth.dataset": "polybench.synth.dataset",
    "polybench.datasets.synth.files": "polybench.synth.files",
    "polybench.datasets.synth.frames": "polybench.synth.frames",
    "polybench.datasets.synth.kvasir": "polybench.synth.kvasir",
    "polybench.datasets.synth.layouts": "polybench.synth.layouts",
    "polybench.datasets.synth.lesions": "polybench.synth.lesions",
    "polybench.datasets.synth.lesions_render": "polybench.synth.lesions_render",
    "polybench.datasets.synth.lesions_scene": "polybench.synth.lesions_scene",
    "polybench.datasets.synth.membranes": "polybench.synth.membranes",
    "polybench.datasets.synth.noise": "polybench.synth.noise",
    "polybench.datasets.synth.nuclei": "polybench.synth.nuclei",
    "polybench.datasets.synth.pairs": "polybench.synth.pairs",
    "polybench.datasets.synth.polyps": "polybench.synth.polyps",
    "polybench.datasets.synth.polyps_render": "polybench.synth.polyps_render",
    "polybench.datasets.synth.polyps_scene": "polybench.synth.polyps_scene",
    "polybench.datasets.synth.vessels": "polybench.synth.vessels",
    "polybench.datasets.synth.vessels_look": "polybench.synth.vessels_appearance",
    "polybench.datasets.synth.vessels_render": "polybench.synth.vessels_render",
    "polybench.datasets.synth.vessels_scene": "polybench.synth.vessels_scene",
    "polybench.datasets.synth.whole_folder": "polybench.synth.whole_folder",
    "polybench.datasets.synth.writers": "polybench.synth.writers",
    "polybench.disk": "polybench.core.disk",
    "polybench.errors": "polybench.core.errors",
    "polybench.experiments.own_code": "polybench.core.own_code",
    "polybench.experiments.words": "polybench.experiments.argv",
    "polybench.feedback": "polybench.methods.feedback",
    "polybench.feedback.bank": "polybench.methods.feedback.bank",
    "polybench.feedback.codec": "polybench.methods.feedback.codec",
    "polybench.feedback.curve": "polybench.methods.feedback.curve",
    "polybench.feedback.otsu": "polybench.methods.feedback.otsu",
    "polybench.feedback.picture": "polybench.methods.feedback.picture",
    "polybench.feedback.pruning": "polybench.methods.feedback.pruning",
    "polybench.leftovers": "polybench.core.leftovers",
    "polybench.metrics.boundary": "polybench.metrics.measures.boundary",
    "polybench.metrics.classification": "polybench.metrics.measures.classification",
    "polybench.metrics.folder": "polybench.scoring.folder",
    "polybench.metrics.froc": "polybench.metrics.measures.froc",
    "polybench.metrics.histograms": "polybench.metrics.measures.histograms",
    "polybench.metrics.instances": "polybench.metrics.measures.instances",
    "polybench.metrics.labels": "polybench.metrics.measures.labels",
    "polybench.metrics.membranes": "polybench.metrics.measures.membranes",
    "polybench.metrics.objects": "polybench.metrics.measures.objects",
    "polybench.metrics.structure": "polybench.metrics.measures.structure",
    "polybench.metrics.weighted_f": "polybench.metrics.measures.weighted_f",
    "polybench.randomness": "polybench.core.randomness",
    "polybench.refinement": "polybench.methods.refinement",
    "polybench.refinement.refiner": "polybench.methods.refinement.refiner",
    "polybench.refinement.regions": "polybench.methods.refinement.regions",
    "polybench.refinement.table": "polybench.methods.refinement.table",
    "polybench.refinement.thresholds": "polybench.methods.refinement.thresholds",
    "polybench.refinement.timing": "polybench.methods.refinement.timing",
    "polybench.results.format": "polybench.results.render.markdown",
    "polybench.tasks.feedback": "polybench.methods.feedback.task",
    "polybench.tasks.joint": "polybench.methods.transfer.joint_task",
    "polybench.wording": "polybench.core.wording",
}
"""Earlier name of a module -> its name now."""

NAMES: Mapping[str, Mapping[str, str]] = {
    "polybench.callbacks": {"TransferCallback": "polybench.methods.transfer"},
    "polybench.tasks": {
        "FeedbackSegmentationTask": "polybench.methods.feedback",
        "JointTask": "polybench.methods.transfer",
    },
}
"""Package -> a name that it exported earlier -> the package that exports it now."""

FIRST_PATHS: Mapping[str, str] = {
    **{f"{now}.{name}": f"{package}.{name}" for package, names in NAMES.items() for name, now in names.items()},
    "polybench.methods.transfer.JointDataModule": "polybench.data.joint_module.JointDataModule",
    "polybench.methods.refinement.RefinementCallback": "polybench.callbacks.refinement.RefinementCallback",
}
"""Import path of a class -> the path under which it was first published."""


def first_path(path: str) -> str:
    """Return the import path under which a class was first published; the path itself where it has not moved."""
    return FIRST_PATHS.get(path, path)


def moved_name(package: str, name: str) -> object:
    """Import a name that a package exported earlier, for the package's `__getattr__`.

    Raises:
        AttributeError: If the package never exported it.
    """
    if name not in NAMES[package]:
        raise AttributeError(f"module '{package}' has no attribute '{name}'")
    return getattr(import_module(NAMES[package][name]), name)


class _Alias(Loader):
    """Fill a module with the objects of another."""

    def __init__(self, target: str) -> None:
        self.target = target

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        found = vars(import_module(self.target))
        vars(module).update({name: value for name, value in found.items() if not name.startswith("__")})


class _MovedModules(MetaPathFinder):
    """Find the modules of `MODULES`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        now = MODULES.get(fullname)
        if now is None:
            return None
        package = any(earlier.startswith(f"{fullname}.") for earlier in MODULES)
        return ModuleSpec(fullname, _Alias(now), is_package=package)


def install() -> None:
    """Serve moved modules under their earlier names; a second call does nothing."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.append(_MovedModules())
