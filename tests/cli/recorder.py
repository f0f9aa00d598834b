"""A callback that writes down what each process trained on, for tests that start processes."""

import hashlib
import json
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


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
