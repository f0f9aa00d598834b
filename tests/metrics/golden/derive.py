"""Where the golden numbers come from: `python tests/metrics/golden/derive.py` writes them beside itself.

Nothing here imports polybench. The maps are small and random; the numbers come from scikit-learn (confusion metrics,
ROC), from PySODMetrics (S-measure, weighted F, E-measure, MAE) and from loops over thresholds and pixels with the
formulas of the papers' code. `derive_regions.py` derives the rest.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import py_sod_metrics as sod
from sklearn import metrics as sk

HERE = Path(__file__).parent
NATIVE, NETWORK = (20, 24), (10, 12)


def images() -> list[dict[str, Any]]:
    """Ten pairs: blobs and noise in 8 bits, an empty mask, an empty prediction of it, a missed object."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[: NATIVE[0], : NATIVE[1]]
    found = []
    for k in range(10):
        centre, radius = random.uniform(6, 14, 2), random.uniform(3, 6)
        mask = ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2).astype(int)
        low_y, low_x = np.mgrid[: NETWORK[0], : NETWORK[1]]
        distance = np.hypot(2 * low_y + 0.5 - centre[0] - 1, 2 * low_x + 0.5 - centre[1])
        soft = 1 / (1 + np.exp((distance - radius) / 1.5)) + random.normal(0, 0.08, NETWORK)
        levels = (np.clip(soft, 0, 1) * 255).astype(int)
        if k in (3, 4):
            mask[:] = 0
        if k in (4, 5):
            levels[:] = levels // 8
        valid = ((y - 9.5) ** 2 + (x - 11.5) ** 2 < 11**2).astype(int)
        labels = mask * (1 + (x > centre[1] + radius / 3))  # two instances that touch
        arrays = {"levels": levels, "mask": mask, "valid": valid, "labels": labels}
        found.append({"id": f"{k:02d}", **{name: array.tolist() for name, array in arrays.items()}})
    return found


