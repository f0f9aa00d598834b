"""Ends this process when another process of the run has died, also where it would wait for that one forever."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from polybench.core.errors import ConfigError, UserError
from polybench.core.peers import PATIENCE, Ended, Peers

GRACE = 5.0
"""Seconds in which a process that another one has left can end by itself: gloo raises an error, NCCL may wait."""


GLANCE = 0.5
"""Seconds in which a process that fails looks whether another one has ended before it."""


class LostProcessError(ConfigError):
    """Another process of the run has ended."""


class PeersCallback(Callback):
    """Watches the other processes of a run from the moment when all of them have begun.

    Args:
        grace: Seconds in which this process can end by itself when another one has died.
    """

    def __init__(self, grace: float = GRACE) -> None:
        self.grace = grace
        self.peers: Peers | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy watches nothing: classes that copy a module may copy the callbacks with it."""
        return {**self.__dict__, "peers": None}

    @contextmanager
    def among(self, peers: Peers) -> Iterator[None]:
        """Run something of which other processes run their part.

        Args:
            peers: The processes.

        Raises:
            LostProcessError: If another process has ended, which it names.
        """
        try:
            peers.join()
        except OSError as error:
            rank_zero_warn(f"'{peers.folder}' takes no locks ({error.strerror}): a process that dies won't be named.")
        self.peers = peers
        try:
            yield
        except UserError as error:
            lost = isinstance(error, LostProcessError)
            found = peers.ended(PATIENCE) if lost else None
            peers.leave(str(error), follows=lost)
            if found is not None:
                raise LostProcessError(found.sentence(peers.processes)) from error
            raise
        except Exception as error:
            found = peers.ended(GLANCE)
            peers.leave(f"{type(error).__name__}: see its message", follows=found is not None)
            if found is not None:
                raise LostProcessError(found.sentence(peers.processes)) from error
            raise
        finally:
            peers.leave()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start watching."""
        if self.peers is not None:
            self.peers.watch(self._end)

    def _end(self, found: Ended) -> None:
        """End this process, which may hang in a collective operation, unless it does so itself."""
        threading.Event().wait(self.grace)
        if self.peers is None or not self.peers.joined:
            return
        print(f"polybench: error: {found.sentence(self.peers.processes)}", file=sys.stderr, flush=True)
        os._exit(ConfigError.exit_code)
