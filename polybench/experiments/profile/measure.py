"""Measure a workload: peak memory first, then all times in turn."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from polybench.callbacks.meter import peak_memory
from polybench.core.errors import ConfigError
from polybench.data.sample import Batch
from polybench.experiments.profile.timing import Mode, time_in_turn, wait_for
from polybench.experiments.profile.workload import Workload, step_modes, waiting_share

WARM_UP = 3
"""Untimed calls of inference and of the training step before anything is timed."""

LATENCIES = 5
"""Single images that are timed in each round, so that twenty rounds give a hundred for the 95th percentile."""


@dataclass(frozen=True)
class Measurements:
    """Medians in seconds (with the 95th percentile of the latency), peaks in bytes; see `table.Figures`."""

    latency: float
    latency_p95: float
    inference: float
    fixed: float
    real: float | None
    data: float | None
    waiting: float | None
    inference_peak: int
    training_peak: int


def measure(
    work: Workload,
    size: tuple[int, int],
    batch_size: int,
    rounds: Iterable[object],
    source: Iterator[Batch] | None,
    num_workers: int,
) -> Measurements:
    """Measure inference and the training step.

    Args:
        work: The task.
        size: Height and width of the net's input.
        batch_size: Of everything but the latency.
        rounds: How often every mode is timed: once for each item.
        source: Training batches; None for a profile without data.
        num_workers: Loader processes of `source`.

    Raises:
        ConfigError: If the net can't take images of that size, or the device's memory is too small for the batch.
    """
    try:
        one, several, fixed, peaks = _warm_up(work, size, batch_size, source)
        modes = {
            "latency": Mode(lambda: work.infer(one), work.task.eval, lead_in=1, runs=LATENCIES),
            "inference": Mode(lambda: work.infer(several), work.task.eval, block=work.block),
            **step_modes(work, fixed, source, num_workers),
        }
        seconds = time_in_turn(modes, rounds, lambda: wait_for(work.device))
    except torch.OutOfMemoryError as error:
        raise ConfigError(
            f"Batches of {batch_size} don't fit the device's memory: give a smaller --batch_size."
        ) from error
    median = {name: statistics.median(values) for name, values in seconds.items()}
    return Measurements(
        latency=median["latency"],
        latency_p95=float(np.percentile(seconds["latency"], 95)),
        inference=median["inference"],
        fixed=median["fixed"],
        real=median.get("real"),
        data=median.get("data"),
        waiting=waiting_share(seconds["real"], seconds["fixed"], seconds["data"]) if source is not None else None,
        inference_peak=peaks[0],
        training_peak=peaks[1],
    )


def _warm_up(
    work: Workload, size: tuple[int, int], batch_size: int, source: Iterator[Batch] | None
) -> tuple[torch.Tensor, torch.Tensor, Batch, tuple[int, int]]:
    """Run everything a few times: inference before anything has gradients, so that its peak is its own.

    Returns:
        One image, a batch of images, a batch to train on, and the peaks of inference and training.
    """
    one, several = work.images(1, size), work.images(batch_size, size)
    work.task.eval()
    _reset_peak(work.device)
    try:
        work.infer(one)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"The net can't take RGB images of {size[0]}x{size[1]}: {reason}") from error
    for _ in range(WARM_UP):
        work.infer(one)
        work.infer(several)
    wait_for(work.device)
    inference_peak = peak_memory(work.device)
    fixed = next(source) if source is not None else work.batch(batch_size, size)
    work.task.train()
    _reset_peak(work.device)
    try:
        for _ in range(WARM_UP):
            work.train(fixed)
    except ValueError as error:  # batch normalisation of a single value
        raise ConfigError(
            f"The net can't train on batches of {batch_size} ({error}): give another --batch_size."
        ) from error
    wait_for(work.device)
    return one, several, fixed, (inference_peak, peak_memory(work.device))


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
