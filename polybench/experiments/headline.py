"""The monitor `headline`: the metric that ranks the dataset, whichever dataset a method is combined with."""

from typing import Any

from polybench.callbacks.metrics import headline_of
from polybench.core.errors import ConfigError
from polybench.experiments.class_changes import is_class_spec
from polybench.experiments.class_versions import resolve
from polybench.metrics import Protocol
from polybench.tasks.monitors import better_mode

HEADLINE = "headline"
"""Value of `checkpoint.monitor` that stands for the metric by which the leaderboard ranks."""


def settle_monitor(config: Any) -> None:
    """Put the name and the direction of the dataset's headline in the place of the word.

    Args:
        config: The parsed configuration, which is changed.

    Raises:
        ConfigError: If the data module ranks by nothing.
    """
    if config.checkpoint.monitor != HEADLINE:
        return
    ranked = _ranked_by(config.data)
    if ranked is None:
        raise ConfigError(
            f"checkpoint.monitor: {HEADLINE} needs a data module with a ranked_by, which {config.data.class_path} "
            "hasn't: name what validation logs, such as val/dice."
        )
    config.checkpoint.monitor = headline_of(ranked)
    config.checkpoint.mode = better_mode(config.checkpoint.monitor) or "max"


def _ranked_by(data: Any) -> Protocol | None:
    """The protocol that ranks a dataset: its class's own, or that of the dataset it holds."""
    found = resolve(data["class_path"])
    ranked: Protocol | None = getattr(found, "ranked_by", None)
    inner = (data.get("init_args") or {}).get(getattr(found, "inner_data", ""))
    if ranked is None and is_class_spec(inner):
        return _ranked_by(inner)
    return ranked
