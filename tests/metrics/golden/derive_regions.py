"""Where the golden numbers of outlines, objects, instances and membranes come from.

`python tests/metrics/golden/derive_regions.py` writes them beside itself, after `derive.py` has written the images.
Nothing here imports polybench: outlines, erosions, boxes and floods are scikit-image's, distances and pairings scipy's,
clusterings scikit-learn's, panoptic quality torchmetrics', and AJI is the loop of its paper.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from derive import HERE, NATIVE, bilinear, images, means
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from skimage.measure import label, regionprops
from skimage.morphology import erosion, footprint_rectangle
from skimage.segmentation import find_boundaries, watershed
from sklearn.metrics import completeness_score, homogeneity_score, v_measure_score
from sklearn.metrics.cluster import pair_confusion_matrix
from torchmetrics.functional.detection import panoptic_quality


def boundary(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """All pairs of outline pixels; erosions with a square for the bands."""
    diagonal = math.hypot(*truth.shape)
    if not truth.any() or not prediction.any():
        alike = truth.any() == prediction.any()
        return {"hd95": 0 if alike else diagonal, "assd": 0 if alike else diagonal, "boundary_iou": float(alike)}
    outlines, bands = [], []
    for mask in (prediction, truth):
        around = np.pad(mask, 1)
        outlines.append(np.argwhere(find_boundaries(around, connectivity=1, mode="inner")))
        for _ in range(max(1, round(0.02 * diagonal))):
            around = erosion(around, footprint_rectangle((3, 3)))
        bands.append(mask & ~around[1:-1, 1:-1])
    away = cdist(*outlines)
    there, back = away.min(axis=1), away.min(axis=0)
    return {
        "hd95": max(np.percentile(there, 95), np.percentile(back, 95)),
        "assd": np.concatenate([there, back]).mean(),
        "boundary_iou": (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum(),
    }


def objects(truths: list[np.ndarray], predictions: list[np.ndarray]) -> dict[str, float]:
    """Boxes of regions, and the assignment with the most boxes of an IoU of at least one half."""
    found, predicted, true = 0, 0, 0
    for pair in zip(predictions, truths, strict=True):
        boxes = [[region.bbox for region in regionprops(label(mask, connectivity=2))] for mask in pair]
        hit = np.zeros((len(boxes[0]), len(boxes[1])))
        for i, (top, left, bottom, right) in enumerate(boxes[0]):
            for j, other in enumerate(boxes[1]):
                first, second = np.zeros(NATIVE, bool), np.zeros(NATIVE, bool)
                first[top:bottom, left:right] = second[other[0] : other[2], other[1] : other[3]] = True
                hit[i, j] = (first & second).sum() >= (first | second).sum() / 2
        found += hit[linear_sum_assignment(hit, maximize=True)].sum()
        predicted, true = predicted + len(boxes[0]), true + len(boxes[1])
    return {"f1": 2 * found / (predicted + true), "precision": found / predicted, "recall": found / true}


def instances(labels: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Algorithm 1 of Kumar et al., and torchmetrics."""
    predicted = label(prediction, connectivity=2)
    if not labels.any() or not predicted.any():
        return dict.fromkeys(("aji", "pq", "dq", "sq"), float(labels.any() == predicted.any()))
    shared, union, used = 0, 0, set()
    for nucleus in (labels == name for name in range(1, labels.max() + 1)):
        candidates = {name: predicted == name for name in range(1, predicted.max() + 1)}
        iou = {name: (mask & nucleus).sum() / (mask | nucleus).sum() for name, mask in candidates.items()}
        best = max(iou, key=lambda name: iou[name])
        if not iou[best]:
            union += nucleus.sum()
            continue
        shared, union = shared + (nucleus & candidates[best]).sum(), union + (nucleus | candidates[best]).sum()
        used.add(best)
    union += (predicted > 0).sum() - sum((predicted == name).sum() for name in used)
    maps = [torch.from_numpy(np.stack([one > 0, one], axis=-1).astype(np.int64))[None] for one in (predicted, labels)]
    values = panoptic_quality(*maps, things={1}, stuffs={0}, return_sq_and_rq=True, return_per_class=True)
    pq, sq, dq = values.reshape(-1, 3)[0].tolist()
    return {"aji": shared / union, "pq": pq, "dq": dq, "sq": sq}


