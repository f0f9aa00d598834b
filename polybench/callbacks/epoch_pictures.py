"""Pictures of the same few validation images after each validation, for loggers that show pictures."""

from dataclasses import replace
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from polybench.callbacks.dashboard import dashboards
from polybench.callbacks.overlays import draw_overlay, shown_scale
from polybench.callbacks.previews import Kept, drawn_protocol, keep
from polybench.data.sample import Batch
from polybench.tasks.base import data_of, task_of

KEY = "val/overlays"


class EpochPictures(Callback):
    """Sends the first images of the validation subset to W&B after each validation, drawn as the worst test images are.

    They are the same ones each time, in the order of their ids; with several processes, those of the first process.

    Args:
        most: How many images at the most.
    """

    def __init__(self, most: int = 4) -> None:
        self.most = most
        self._kept: dict[str, Kept] = {}

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start empty."""
        self._kept = {}

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the images that are shown."""
        task = task_of(pl_module)
        if task.kind != "segmentation" or len(self._kept) == self.most or not dashboards(trainer):
            return
        protocol, probability = drawn_protocol(trainer), outputs
        assert isinstance(probability, Tensor)
        dice = protocol.values(task.last_rows(len(batch["id"])))["dice"].tolist()
        variants = batch.get("variant") or [0] * len(batch["id"])  # pictures are of images, not of their variants
        rows = [row for row, variant in enumerate(variants) if not variant][: self.most - len(self._kept)]
        for row in rows:
            image_id = batch["id"][row].removesuffix("#0" if "variant" in batch else "")
            self._kept[image_id] = replace(keep(batch, probability, row, dice[row], protocol), id=image_id)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Send them at the step of the validation, whose numbers have been logged."""
        if not trainer.is_global_zero or not self._kept:
            return
        data, protocol = data_of(trainer), drawn_protocol(trainer)
        kept = [self._kept[image_id] for image_id in sorted(self._kept)]
        drawn = [one.overlay(data.native_image(one.id), protocol) for one in kept]
        pictures = [draw_overlay(one, shown_scale(*one.image.shape[:2])) for one in drawn]
        captions = [f"{one.id}: Dice {one.dice:.3f}" for one in kept]
        for dashboard in dashboards(trainer):
            dashboard.log_image(KEY, pictures, caption=captions)
