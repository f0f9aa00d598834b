"""Post-processing of the predictions of a test, evaluated step by step beside the task's own rows."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from polybench.data.sample import Batch
from polybench.methods.native_maps import add_native, image_rows, native_map, of_all_processes
from polybench.methods.postprocessing.crf import CRF
from polybench.methods.postprocessing.flips import mean_over_flips
from polybench.methods.postprocessing.table import Changed, change
from polybench.metrics import ImageRows, Rows
from polybench.tasks import SegmentationTask
from polybench.tasks.base import task_of


class PostprocessingCallback(Callback):
    """Applies the steps to every prediction of a test; the task's own rows stay a plain test's.

    Args:
        steps: `flips`, `crf`, or both.
        crf: The CRF.

    Attributes:
        rows: After a test, step -> rows of the predictions after it.
        changed: After a test, what changed in each image, sorted by the image's id.
    """

    def __init__(self, steps: tuple[str, ...], crf: CRF) -> None:
        self.steps = steps
        self.crf = crf
        self.rows: dict[str, Rows] = {}
        self.changed: list[Changed] = []
        self._metrics: dict[str, ImageRows] = {}
        self._found: dict[str, Changed] = {}

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reset."""
        self.rows, self.changed, self._found = {}, [], {}
        task = task_of(pl_module)
        self._metrics = {step: image_rows(task, "Post-processing").to(pl_module.device) for step in self.steps}

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Apply the steps to the predictions (N, 1, H, W) of a batch, and score them."""
        probability: Tensor = outputs
        if "flips" in self.steps:
            assert isinstance(pl_module, SegmentationTask)
            with trainer.precision_plugin.forward_context():
                probability = mean_over_flips(pl_module, batch, probability)
            self._metrics["flips"].update_from(batch, probability)
        for row, image_id in enumerate(batch["id"]):
            image, before = native_map(trainer, batch, row, outputs)
            _, after = native_map(trainer, batch, row, probability)
            if "crf" in self.steps:
                after = self.crf.of_native(image, after)
                add_native(self._metrics["crf"], batch, row, after.numpy())
            self._found[image_id] = change(image_id, before.cpu(), after.cpu())

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the rows of all processes."""
        self.rows = {step: metric.compute() for step, metric in self._metrics.items()}
        found = of_all_processes(self._found)
        self.changed = [found[image_id] for image_id in sorted(found)]
        self._metrics = {}