def slices() -> list[dict[str, Any]]:
    """Three slices of nine cells; predicted membranes are straight and three pixels wide, faint ones and one too many.

    Straight, so that every way to flood leaves the same lines wherever the truth is no membrane.
    """
    random = np.random.default_rng(3)
    found = []
    for k in range(3):
        interior = np.ones((25, 25), int)
        levels = np.full((25, 25), 230)
        for line in (8, 16):
            interior[line] = interior[:, line] = 0
            for along in (levels[line - 1 : line + 2], levels[:, line - 1 : line + 2]):
                np.minimum(along, random.choice([20, 60, 120, 160, 200]), out=along)
        np.minimum(levels[2:5], (90, 140, 180)[k], out=levels[2:5])
        found.append({"id": f"slice {k}", "levels": levels.tolist(), "mask": interior.tolist()})
    return found


def membranes(interior: np.ndarray, cells: np.ndarray) -> dict[str, float]:
    """Pairs of pixels and entropies of two clusterings of the pixels of the true cells."""
    inside = interior.astype(bool)
    true = label(inside, connectivity=1)[inside]
    predicted = np.where(cells > 0, cells, cells.max() + 1 + np.arange(cells.size).reshape(cells.shape))[inside]
    if not cells.any():
        return dict.fromkeys(("v_rand", "v_rand_precision", "v_rand_recall", "v_info", *INFO), 0.0)
    (_, merged), (split, together) = pair_confusion_matrix(true, predicted)
    pairs = together + len(true)
    return {
        "v_rand": 2 * pairs / (2 * pairs + merged + split),
        "v_rand_precision": pairs / (pairs + merged),
        "v_rand_recall": pairs / (pairs + split),
        "v_info": v_measure_score(true, predicted),
        "v_info_precision": homogeneity_score(true, predicted),
        "v_info_recall": completeness_score(true, predicted),
    }


INFO = ("v_info_precision", "v_info_recall")


def membranes_of_slices(pairs: list[dict[str, Any]]) -> dict[str, float]:
    """Every threshold, cells flooded by scikit-image until lines are left."""
    sweep = []
    for step in range(11):
        values = []
        for pair in pairs:
            above = np.array(pair["levels"]) / 255 > step / 10
            cells = watershed(np.zeros(above.shape), label(above, connectivity=1), watershed_line=True)
            values.append(membranes(np.array(pair["mask"]), cells if above.any() else np.zeros_like(cells)))
        sweep.append(means(values))
    best = {f"max_{name}": max(row[name] for row in sweep) for name in ("v_rand", "v_info")}
    return {**sweep[5], **best}


def write(path: Path, numbers: dict[str, float]) -> None:
    """Write a fixture."""
    path.write_text(json.dumps({name: float(number) for name, number in numbers.items()}, indent=2) + "\n")


def main() -> None:
    """Derive and write everything."""
    pairs, stack = images(), slices()
    masks = [np.array(pair["mask"]).astype(bool) for pair in pairs]
    valids = [np.array(pair["valid"]).astype(bool) for pair in pairs]
    found = [bilinear(np.array(pair["levels"], float), NATIVE) / 255 >= 0.5 for pair in pairs]
    truths = [mask & valid for mask, valid in zip(masks, valids, strict=True)]
    seen = [prediction & valid for prediction, valid in zip(found, valids, strict=True)]
    labels = [np.array(pair["labels"]) * valid for pair, valid in zip(pairs, valids, strict=True)]
    write(HERE / "boundary.json", means([boundary(t, p) for t, p in zip(truths, seen, strict=True)]))
    write(HERE / "objects.json", objects(truths, seen))
    write(HERE / "instances.json", means([instances(t, p) for t, p in zip(labels, seen, strict=True)]))
    write(HERE / "membranes.json", membranes_of_slices(stack))
    (HERE / "slices.json").write_text(json.dumps(stack, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
