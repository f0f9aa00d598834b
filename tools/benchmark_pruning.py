"""Time iterative pruning with its shortcuts against every pass of every image, with trained weights on real images.

    python tools/benchmark_pruning.py --config conf/fanet_em.yaml --ckpt_path best.ckpt --sizes 256 512 \
        -- --data.root DATA --model.net.widths [16,32,64,128]

Both ways see the same images in the same batches, in turn, so that a busy machine slows both; the median of the
rounds' ratios is shown. Before anything is timed, the logits of every pass are compared, bit by bit. What stands after
`--` goes to the recipe.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from polybench.data.splits import SUBSETS
from polybench.experiments.session import Session
from polybench.methods.feedback.codec import encode_batch
from polybench.methods.feedback.otsu import otsu_masks
from polybench.methods.feedback.pruning import Trajectory, iterate
from polybench.methods.feedback.task import FeedbackSegmentationTask
from polybench.models import FANet


def images_of(cli: Session, limit: int) -> Tensor:
    """The first images of the dataset, (N, 3, H, W), from every subset."""
    data = cli.datamodule
    data.prepare_data()
    data.setup("test")
    found: list[Tensor] = []
    for subset in SUBSETS:
        for batch in data.evaluation_dataloader(subset):
            data.as_floats(batch)
            found.append(batch["image"])
    return torch.cat(found)[:limit]


def equal(one: list[Trajectory], two: list[Trajectory], passes: int) -> bool:
    """Whether every pass of every image has the same bits."""
    pairs = zip(one, two, strict=True)
    return all(torch.equal(a.at(number), b.at(number)) for a, b in pairs for number in range(1, passes + 1))


def iterate_all(
    precompute: Callable[[Tensor], Any],
    refine: Callable[[Any, Tensor], Tensor],
    images: Tensor,
    masks: Tensor,
    iterations: int,
    batch_size: int,
) -> list[Trajectory]:
    """Compute every iteration of every image, by the definition that `iterate` shortens; arguments as there."""
    size = min(batch_size, len(images))
    trajectories = [Trajectory(code) for code in encode_batch(masks)]
    for first in range(0, len(images), size):
        rows = slice(first, first + size)
        batch, shown = filled(images[rows], size), filled(masks[rows], size)
        for _ in range(iterations):
            logits = refine(precompute(batch), shown)
            shown = logits > 0
            for trajectory, made in zip(trajectories[rows], logits, strict=False):
                trajectory.logits.append(made)
    return trajectories


def filled(chunk: Tensor, size: int) -> Tensor:
    """A chunk of the last images, filled up with repetitions of its first."""
    return torch.cat([chunk, chunk[:1].expand(size - len(chunk), *chunk.shape[1:])])


def seconds(work: Callable[[], list[Trajectory]]) -> float:
    """How long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ends(trajectories: list[Trajectory]) -> str:
    """How the images ended: after how many passes in a fixed point or a cycle, or not at all."""
    fixed = Counter(len(one.logits) for one in trajectories if one.period == 1)
    cycles = Counter(len(one.logits) for one in trajectories if one.period > 1)
    moving = sum(one.period == 0 for one in trajectories)
    parts = [f"{count} fixed at {number}" for number, count in sorted(fixed.items())]
    parts += [f"{count} in a cycle at {number}" for number, count in sorted(cycles.items())]
    return ", ".join([*parts, *([f"{moving} still moving"] if moving else [])])


def measure(task: FeedbackSegmentationTask, images: Tensor, passes: int, batch: int, rounds: int) -> list[str]:
    """The cells of a row."""
    net = task.net
    if not isinstance(net, FANet):
        raise SystemExit("This measures FANet: give one of its recipes.")
    masks, shown = otsu_masks(images), task.normalised(images)

    def passes_of(way: Callable[..., list[Trajectory]]) -> list[Trajectory]:
        return way(net.precompute, net.refine, shown, masks, passes, batch)

    with torch.inference_mode():
        quick, plain = passes_of(iterate), passes_of(iterate_all)
        if not equal(quick, plain, passes):
            raise SystemExit("The shortcuts change the logits: this is a defect, please report it.")
        ratios = []
        for _ in range(rounds):
            quick_seconds = seconds(lambda: passes_of(iterate))
            ratios.append(seconds(lambda: passes_of(iterate_all)) / quick_seconds)
    computed = sum(len(one.logits) for one in quick) / len(quick)
    size = f"{images.shape[-2]}x{images.shape[-1]}"
    return [size, str(len(images)), "yes", f"{computed:.2f} of {passes}", f"{median(ratios):.2f}", ends(quick)]


def main(args: list[str] | None = None) -> int:
    """Measure each size and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--config", required=True, help="the recipe")
    parser.add_argument("--ckpt_path", required=True, help="its trained weights")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="sides in pixels (%(default)s)")
    parser.add_argument("--limit", type=int, default=30, help="images (%(default)s)")
    parser.add_argument("--passes", type=int, default=10, help="passes (%(default)s)")
    parser.add_argument("--batch", type=int, default=4, help="images that the net sees at once (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="timings of both ways (%(default)s)")
    parser.add_argument("options", nargs="*", help="options of the recipe")
    options = parser.parse_args(args)
    torch.set_num_threads(1)
    table = Table(title=f"{options.passes} passes with shortcuts and without, one thread, batches of {options.batch}")
    for name in ("size", "images", "equal bits", "passes computed", "times faster", "how the masks ended"):
        table.add_column(name)
    for size in options.sizes:
        words = ["--config", options.config, "--data.size", f"[{size},{size}]", *options.options]
        cli = Session("test", [*words, "--ckpt_path", options.ckpt_path])
        cli.load_weights(Path(options.ckpt_path))
        images = images_of(cli, options.limit)
        table.add_row(*measure(cli.model.eval(), images, options.passes, options.batch, options.rounds))
    Console(width=132).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
