"""Time of parts of the work, on a device that may still be busy when a call returns."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

ENTRANCES = ("forward", "precompute", "refine")
"""Methods by which a net is called; feedback nets by the last two, where they have them, which no hook sees."""


class Stopwatch:
    """Sums the time of a part of the work; nested parts count once.

    Args:
        device: The device, which is synchronised at both ends.

    Attributes:
        seconds: The sum so far.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self._depth = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time that the body takes."""
        start = self._now() if not self._depth else 0.0
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self.seconds += self._now() - start

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


@contextmanager
def calls_timed(net: nn.Module, device: torch.device) -> Iterator[Stopwatch]:
    """Time every call of a net inside the context.

    Args:
        net: The net.
        device: Its device.

    Yields:
        The stopwatch that sums the calls.
    """
    watch = Stopwatch(device)

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def run(*args: Any, **kwargs: Any) -> Any:
            with watch.running():
                return call(*args, **kwargs)

        return run

    before = {name: vars(net).get(name) for name in ENTRANCES if hasattr(net, name)}
    for name in before:
        setattr(net, name, timed(getattr(net, name)))
    try:
        yield watch
    finally:
        for name, own in before.items():
            delattr(net, name)
            if own is not None:
                setattr(net, name, own)
