"""The folder of a run belongs to one run, and to one process at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from polybench.callbacks.selection import checkpoint_folder
from polybench.core.disk import make_folder, writing
from polybench.core.errors import ConfigError
from polybench.experiments.session import Session
from polybench.tasks.checkpoint import BEST, LAST, AtomicCheckpointIO, mark_of, run_entry

LOCK = ".run.lock"
"""File of a run's folder that is locked while a process trains there."""

PATIENCE = 10.0
"""Seconds until a locked folder is refused; workers of a run that was killed hold its lock for some seconds more."""


@contextmanager
def occupied(session: Session) -> Iterator[None]:
    """Keep other processes out of a run's folder, which must be new or hold this run.

    The first process alone locks it; the others of its run write nothing there.

    Args:
        session: The run, described.

    Raises:
        ConfigError: If another process trains there, or the folder holds checkpoints of another run.
    """
    folders = [session.run_folder]
    checkpoints = checkpoint_folder(session.trainer)
    if not checkpoints.resolve().is_relative_to(session.run_folder.resolve()):
        folders.append(checkpoints)
    with ExitStack() as held:
        if session.trainer.is_global_zero:
            for folder in folders:
                held.enter_context(_locked(folder))
        for folder in dict.fromkeys((session.run_folder / "checkpoints", checkpoints)):
            _refuse_other_run(session, folder)
        yield


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    make_folder(folder)
    lock = FileLock(folder / LOCK)
    try:
        with writing(folder / LOCK):
            lock.acquire(timeout=PATIENCE)
    except Timeout as error:
        raise ConfigError(
            f"Another process trains in '{folder}': wait for it, end it, or choose another --trainer.default_root_dir."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _refuse_other_run(session: Session, folder: Path) -> None:
    """Refuse to replace the checkpoints of another run; a resumed run replaces its own.

    Raises:
        ConfigError: If there are such, or files of their names that are no checkpoints.
    """
    given = session.given_checkpoint
    if given and session.resumes(Path(given)) and Path(given).resolve().parent == folder.resolve():
        return
    for name in (f"{BEST}.ckpt", f"{LAST}.ckpt"):
        path = folder / name
        if path.exists() and not _is_of(session, path):
            raise ConfigError(
                f"'{path}' is the checkpoint of another run, which this one would replace: choose another "
                "--trainer.default_root_dir, or remove the folder; to resume that run, give its own options and "
                "--ckpt_path last."
            )


def _is_of(session: Session, path: Path) -> bool:
    """Whether a checkpoint is of this run, begun with the same checkpoint."""
    try:
        saved = AtomicCheckpointIO().load_checkpoint(path, map_location="meta")
    except ConfigError:
        return False
    same_start = run_entry(saved).get("start_path") == session.identity.start_path
    return same_start and mark_of(saved) == session.mark(session.trainer.world_size)
