"""The cost of a training run: wall time, peak memory, throughput."""

import resource
import sys
import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class MeterCallback(Callback):
    """Measures fit.

    Attributes:
        images: Images, or patches, that went through the net in training; those of all processes, and before a resume.
        wall_seconds: From the start of fit to its end, validation and the parts before a resume included.
        images_per_second: Training images of all processes per second spent in training batches, validation and the
            first batch of each epoch left out; None after less than two batches an epoch.
        epochs_run: Epochs that were finished, those before a resume included.
        peak_memory_bytes: Device memory on CUDA, otherwise the process's largest resident set.
    """

    def __init__(self) -> None:
        self.wall_seconds = 0.0
        self.epochs_run = 0
        self.peak_memory_bytes = 0
        self._fit_start = 0.0
        self._before = 0.0
        self._batch_end: float | None = None
        self._seconds = 0.0
        self._images = 0
        self.images = 0
        self._ended = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._ended = False
        self._fit_start = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the end of the last batch: what lay between was no training."""
        self._batch_end = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        now = time.perf_counter()
        images = images_in(batch) * trainer.world_size
        self.images += images
        if self._batch_end is not None:
            self._seconds += now - self._batch_end
            self._images += images
        self._batch_end = now

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the epoch."""
        self.epochs_run = trainer.current_epoch + 1

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock and read the memory."""
        self._ended = True
        self.wall_seconds = self.elapsed()
        self.peak_memory_bytes = peak_memory(trainer.strategy.root_device)

    @property
    def images_per_second(self) -> float | None:
        """Training images per second."""
        return self._images / self._seconds if self._seconds > 0 else None

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run adds to."""
        return {
            "wall_seconds": self.elapsed(),
            "seconds": self._seconds,
            "images": self._images,
            "all_images": self.images,
            "epochs_run": self.epochs_run,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume an interrupted run; after a fit, the test of its best checkpoint would bring back an earlier state."""
        if self._ended:
            return
        self._before = state_dict["wall_seconds"]
        self._seconds, self._images = state_dict["seconds"], state_dict["images"]
        self.images = state_dict.get("all_images", self._images)  # checkpoints of earlier versions lack it
        self.epochs_run = state_dict.get("epochs_run", self.epochs_run)

    def elapsed(self) -> float:
        """Seconds since the start of fit, those of the parts before a resume included."""
        return self._before + time.perf_counter() - self._fit_start


def images_in(batch: Mapping[str, Any]) -> int:
    """Count the images, or patches, of a training batch, in all its parts where it has several."""
    return len(batch["id"]) if "id" in batch else sum(images_in(part) for part in batch.values())


def peak_memory(device: torch.device) -> int:
    """Peak memory of this process so far, bytes: on a CUDA device its own, otherwise the largest resident set."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
