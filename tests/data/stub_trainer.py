"""A trainer of a stated process and epoch, as far as a data module asks it."""

from types import SimpleNamespace

from lightning.pytorch import Trainer


def stub_trainer(rank: int, world_size: int, epoch: int, done: int = 0) -> SimpleNamespace:
    """Attributes of a trainer in a fit.

    Args:
        rank: Rank of the process.
        world_size: Number of processes.
        epoch: The current epoch.
        done: Batches of the fit before.
    """
    plain = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    plain.fit_loop.epoch_loop.batch_progress.total.load_state_dict(
        {"ready": done, "completed": done, "started": done, "processed": done}
    )
    return SimpleNamespace(
        global_rank=rank,
        world_size=world_size,
        training=True,
        current_epoch=epoch,
        limit_train_batches=1.0,
        fit_loop=plain.fit_loop,
    )
