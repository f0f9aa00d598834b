"""Time polybench's fused augmentation against kornia's, which resamples once per operation, and each named policy.

Contenders take turns within every round, so that a busy machine slows all of them; ratios are of medians. Every call
draws new parameters. albumentations joins in where it happens to be installed: on 8-bit images one by one, without the
way to tensors and back.

    python tools/benchmark_augmentation.py --threads 1
"""

import argparse
import importlib
import importlib.util
import itertools
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import kornia.augmentation as K
import torch
from rich.console import Console
from rich.table import Table

from polybench.augment import POLICY_NAMES, Policy, named_policy
from polybench.augment.geometry import Affine, HorizontalFlip, Rotate, VerticalFlip
from polybench.augment.operations import Step
from polybench.augment.warps import ElasticDeformation

Call = Callable[[], object]
DEGREES, ZOOM, SHIFT = 30.0, (0.8, 1.25), 0.1
SIGMA = 6 / 256  # of the elastic deformation, as a share of the side


def ours(policy: Policy, images: torch.Tensor, masks: torch.Tensor) -> Call:
    """Make a call that draws for a new epoch and changes images and masks."""
    epoch = itertools.count()
    size = (images.shape[-2], images.shape[-1])

    def call() -> None:
        now = next(epoch)
        keys = [(0, now, f"image{number}") for number in range(len(images))]
        transform = policy.transform(keys, size, images.device)
        transform.image(images)
        transform.mask(masks)

    return call


def fused_policy(*, elastic: bool) -> Policy:
    """Make the chain that is compared, as one policy."""
    operations = [HorizontalFlip(), VerticalFlip(), Rotate(DEGREES), Affine(zoom=ZOOM), Affine(shift=SHIFT)]
    deformation = [ElasticDeformation(deviation=3.26 / 256, smoothness=SIGMA)] if elastic else []
    return Policy("chain", variants=[[Step(operation) for operation in (*operations, *deformation)]], border="zeros")


def kornias(images: torch.Tensor, masks: torch.Tensor, *, elastic: bool) -> Call:
    """Make a call that puts images and masks through the same operations of kornia, each always done."""
    sigma = SIGMA * images.shape[-1]
    window = 6 * int(sigma) + 1
    deformation = [K.RandomElasticTransform((window, window), (sigma, sigma), p=1.0)] if elastic else []
    sequence = K.AugmentationSequential(
        K.RandomHorizontalFlip(p=1.0),
        K.RandomVerticalFlip(p=1.0),
        K.RandomRotation(DEGREES, p=1.0),
        K.RandomAffine(0.0, scale=ZOOM, p=1.0),
        K.RandomAffine(0.0, translate=(SHIFT, SHIFT), p=1.0),
        *deformation,
        data_keys=["input", "mask"],
    )
    return lambda: sequence(images, masks)


def albumentations_chain(images: torch.Tensor, masks: torch.Tensor, *, elastic: bool) -> Call:
    """Make a call that puts 8-bit images one by one through the same operations of albumentations."""
    A: Any = importlib.import_module("albumentations")
    deformation = [A.ElasticTransform(alpha=120, sigma=SIGMA * images.shape[-1], p=1.0)] if elastic else []
    shift = (-SHIFT, SHIFT)
    affine = [A.Affine(scale=ZOOM, p=1.0), A.Affine(translate_percent={"x": shift, "y": shift}, p=1.0)]
    flips = [A.HorizontalFlip(p=1.0), A.VerticalFlip(p=1.0)]
    sequence = A.Compose([*flips, A.Rotate(DEGREES, p=1.0), *affine, *deformation])
    pictures = [picture.permute(1, 2, 0).mul(255).byte().cpu().numpy() for picture in images]
    outlines = [mask[0].byte().cpu().numpy() for mask in masks]
    return lambda: [sequence(image=i, mask=m) for i, m in zip(pictures, outlines, strict=True)]


def take_turns(calls: Mapping[str, Call], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Time each call once per round, in milliseconds, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: values[1:] for name, values in times.items()}


def show(title: str, times: Mapping[str, list[float]]) -> None:
    """Print a table; the first row is what the others are compared with."""
    table = Table("", "min ms", "median ms", "times the first")
    first = median(next(iter(times.values())))
    for name, values in times.items():
        table.add_row(name, f"{min(values):.1f}", f"{median(values):.1f}", f"{median(values) / first:.1f}")
    Console().print(title, table, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and the policies; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--batch", type=int, default=16, help="images in a batch")
    parser.add_argument("--size", type=int, default=256, help="their side in pixels")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is timed")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--device", default="cpu", help="where the batch lies")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore", message="Default grid_sample and affine_grid behavior")  # kornia's elastic
    device = torch.device(options.device)
    images = torch.rand(options.batch, 3, options.size, options.size, device=device)
    masks = (torch.rand(options.batch, 1, options.size, options.size, device=device) > 0.5).float()
    shape = f"{options.batch} x 3 x {options.size} x {options.size} with masks, {device}, {options.threads} thread(s)"
    for elastic in (False, True):
        calls = {
            "polybench": ours(fused_policy(elastic=elastic), images, masks),
            "kornia": kornias(images, masks, elastic=elastic),
        }
        if importlib.util.find_spec("albumentations"):
            calls["albumentations"] = albumentations_chain(images, masks, elastic=elastic)
        chain = "hflip, vflip, rotate, zoom, shift" + (", elastic" if elastic else "")
        show(f"{chain}: {shape}", take_turns(calls, options.rounds, device))
    policies = {name: ours(named_policy(name), images, masks) for name in POLICY_NAMES if name != "none"}
    show(f"policies: {shape}", take_turns(policies, options.rounds, device))
    return 0


if __name__ == "__main__":
    sys.exit(main())
