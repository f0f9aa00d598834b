"""What a callback or a schedule may watch: values that validation logs, in the direction in which they get better."""

from collections.abc import Collection
from typing import Literal

from polybench.core.errors import ConfigError, did_you_mean
from polybench.metrics import PER_IMAGE, PROTOCOLS, Protocol
from polybench.metrics.protocols import PATCHES

Mode = Literal["min", "max"]

MODES: dict[str, Mode] = {"lower": "min", "higher": "max"}


def validation_names(ranked: Protocol) -> frozenset[str]:
    """What every validation logs: the loss and the metrics, those of the protocol that the dataset is ranked by too.

    Args:
        ranked: The protocol that the leaderboard ranks by.
    """
    if ranked is PATCHES:
        return frozenset({"val/loss", *(f"val/{metric}" for metric in PATCHES.directions)})
    names = {"val/loss", *(f"val/{metric}" for metric in PER_IMAGE.directions)}
    return frozenset(names if ranked is PER_IMAGE else names | {f"val/{ranked.name}/{m}" for m in ranked.directions})


def better_mode(monitor: str) -> Mode | None:
    """Whether a value that validation logs is better when it is smaller or larger; None where that isn't known."""
    name = monitor.removeprefix("val/").removeprefix("train/")
    known = {f"{one.name}/{metric}": way for one in PROTOCOLS for metric, way in one.directions.items()}
    known |= {**PATCHES.directions, **PER_IMAGE.directions, "loss": "lower", "loss_epoch": "lower"}
    way = known.get(name)
    return MODES.get(way) if way is not None else None


def refuse_worst(option: str, monitor: str, mode: str) -> None:
    """Refuse to wait for a value to get worse, as with the `min` that is many classes' default.

    Args:
        option: What has the mode, such as `EarlyStopping`.
        monitor: What it watches.
        mode: `min` or `max`.

    Raises:
        ConfigError: If the mode is the other one.
    """
    better = better_mode(monitor)
    if better is not None and mode != better:
        raise ConfigError(f"{option} with mode {mode} takes the worst {monitor} for the best: add mode: {better}.")


def refuse_unknown(option: str, monitor: str, logged: Collection[str]) -> None:
    """Refuse to watch what nothing logs.

    Args:
        option: What watches it.
        monitor: What it watches.
        logged: What is logged.

    Raises:
        ConfigError: If it isn't logged.
    """
    if monitor not in logged:
        hint = did_you_mean(monitor, logged) or f" Choose one of {', '.join(sorted(logged))}."
        raise ConfigError(f"{option} monitors '{monitor}', which nothing logs.{hint}")
