"""Run command lines of a source tree, each in a fork of a process that has imported everything already."""

import contextlib
import importlib
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from breaking.events import Event, Injection, Watch, read_log
from breaking.forked import Forked, code_of

LIMIT_SECONDS = 120.0
LIBRARIES: tuple[str, ...] = ("torch", "lightning.pytorch", "kornia.augmentation", "segmentation_models_pytorch")
LIBRARIES += ("pandas", "rich.table", "matplotlib.pyplot", "scipy.stats", "safetensors.torch", "pooch")
LIBRARIES += ("PIL.ImageDraw", "filelock")
"""What commands import when they need it, and each would import anew."""
HUNG = -1000
"""The code of a process that didn't end in time."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code; minus the number of the signal that killed it; or `HUNG`.
        out: What it printed.
        err: What it printed to stderr.
        events: What it did to files.
        hit: The event that was due.
    """

    code: int
    out: str
    err: str
    events: list[Event] = field(default_factory=list)
    hit: Event | None = None

    @property
    def said(self) -> str:
        """All that was printed."""
        return self.out + self.err

    @property
    def sentence(self) -> str:
        """The sentence that a refused command ends with."""
        return next((line for line in reversed(self.err.splitlines()) if line.startswith("polybench: ")), "")


class Forks:
    """Runs functions, each in a process of its own.

    Args:
        work: Where their folders lie; gets what they print.
    """

    def __init__(self, work: Path) -> None:
        self.work = work.resolve()

    def call(
        self,
        folder: Path,
        function: Callable[[], object],
        *,
        inject: Injection | None = None,
        limit: float = LIMIT_SECONDS,
        **environment: str,
    ) -> Ended:
        """Run a function in a process of its own, in a folder.

        Args:
            folder: Where it works, and whose events count.
            function: What is run.
            inject: What shall happen at which event; None doesn't watch files.
            limit: Seconds after which it is killed.
            environment: Variables.
        """
        folder.mkdir(parents=True, exist_ok=True)
        outputs = [self.work / f"{folder.name}.{kind}" for kind in ("out", "err", "events")]
        for output in outputs:
            output.unlink(missing_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _run(folder, function, outputs, inject, environment)
        code = _wait(pid, limit)
        out, err = (output.read_text(errors="replace") if output.exists() else "" for output in outputs[:2])
        return Ended(code, out, err, *read_log(outputs[2]))


class Server(Forks):
    """A process with a source tree's polybench in its memory.

    Args:
        source: The tree, with `polybench/` and `pyproject.toml`.
        work: Where cases have their folders.
    """

    def __init__(self, source: Path, work: Path) -> None:
        super().__init__(work)
        self.source = source.resolve()
        module, _, name = _script(self.source).partition(":")
        sys.path.insert(0, str(self.source))
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[variable] = "1"
        for library in LIBRARIES:
            importlib.import_module(library)
        import torch

        torch.set_num_threads(1)
        package = importlib.import_module("polybench")
        if not Path(str(package.__file__)).is_relative_to(self.source):
            raise RuntimeError(f"polybench was imported from '{package.__file__}', not from '{self.source}'.")
        for found in pkgutil.walk_packages(package.__path__, "polybench."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
        self._main: Callable[[], object] = getattr(importlib.import_module(module), name)

    def polybench(self, folder: Path, *words: object, inject: Injection | None = None, **options: Any) -> Ended:
        """Run `polybench WORDS` in a folder; see `call`."""

        def command() -> None:
            sys.argv = ["polybench", *map(str, words)]
            self._main()

        return self.call(folder, command, inject=inject, **options)


def _script(source: Path) -> str:
    """What the command `polybench` calls, as the tree's pyproject.toml says."""
    return str(tomllib.loads((source / "pyproject.toml").read_text())["project"]["scripts"]["polybench"])


def _run(
    folder: Path,
    function: Callable[[], object],
    outputs: Sequence[Path],
    inject: Injection | None,
    environment: dict[str, str],
) -> None:
    """The life of a forked process."""
    os.setsid()
    for descriptor, output in zip((1, 2), outputs, strict=False):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    os.chdir(folder)
    for name in ("POLYBENCH_DATA", "POLYBENCH_RUN_FOLDER", "PYTHONPATH"):
        os.environ.pop(name, None)
    os.environ |= {"POLYBENCH_CACHE": str(folder / "cache"), "COLUMNS": "200", "WANDB_MODE": "disabled", **environment}
    subprocess.Popen = Forked  # type: ignore[assignment,misc]
    if inject is not None:
        Watch(folder, outputs[2], inject).start()
    os._exit(code_of(function))


def _wait(pid: int, limit: float) -> int:
    """Wait for a process, and end all of its session."""
    descriptor = os.pidfd_open(pid)
    try:
        ended = select.select([descriptor], [], [], limit)[0]
    finally:
        os.close(descriptor)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if ended else HUNG