def bilinear(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear by its definition: pixel centres, half-pixel offsets, edges repeated."""
    result = np.zeros(size)
    scale = (image.shape[0] / size[0], image.shape[1] / size[1])
    for i in range(size[0]):
        for j in range(size[1]):
            v = min(max((i + 0.5) * scale[0] - 0.5, 0), image.shape[0] - 1)
            u = min(max((j + 0.5) * scale[1] - 0.5, 0), image.shape[1] - 1)
            top, left = int(v), int(u)
            bottom, right = min(top + 1, image.shape[0] - 1), min(left + 1, image.shape[1] - 1)
            dv, du = v - top, u - left
            result[i, j] = (image[top, left] * (1 - du) + image[top, right] * du) * (1 - dv) + (
                image[bottom, left] * (1 - du) + image[bottom, right] * du
            ) * dv
    return result


def confusion(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """scikit-learn's numbers, with the rule for empty masks of the protocol."""
    t, p = truth.ravel().astype(bool), prediction.ravel().astype(bool)
    zero = 1.0 if not t.any() and not p.any() else 0.0
    return {
        "dice": sk.f1_score(t, p, zero_division=zero),
        "iou": 1.0 if zero else sk.jaccard_score(t, p, zero_division=0),
        "precision": sk.precision_score(t, p, zero_division=zero),
        "recall": sk.recall_score(t, p, zero_division=zero),
        "f2": sk.fbeta_score(t, p, beta=2, zero_division=zero),
        "specificity": sk.recall_score(~t, ~p),
        "accuracy": sk.accuracy_score(t, p),
    }


def means(values: list[dict[str, float]]) -> dict[str, float]:
    """Mean over images."""
    return {name: float(np.mean([value[name] for value in values])) for name in values[0]}


def fanet(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """The formulas of FANet's code, pixel sums with 1e-15."""
    t, p, e = truth.astype(float), prediction.astype(float), 1e-15
    overlap = (t * p).sum()
    precision, recall = (overlap + e) / (p.sum() + e), (overlap + e) / (t.sum() + e)
    matrix = sk.confusion_matrix(t.ravel(), p.ravel())
    return {
        "dice": (2 * overlap + e) / (t.sum() + p.sum() + e),
        "iou": (overlap + e) / (t.sum() + p.sum() - overlap + e),
        "precision": precision,
        "recall": recall,
        "f2": 5 * precision * recall / (4 * precision + recall + e),
        "specificity": matrix[0, 0] / matrix[0].sum(),
        "accuracy": sk.accuracy_score(t.ravel(), p.ravel()),
    }


def keras_fcn(truths: list[np.ndarray], bytes_: list[np.ndarray]) -> dict[str, float]:
    """IoU of two classes of images of bytes, at 0.2 and 0.5 of 255."""
    found: dict[str, float] = {}
    for threshold in (0.2, 0.5):
        values = []
        for truth, image in zip(truths, bytes_, strict=True):
            t, p = truth.astype(bool), image / 255 >= threshold
            polyp = 1.0 if not (t | p).any() else (t & p).sum() / (t | p).sum()
            background = (~t & ~p).sum() / (~t | ~p).sum()
            values.append(
                {
                    "iou": polyp,
                    "background_iou": background,
                    "miou": (polyp + background) / 2,
                    "accuracy": (t == p).mean(),
                    "dice": 1.0 if not (t | p).any() else 2 * (t & p).sum() / (t.sum() + p.sum()),
                }
            )
        mean = means(values)
        mean["dice_of_mean_iou"] = 2 * mean["iou"] / (1 + mean["iou"])
        found |= {f"{name}_{threshold}": value for name, value in mean.items()}
    return found


def pranet(truths: list[np.ndarray], natives: list[np.ndarray]) -> dict[str, float]:
    """PySODMetrics for the structure measures, loops over thresholds for Dice and IoU."""
    structure, weighted, alignment, error = sod.Smeasure(), sod.WeightedFmeasure(beta=1), sod.Emeasure(), sod.MAE()
    maps = []
    for truth, native in zip(truths, natives, strict=True):
        span = native.max() - native.min()
        stretched = (native - native.min()) / span if span else native
        for measure in (structure, weighted, alignment, error):
            measure.step(stretched, truth.astype(bool), normalize=False)
        maps.append(stretched)
    curve = alignment.get_results()["em"]["curve"]
    swept_maps = threshold_loop(truths, maps)
    return {
        **best_and_mean({name: swept_maps[name] for name in ("dice", "iou")}),
        "s_measure": float(structure.get_results()["sm"]),
        "weighted_f": float(weighted.get_results()["wfm"]),
        "mean_e": float(curve.mean()),
        "max_e": float(curve.max()),
        "mae": float(error.get_results()["mae"]),
    }


def uacanet(truths: list[np.ndarray], natives: list[np.ndarray]) -> dict[str, float]:
    """PySODMetrics of the maps as they are."""
    structure, weighted, error = sod.Smeasure(), sod.WeightedFmeasure(beta=1), sod.MAE()
    for truth, native in zip(truths, natives, strict=True):
        for measure in (structure, weighted, error):
            measure.step(native, truth.astype(bool), normalize=False)
    return {
        "s_measure": float(structure.get_results()["sm"]),
        "weighted_f": float(weighted.get_results()["wfm"]),
        "mae": float(error.get_results()["mae"]),
    }


def best_and_mean(curves: dict[str, np.ndarray]) -> dict[str, float]:
    """Mean over images and thresholds, and the best of the mean over images, of curves (images, thresholds)."""
    found = {f"mean_{name}": float(np.mean(curve)) for name, curve in curves.items()}
    return found | {f"max_{name}": float(np.mean(curve, axis=0).max()) for name, curve in curves.items()}


def threshold_loop(truths: list[np.ndarray], maps: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Dice, IoU and F (squared beta 0.3) at every threshold, 0 where nothing is hit."""
    rows = []
    for truth, image in zip(truths, maps, strict=True):
        t = truth.astype(bool)
        rows.append([])
        for k in range(255, -1, -1):
            p = image >= k / 255
            hit, both = (t & p).sum(), t.sum() + p.sum()
            f = 1.3 * hit / (0.3 * t.sum() + p.sum()) if hit else 0.0
            rows[-1].append((2 * hit / both, hit / (both - hit), f) if hit else (0.0, 0.0, 0.0))
    return dict(zip(("dice", "iou", "f"), np.array(rows).transpose(2, 0, 1), strict=True))


def swept(
    inside: list[tuple[np.ndarray, np.ndarray]], truths: list[np.ndarray], maps: list[np.ndarray]
) -> dict[str, float]:
    """Maps as they are: inside the field of view at native size, E by PySODMetrics; all pixels at network size."""
    native = threshold_loop([pair[0] for pair in inside], [pair[1] for pair in inside])
    alignment = sod.Emeasure()
    for truth, score in inside:
        alignment.step(score[None], truth[None].astype(bool), normalize=False)
    curve = alignment.get_results()["em"]["curve"]
    network = threshold_loop(truths, maps)
    return {
        **best_and_mean(native),
        "mean_e": float(curve.mean()),
        "max_e": float(curve.max()),
        **best_and_mean({f"network_{name}": network[name] for name in ("dice", "iou")}),
    }


def efen(truths: list[np.ndarray], maps: list[np.ndarray]) -> dict[str, float]:
    """Soft sums over batches of 8 and 2; precision and recall of all pixels."""
    dice, iou = [], []
    for start in (0, 8):
        t, p = np.stack(truths[start : start + 8]).astype(float), np.stack(maps[start : start + 8])
        overlap = (t * p).sum()
        dice.append((2 * overlap + 1e-15) / (t.sum() + p.sum() + 1e-15))
        iou.append((overlap + 1e-15) / (t.sum() + p.sum() - overlap + 1e-15))
    t, p = np.stack(truths).ravel().astype(bool), np.stack(maps).ravel() > 0.5
    return {
        "dice": float(np.mean(dice)),
        "iou": float(np.mean(iou)),
        "precision": sk.precision_score(t, p),
        "recall": sk.recall_score(t, p),
    }


def pooled(truths: list[np.ndarray], natives: list[np.ndarray]) -> dict[str, float]:
    """scikit-learn on all pixels at once."""
    t, p = np.stack(truths).astype(bool), np.stack(natives) >= 0.5
    found = confusion(t, p)
    background = sk.jaccard_score(~t.ravel(), ~p.ravel())
    return {**found, "background_iou": background, "miou": (found["iou"] + background) / 2}


def main() -> None:
    """Derive and write everything."""
    pairs = images()
    masks = [np.array(pair["mask"]) for pair in pairs]
    maps = [np.array(pair["levels"]) / 255 for pair in pairs]
    natives = [bilinear(np.array(pair["levels"], float), NATIVE) / 255 for pair in pairs]  # sums of 1/16ths: exact
    network_masks = [bilinear(mask, NETWORK) >= 0.5 for mask in masks]
    valids = [np.array(pair["valid"]).astype(bool) for pair in pairs]
    inside = [(mask[valid], native[valid]) for mask, native, valid in zip(masks, natives, valids, strict=True)]
    in_view = means([confusion(mask, native >= 0.5) for mask, native in inside])
    truth, score = (np.concatenate([pair[part] for pair in inside]) for part in (0, 1))
    eight_bit = [np.floor(bilinear(np.array(pair["levels"], float), NATIVE) + 0.5) for pair in pairs]
    expected = {
        "per_image": means([confusion(mask, native >= 0.5) for mask, native in zip(masks, natives, strict=True)]),
        "fanet": means([fanet(t, p > 0.5) for t, p in zip(network_masks, maps, strict=True)]),
        "keras_fcn": keras_fcn(masks, eight_bit),
        "pooled": {
            **pooled(masks, natives),
            "auc": sk.roc_auc_score(np.stack(masks).ravel(), np.stack(natives).ravel()),
        },
        "efen": efen(network_masks, maps),
        "pranet": pranet(masks, natives),
        "uacanet": uacanet(masks, natives),
        "fov": {**in_view, "auc": sk.roc_auc_score(truth, score)},
        "sweep": swept(inside, network_masks, maps),
    }
    (HERE / "images.json").write_text(json.dumps(pairs, separators=(",", ":")) + "\n")
    for name, numbers in expected.items():
        text = json.dumps({key: float(number) for key, number in numbers.items()}, indent=2)
        (HERE / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
