"""Let every method learn four real images by heart: a net that can't is broken, whatever its size.

    POLYBENCH_DATA=DATA python tools/overfit_nets.py [METHOD ...] [--half METHOD ...]

Each net of `conf/methods` that segments is built as published, with random weights, and trained with its own task and
loss on four images of Kvasir-SEG at 128x128 until its Dice exceeds 0.95, in evaluation mode, or the steps are used up.
Beside it stands the best Dice of a linear head on the colours of single pixels. `--half` halves the widths of a net
whose step takes too long here. The exit code is 1 if a net stays below.
"""

import argparse
import inspect
import time
import warnings
from collections.abc import Sequence
from typing import Any, cast

import torch
from net_table import METHODS, RANDOM_WEIGHTS, methods
from torch import Tensor
from torch.nn import functional as F

from polybench import methods as rooms
from polybench import tasks
from polybench.data.sample import Batch
from polybench.datasets import KvasirSEGDataModule
from polybench.experiments.class_versions import resolve
from polybench.experiments.documents import Documents
from polybench.methods.colour_exchange import ColourExchangeTask
from polybench.tasks import SegmentationTask

ENOUGH = 0.95
LOOK_EVERY = 10
WIDTHS = ("widths", "width", "channels", "hidden")
"""Options that hold the width of a net, of which the first that it has is halved."""


def four_images(count: int, side: int) -> Batch:
    """Read the first images of Kvasir-SEG, and resize them."""
    module = KvasirSEGDataModule()
    images, masks, names = [], [], []
    for source in sorted(module.sources(), key=lambda one: one.id)[:count]:
        decoded = module.decode(source)
        image = torch.tensor(decoded.image).permute(2, 0, 1)[None].float() / 255
        mask = torch.tensor(decoded.mask).reshape(1, 1, *image.shape[-2:]).float()
        images.append(F.interpolate(image, size=(side, side), mode="bilinear", antialias=True))
        masks.append((F.interpolate(mask, size=(side, side), mode="area") >= 0.5).float())
        names.append(source.id)
    mask = torch.cat(masks)
    batch = {"image": torch.cat(images), "mask": mask, "valid": torch.ones_like(mask), "id": names, "group": names}
    return cast(Batch, batch)


def dice(probability: Tensor, mask: Tensor, threshold: float = 0.5) -> float:
    """The mean Dice over images (N, 1, H, W)."""
    found = (probability > threshold).float()
    overlap, total = (found * mask).sum((1, 2, 3)), (found + mask).sum((1, 2, 3))
    return float((2 * overlap / total.clamp(min=1)).mean())


def linear_head(batch: Batch) -> float:
    """The best Dice, over thresholds, of a logistic regression on the colours of pixels, trained on the same images."""
    head = torch.nn.Conv2d(3, 1, 1)
    colours = (batch["image"] - 0.5) / 0.25
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(head(colours), batch["mask"])
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        probability = torch.sigmoid(head(colours))
    return max(dice(probability, batch["mask"], level / 100) for level in range(1, 100))


def built_task(method: str, half: bool) -> SegmentationTask | None:
    """A method's task with its net and loss, random weights; None where it doesn't segment."""
    model = Documents().configuration(METHODS / f"{method}.yaml")["model"]
    arguments = dict(model["init_args"])
    cls: Any = resolve(_path(model["class_path"]))
    if not issubclass(cls, SegmentationTask):
        return None
    if cls is ColourExchangeTask:  # which trains on other images than those that are tested
        cls = SegmentationTask
    net_class, options = arguments["net"]["class_path"], dict(arguments["net"].get("init_args", {}))
    net_class = resolve(net_class)
    defaults = {key: one.default for key, one in inspect.signature(net_class).parameters.items()}
    options |= {key: value for key, value in RANDOM_WEIGHTS.items() if key in defaults}
    if half:
        key = next(one for one in WIDTHS if one in defaults)
        options[key] = _halved(options.get(key, defaults[key]))
    loss = arguments["loss"]
    loss, given = (loss["class_path"], loss.get("init_args", {})) if isinstance(loss, dict) else (loss, {})
    task: SegmentationTask = cls(net_class(**options), resolve(loss)(**given), channels_last=True)
    return task


def _path(name: str) -> str:
    """The class path of a task that a method names in short."""
    if "." in name:
        return name
    places = [tasks, *rooms.import_all()]
    return next(f"{place.__name__}.{name}" for place in places if hasattr(place, name))


def _halved(width: Any) -> Any:
    return [one // 2 for one in width] if isinstance(width, Sequence) else width // 2


def overfit(task: SegmentationTask, batch: Batch, steps: int, rate: float) -> tuple[float, int, float]:
    """Train a task on one batch.

    Returns:
        Its best Dice in evaluation mode, the steps until then, and the seconds of a step.
    """
    optimizer = torch.optim.AdamW(task.net.parameters(), lr=rate)
    best, at, started = 0.0, 0, time.perf_counter()
    for step in range(1, steps + 1):
        loss = task.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % LOOK_EVERY == 0:
            task.eval()
            with torch.no_grad():
                now = dice(task.predict_probability(batch["image"]), batch["mask"])
            task.train()
            best, at = max((best, at), (now, step))
            if best > ENOUGH:
                break
    return best, at, (time.perf_counter() - started) / step


def main(words: list[str] | None = None) -> int:
    """Overfit the methods that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="METHOD", help="all by default")
    parser.add_argument("--half", nargs="*", default=[], metavar="METHOD", help="halve the widths of these")
    parser.add_argument("--steps", type=int, default=400, help="most steps (%(default)s)")
    parser.add_argument("--size", type=int, default=128, help="side of the images in pixels (%(default)s)")
    parser.add_argument("--lr", type=float, default=1e-3, help="learning rate of AdamW (%(default)s)")
    options = parser.parse_args(words)
    batch = four_images(4, options.size)
    linear = linear_head(batch)
    print(f"{'method':<28} {'parameters':>12} {'dice':>7} {'linear':>7} {'steps':>6} {'s/step':>7}", flush=True)
    failed = []
    for method in options.names or methods():
        torch.manual_seed(0)
        half = method in options.half
        task = built_task(method, half)
        if task is None:
            print(f"{method:<28} doesn't segment", flush=True)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there is no trainer to log to
            found, steps, seconds = overfit(task.train(), batch, options.steps, options.lr)
        parameters = sum(one.numel() for one in task.net.parameters())
        name = f"{method}{' (half)' if half else ''}"
        print(f"{name:<28} {parameters:>12,} {found:7.4f} {linear:7.4f} {steps:6d} {seconds:7.2f}", flush=True)
        if found <= ENOUGH:
            failed.append(method)
    if failed:
        print(f"below {ENOUGH}: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
