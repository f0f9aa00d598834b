"""Several things timed in turn, so that a machine whose speed drifts slows them all alike."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch


class Mode(NamedTuple):
    """Something to time.

    Attributes:
        action: What is timed.
        prepare: What comes before it in each round, untimed.
        lead_in: Untimed calls of the action in each round, which undo what the other modes left behind.
        block: Calls that are timed as one, without waiting for the device in between.
        runs: How many blocks are timed in each round.
    """

    action: Callable[[], object]
    prepare: Callable[[], object] = lambda: None
    lead_in: int = 0
    block: int = 1
    runs: int = 1


def time_in_turn(
    modes: Mapping[str, Mode], rounds: Iterable[object], wait: Callable[[], None] = lambda: None
) -> dict[str, list[float]]:
    """Time every mode in every round.

    Args:
        modes: Name -> mode; nothing is warmed up here but by `lead_in`.
        rounds: As many rounds as this has items.
        wait: Returns when the device is done with everything it was given.

    Returns:
        Name -> seconds of one call, in the order of the runs; of a block, the mean of its calls.
    """
    seconds: dict[str, list[float]] = {name: [] for name in modes}
    for _ in rounds:
        for name, mode in modes.items():
            mode.prepare()
            for _ in range(mode.lead_in):
                mode.action()
            for _ in range(mode.runs):
                wait()
                start = time.perf_counter()
                for _ in range(mode.block):
                    mode.action()
                wait()
                seconds[name].append((time.perf_counter() - start) / mode.block)
    return seconds


def wait_for(device: torch.device) -> None:
    """Return when a device is done with everything it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
