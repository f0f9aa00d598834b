"""Filters for messages of Lightning that do not apply to polybench."""

import logging
import warnings

LOGGERS = (
    "lightning.pytorch",
    "lightning.pytorch.utilities.rank_zero",
    "lightning.pytorch.trainer.connectors.checkpoint_connector",
    "lightning.fabric.utilities.rank_zero",
)


def quieten() -> None:
    """Leave out advertisements, and remarks on what polybench does on purpose or in another way."""
    noise = [
        *("litlogger", "tensorboardX", "LitModels", "TPU available", "HPU available", "does not have many workers"),
        *("`weights_only` was not set", "is smaller than the logging interval"),
        "The dirpath has changed from",  # a checkpoint of another run's folder is read
        "your dataloader is not resumable",  # it is: order and augmentation are functions of epoch and batch
        "`Trainer.fit` stopped: `max_epochs=",  # as was asked for
    ]

    def is_wanted(record: logging.LogRecord) -> bool:
        return not any(word in record.getMessage() for word in noise)

    for name in LOGGERS:
        logging.getLogger(name).addFilter(is_wanted)
    for pattern in (*(f".*{word}.*" for word in noise), r".*`LightningDataModule.*", r".*isinstance\(treespec.*"):
        warnings.filterwarnings("ignore", message=pattern)
