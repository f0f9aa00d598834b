"""Callbacks that write down what happens inside a run, for tests that start processes or measure."""

import gc
import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.metrics.panel import image_table, panel


class Recorder(Callback):
    """Writes `<folder>/<rank>.json`: "<epoch> <id>" -> hash of the augmented image and mask."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.seen: dict[str, str] = {}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        for row, name in enumerate(batch["id"]):
            content = batch["image"][row].contiguous().numpy().tobytes() + batch["mask"][row].numpy().tobytes()
            self.seen[f"{trainer.current_epoch} {name}"] = hashlib.sha256(content).hexdigest()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{trainer.global_rank}.json").write_text(json.dumps(self.seen))


class PanelRecorder(Callback):
    """Writes `<folder>/<rank>.txt`: every number of a test and every value of its images, with all digits."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder.mkdir(exist_ok=True)
        rows: Any = pl_module.rows
        (self.folder / f"{trainer.global_rank}.txt").write_text(json.dumps(panel(rows)) + image_table(rows).to_csv())


class TensorBytes(Callback):
    """Writes `<path>` after a test: the bytes of the tensors that it has made and that are alive after each batch."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.alive: list[int] = []

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        gc.freeze()  # a million objects that are there already need not be looked at after each batch

    def on_test_batch_end(self, *args: Any, **kwargs: Any) -> None:
        storages = [item.untyped_storage() for item in gc.get_objects() if type(item) is torch.Tensor]
        self.alive.append(sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values()))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        gc.unfreeze()
        self.path.write_text(json.dumps(self.alive))


class Checksum(Callback):
    """Writes `<folder>/<rank>.txt`: hashes of all parameters before the first and after each step."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.hashes: list[str] = []

    def _note(self, task: LightningModule) -> None:
        digest = hashlib.sha256()
        for value in task.parameters():
            digest.update(value.detach().cpu().numpy().tobytes())
        self.hashes.append(digest.hexdigest())

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._note(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self._note(pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{trainer.global_rank}.txt").write_text("\n".join(self.hashes))


class StopOnce(Callback):
    """Sends SIGTERM to the first process when the second epoch begins, and writes `path`; does nothing where it is."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero and trainer.current_epoch == 1 and not self.path.exists():
            self.path.touch()
            os.kill(os.getpid(), signal.SIGTERM)


HOLD = "POLYBENCH_TEST_HOLD"


class HoldUntilTerminated(Callback):
    """Waits for SIGTERM in the second epoch where the file that `HOLD` names exists, and removes it after that.

    The run's folder is written into the file before.
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        file = Path(os.environ.get(HOLD, "nowhere"))
        if trainer.current_epoch != 1 or not file.is_file():
            return
        file.write_text(str(trainer.default_root_dir))
        while not any(getattr(one, "_received", False) for one in trainer.callbacks):  # type: ignore[attr-defined]
            time.sleep(0.01)
        file.unlink(missing_ok=True)
