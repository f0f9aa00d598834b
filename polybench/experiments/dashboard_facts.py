"""What the W&B run of an experiment shows: what runs are filtered by, and the numbers of a record."""

from collections.abc import Mapping
from typing import Any

from polybench.results.headline import headline
from polybench.results.record import Record


def filters_of(config: Mapping[str, Any], **known: Any) -> dict[str, Any]:
    """What a person filters runs by: a dozen settings, not every default.

    Args:
        config: The resolved configuration.
        known: What is known of the run besides; None where it isn't.
    """
    task: Mapping[str, Any] = config["model"].get("init_args") or {}
    net: Mapping[str, Any] = task.get("net") or {}
    arguments: Mapping[str, Any] = net.get("init_args") or {}
    optimizer: Mapping[str, Any] = task.get("optimizer") or {}
    found = {
        **known,
        "net": _class_name(net),
        "encoder": arguments.get("encoder_name") or arguments.get("encoder"),
        "images": config.get("images"),
        "loss": _class_name(task.get("loss")),
        "optimizer": _class_name(optimizer),
        "lr": (optimizer.get("init_args") or {}).get("lr"),
        "lr_scheduler": _class_name(task.get("lr_scheduler")),
    }
    return {key: value for key, value in found.items() if value is not None}


def summary_of(record: Record) -> dict[str, Any]:
    """The numbers of a run that W&B's table of runs shows.

    `headline`, with `headline_low` and `headline_high`, is that of the protocol that ranks the dataset, and
    `headline/<dataset>` the same, for pictures of one dataset; every metric of every protocol is
    `<protocol>@<version>/<metric>`; costs are `cost/...`.
    """
    found: dict[str, Any] = {}
    ranked, metric = headline(record)
    if (value := record.metrics[ranked].values.get(metric)) is not None:
        found |= {"headline": value.value, "headline_low": value.low, "headline_high": value.high}
        found[f"headline/{record.dataset.name}"] = value.value
        found["headline_metric"] = f"{ranked}/{metric}"
    for key, scores in record.metrics.items():
        found |= {f"{key}/{name}": value.value for name, value in scores.values.items()}
    if record.training is not None:
        found |= {
            "best_epoch": record.training.best_epoch,
            "cost/seconds": record.training.wall_seconds,
            "cost/images_per_second": record.training.images_per_second,
            "cost/peak_memory_bytes": record.training.peak_memory_bytes,
        }
    if record.net is not None:
        found |= {"cost/parameters": record.net.parameters, "cost/macs": record.net.macs}
    if record.identity is not None:
        found["seen_in_training"] = record.identity.budget_id
    return {key: value for key, value in found.items() if value is not None}


def _class_name(found: Any) -> str | None:
    return str(found["class_path"]).rpartition(".")[2] if isinstance(found, Mapping) and "class_path" in found else None
