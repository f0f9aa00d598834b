"""Values that a callback or a schedule may monitor: those that validation logs, with the direction that is better."""

from collections.abc import Collection
from typing import Literal

from polybench.core.errors import ConfigError, did_you_mean
from polybench.metrics import PER_IMAGE, PROTOCOLS, Protocol
from polybench.metrics.protocols import SCORED

Mode = Literal["min", "max"]

MODES: dict[str, Mode] = {"lower": "min", "higher": "max"}


def validation_names(ranked: Protocol) -> frozenset[str]:
    """Names that every validation logs: the loss, the metrics, and the metrics of the dataset's ranking protocol.

    Args:
        ranked: The protocol that the leaderboard ranks by.
    """
    if ranked in SCORED:
        return frozenset({"val/loss", *(f"val/{metric}" for metric in ranked.directions)})
    names = {"val/loss", *(f"val/{metric}" for metric in PER_IMAGE.directions)}
    return frozenset(names if ranked is PER_IMAGE else names | {f"val/{ranked.name}/{m}" for m in ranked.directions})


def better_mode(monitor: str) -> Mode | None:
    """Return whether a smaller or a larger value is better; None where that isn't known."""
    name = monitor.removeprefix("val/").removeprefix("train/")
    known = {f"{one.name}/{metric}": way for one in PROTOCOLS for metric, way in one.directions.items()}
    known |= {metric: way for one in SCORED for metric, way in one.directions.items()}
    known |= {**PER_IMAGE.directions, "loss": "lower", "loss_epoch": "lower"}
    way = known.get(name)
    return MODES.get(way) if way is not None else None


def refuse_worst(option: str, monitor: str, mode: str) -> None:
    """Refuse a mode that selects the worst value, such as the default `min` of many classes with a metric.

    Args:
        option: Name of the option or class with the mode, such as `EarlyStopping`.
        monitor: The monitored value.
        mode: `min` or `max`.

    Raises:
        ConfigError: If the mode is the other one.
    """
    better = better_mode(monitor)
    if better is not None and mode != better:
        raise ConfigError(f"{option} with mode {mode} selects the worst {monitor}: set mode: {better}.")


def refuse_unknown(option: str, monitor: str, logged: Collection[str]) -> None:
    """Refuse to monitor a value that isn't logged.

    Args:
        option: Name of the option or class that monitors it.
        monitor: The monitored value.
        logged: Names of the logged values.

    Raises:
        ConfigError: If it isn't logged.
    """
    if monitor not in logged:
        hint = did_you_mean(monitor, logged) or f" Choose one of {', '.join(sorted(logged))}."
        raise ConfigError(f"{option} monitors '{monitor}', which nothing logs.{hint}")
