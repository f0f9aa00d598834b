"""One profile: parameters, MACs, speed, memory and what a training step waits for, beside the recorded accuracy."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.cli import LightningArgumentParser

import polybench
from polybench.core.errors import ConfigError, DataError
from polybench.data.module import SegmentationDataModule
from polybench.data.progress import progress
from polybench.experiments.choose_option import chosen_configs
from polybench.experiments.outputs import refuse_unwritable
from polybench.experiments.profile.accuracy import Accuracy, recorded_accuracy
from polybench.experiments.profile.measure import Measurements, measure
from polybench.experiments.profile.table import Figures, Key, read_rows
from polybench.experiments.profile.workload import Workload, set_up, training_batches
from polybench.experiments.provenance import device_name, source_state
from polybench.experiments.record import count_macs
from polybench.experiments.session import Session
from polybench.results.config import config_sha256, portable_config

OWN_OPTIONS = {"steps", "device", "batch_size", "out", "no_data"}


def recorded_hashes(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """Hash a configuration as records of `fit` on one process have it, with each value that validation may have chosen.

    Args:
        plain: The resolved configuration of a profile, plain values.
    """
    own = {key: value for key, value in plain.items() if key not in OWN_OPTIONS}
    return tuple(config_sha256({**portable_config(one), "processes": 1}) for one in chosen_configs(own))


class ProfileSession(Session):
    """Builds what `fit` would train, on one device and without loggers.

    Attributes:
        recorded_sha256: See `recorded_hashes`.
    """

    def __init__(self, args: Sequence[str]) -> None:
        self.recorded_sha256: tuple[str, ...] = ()
        super().__init__("profile", args)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the words given.

        Raises:
            ConfigError: If a number is out of bounds, there is no such device, or the table can't be written, too.
            DataError: If the table's file is none of profiles.
        """
        super().parse_arguments(parser, args)
        for option in ("steps", "batch_size"):
            if (number := self.config[option]) is not None and number < 1:
                raise ConfigError(f"--{option} must be at least 1, not {number}.")
        if self.config.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("--device cuda: torch sees no CUDA device here; use --device cpu, or auto.")
        refuse_unwritable(Path(self.config.out), "--out")
        read_rows(Path(self.config.out))

    def before_instantiate_classes(self) -> None:
        """Keep the configuration's hash, then take the one device that was asked for."""
        self.recorded_sha256 = recorded_hashes(self.plain_config())
        device, trainer = self.config.device, self.config.trainer
        if self.config.images is not None:
            trainer.max_epochs = -1
        if device != "auto":
            trainer.accelerator = device
        trainer.devices, trainer.num_nodes, trainer.strategy = 1, 1, "auto"
        trainer.logger, trainer.default_root_dir = False, None
        super().before_instantiate_classes()


def set_up_or_say_how(session: ProfileSession) -> None:
    """Set the data up.

    Raises:
        DataError: If the dataset is absent or broken; it says how to do without.
    """
    try:
        set_up(session.datamodule, session.trainer)
    except DataError as error:
        raise DataError(f"{error} To measure the net alone, give --no_data.") from error


def profile(session: ProfileSession) -> tuple[Key, Figures]:
    """Measure what a session would train.

    Raises:
        ConfigError: If it trains on patches.
        DataError: If the dataset is absent or broken.
    """
    config, data = session.config, session.datamodule
    if not isinstance(data, SegmentationDataModule):
        raise ConfigError(
            f"profile measures the segmentation of images, and '{config.name}' trains on patches: take a recipe with "
            "one of the datasets as its data, such as conf/fcn16s_kvasir_seg.yaml."
        )
    accuracy = recorded_accuracy(Path(config.leaderboard), data.short_name, session.recorded_sha256, data.ranked_by)
    data.batch_size = config.batch_size or data.batch_size
    macs = count_macs(session.model.net, data.size)
    if not config.no_data:
        set_up_or_say_how(session)
    measured = run(session, data)
    return key_of(session, data), figures_of(session, macs, measured, accuracy)


def run(session: ProfileSession, data: SegmentationDataModule) -> Measurements:
    """Measure, with a progress bar on stderr."""
    work = Workload(session.model, session.trainer)
    source = None if session.config.no_data else training_batches(data, work.device)
    rounds = progress(range(session.config.steps), "Profiling")
    return measure(work, data.size, data.batch_size, rounds, source, data.num_workers)


def key_of(session: ProfileSession, data: SegmentationDataModule) -> Key:
    """Where and how a profile was measured."""
    commit, dirty = source_state(Path(polybench.__file__).parent)
    return Key(
        recipe=session.config.name,
        variant=session.config.variant,
        config=session.recorded_sha256[0][:8],
        data=None if session.config.no_data else data.short_name,
        device=device_name(session.trainer.strategy.root_device),
        precision=str(session.trainer.precision),
        threads=torch.get_num_threads(),
        height=data.size[0],
        width=data.size[1],
        batch_size=data.batch_size,
        num_workers=data.num_workers,
        on_device=data.on_device,
        torch=torch.__version__,
        polybench=polybench.__version__,
        git_commit=f"{commit}-dirty" if dirty else commit,
    )


def figures_of(session: ProfileSession, macs: int | None, measured: Measurements, accuracy: Accuracy | None) -> Figures:
    """The figures in the units of the table."""
    height, width = session.datamodule.size
    images_per_second = session.datamodule.batch_size / measured.inference
    return Figures(
        parameters=sum(parameter.numel() for parameter in session.model.net.parameters()),
        macs=macs,
        latency_p50_ms=1000 * measured.latency,
        latency_p95_ms=1000 * measured.latency_p95,
        images_per_second=images_per_second,
        megapixels_per_second=images_per_second * height * width / 1e6,
        step_real_ms=None if measured.real is None else 1000 * measured.real,
        step_fixed_ms=1000 * measured.fixed,
        step_data_ms=None if measured.data is None else 1000 * measured.data,
        waiting_share=measured.waiting,
        memory="device" if session.trainer.strategy.root_device.type == "cuda" else "process",
        inference_peak_bytes=measured.inference_peak,
        training_peak_bytes=measured.training_peak,
        rounds=session.config.steps,
        protocol=accuracy.protocol if accuracy else None,
        metric=accuracy.metric if accuracy else None,
        score=accuracy.score.value if accuracy else None,
        score_low=accuracy.score.low if accuracy else None,
        score_high=accuracy.score.high if accuracy else None,
        budget=accuracy.budget if accuracy else None,
        record=accuracy.record if accuracy else None,
        seeds=accuracy.seeds if accuracy else 0,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
