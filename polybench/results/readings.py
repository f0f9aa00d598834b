"""Names of metrics split and spelled out: `max_dice` and `dice_0.5` are readings of one Dice."""

import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

TITLES: Mapping[str, str] = {
    "dice": "Dice",
    "iou": "IoU",
    "background_iou": "background IoU",
    "miou": "mIoU",
    "dice_of_mean_iou": "Dice of mean IoU",
    "f2": "F2",
    "e": "E-measure",
    "f": "F (0.3)",
    "network_dice": "Dice at network size",
    "network_iou": "IoU at network size",
    "s_measure": "S-measure",
    "weighted_f": "weighted F",
    "mae": "MAE",
    "auc": "AUC",
    "auc_tolerance": "AUC tolerance",
    "hd95": "HD95 in pixels",
    "assd": "ASSD in pixels",
    "boundary_iou": "boundary IoU",
    "f1": "F1",
    "aji": "AJI",
    "pq": "PQ",
    "dq": "DQ",
    "sq": "SQ",
    "v_rand": "V_rand",
    "v_rand_precision": "V_rand precision",
    "v_rand_recall": "V_rand recall",
    "v_info": "V_info",
    "v_info_precision": "V_info precision",
    "v_info_recall": "V_info recall",
}


def readings(metrics: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """Split a protocol's metrics by the prefix or suffix of the metric's name.

    Args:
        metrics: Metric -> anything, such as `mean_dice`, `iou_0.5`, `mae`.

    Returns:
        Reading ("mean", "max", "at 0.2", or "" for the plain ones) -> bare metric -> the same.
    """
    found: dict[str, dict[str, T]] = {}
    for metric, value in metrics.items():
        over, bare, threshold = _parts(metric)
        reading = over or (f"at {threshold}" if threshold else "")
        found.setdefault(reading, {})[bare] = value
    return found


def title(metric: str) -> str:
    """Title of a metric, such as "Dice", "mean Dice" or "IoU at 0.2"."""
    over, bare, threshold = _parts(metric)
    name = TITLES.get(bare, bare.replace("_", " "))
    return " ".join(part for part in (over, name, f"at {threshold}" if threshold else "") if part)


def _parts(metric: str) -> tuple[str, str, str]:
    """`mean` or `max`, the bare metric, and the threshold; empty where it has none."""
    parts = re.fullmatch(r"(?:(mean|max)_)?(.+?)(?:_(\d+\.\d+))?", metric)
    assert parts is not None
    return parts[1] or "", parts[2], parts[3] or ""
