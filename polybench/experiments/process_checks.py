"""Checks of a run of several processes before it starts, and what it says of them."""

import os
from typing import Any

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from polybench.core.errors import ConfigError
from polybench.core.wording import counted
from polybench.experiments.identity import Batch


def refuse_processes(trainer: Any, synchronised: bool, folder: str | None) -> None:
    """Refuse processes that would wait for others forever, or can't synchronise what they are told to.

    Args:
        trainer: The built trainer.
        synchronised: Whether batch norm is to be synchronised.
        folder: The folder that the user named for the run.

    Raises:
        ConfigError: If there are such.
    """
    if trainer.world_size < 2:
        return
    if synchronised and trainer.strategy.root_device.type == "cpu":
        raise ConfigError(
            "Batch norm is synchronised on CUDA devices alone: leave out --trainer.sync_batchnorm true, or add "
            "--trainer.accelerator gpu."
        )
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if trainer.num_nodes < 2 or not isinstance(environment, LightningEnvironment):
        return
    nodes = f"--trainer.num_nodes {trainer.num_nodes}"
    if "MASTER_ADDR" not in os.environ:
        raise ConfigError(
            f"{nodes} waits for processes of other machines, and nothing says where they are: start the command with "
            "torchrun or srun (CONTRIBUTING.md, Many processes), or set MASTER_ADDR, MASTER_PORT and NODE_RANK on each."
        )
    if folder is None:
        raise ConfigError(f"{nodes} needs --trainer.default_root_dir, a folder that all machines see.")


def batch_norm_note(trainer: Any, net: nn.Module, batch: Batch, synchronised: bool) -> str | None:
    """Return a sentence about batch norm in several processes; None where nothing is to be said.

    Args:
        trainer: The built trainer.
        net: The net.
        batch: The batch of an optimizer step.
        synchronised: Whether batch norm is synchronised.
    """
    trained = any(isinstance(part, _BatchNorm) and part.weight is not None for part in net.modules())
    if trainer.world_size < 2 or synchronised or not trained:
        return None
    advice = ""
    if trainer.strategy.root_device.type == "cuda":
        advice = "; --trainer.sync_batchnorm true averages over all of a batch, as one process does"
    return (
        f"Batch norm averages over the share of a batch, {counted(batch.normalised_over, 'sample')}, that each of "
        f"{trainer.world_size} processes has, so that this is another row than that of one process{advice}."
    )
