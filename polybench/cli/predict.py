"""`polybench predict`: one mask for each image of a folder, under its name, at its size; with `--refine` refined."""

import sys
from collections import Counter
from pathlib import Path

import numpy
import torch
from PIL import Image

from polybench.atomic import atomic_write_text, atomic_writer
from polybench.cli.outputs import refuse_unwritable
from polybench.data.images import UInt8Array, find_images, read_image, resize_image
from polybench.data.progress import progress
from polybench.errors import ConfigError, DataError
from polybench.experiments.refinement import Refinement, choose_thresholds, in_words, refinement_of, removed
from polybench.experiments.session import Session
from polybench.metrics import THRESHOLD
from polybench.metrics.prepare import resize_affine, to_native_size
from polybench.refinement.regions import BoolArray
from polybench.refinement.table import Region, regions_csv, regions_of
from polybench.tasks import SegmentationTask

REGIONS = "regions.csv"
"""Beside refined masks: where each region was, how probable an object, whether it was removed."""


def main(args: list[str]) -> int:
    """Run the command and return its exit code: 0 when every image has its mask."""
    cli = Session("predict", args)
    checkpoint = cli.required_checkpoint()
    if not cli.config.images or not cli.config.out:
        raise ConfigError("predict needs --images DIR, a folder of images, and --out DIR, where the masks go.")
    if cli.config.refine and cli.config.probabilities:
        raise ConfigError("--probabilities are those of the net, which --refine doesn't change: leave out one of both.")
    refinement = refinement_of(cli)
    images, out = Path(cli.config.images), Path(cli.config.out)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out '{out}' is a file: name a folder.")
    refuse_unwritable(out / (REGIONS if refinement else "mask.png"), "--out")
    paths = find_images(images, recursive=True)
    targets = mask_paths(paths, images, out, ".npy" if cli.config.probabilities else ".png")
    task: SegmentationTask = cli.model
    cli.load_weights(Path(checkpoint))
    if refinement is not None:
        choose_thresholds(cli, refinement, None)
        print(f"Masks are refined at the thresholds {in_words(refinement.thresholds)}.")
    device = cli.trainer.strategy.root_device
    task.eval().to(device)
    problems: list[str] = []
    regions: list[Region] = []
    for path, target in progress(list(zip(paths, targets, strict=True)), "Predicting"):
        try:
            image = read_image(path)
            probability = predict_probability(cli, task, image, device)
            if cli.config.probabilities:
                with atomic_writer(target) as file:
                    numpy.save(file, probability[0].cpu().numpy())
            else:
                native = at_native_size(probability, image)
                mask, found = mask_of(image, native, refinement, path.relative_to(images).as_posix())
                save_mask(mask, target)
                regions += found
        except (DataError, OSError) as error:
            problems.append(str(error))
    done = len(paths) - len(problems)
    what = "probabilities" if cli.config.probabilities else "mask"
    print(f"{done} of {len(paths)} images have their {what} in '{out}'.")
    if refinement is not None:
        atomic_write_text(out / REGIONS, regions_csv(regions))
        print(f"{removed(regions)} of {len(regions)} regions were removed: {out / REGIONS}")
    for problem in problems:
        print(f"polybench: error: nothing for this image: {problem}", file=sys.stderr)
    return 1 if problems else 0


def mask_paths(paths: list[Path], images: Path, out: Path, suffix: str = ".png") -> list[Path]:
    """Name the masks: the image's relative path with the suffix, or .<type>.png where two images share a stem.

    Raises:
        ConfigError: If the masks would fall among the images, or on each other.
    """
    if out.resolve().is_relative_to(images.resolve()):
        raise ConfigError(f"--out must be another folder than --images '{images}' and not in it, or masks are images.")
    shared = Counter(path.with_suffix("") for path in paths)
    names = [(path.name if shared[path.with_suffix("")] > 1 else path.stem) + suffix for path in paths]
    targets = [out / path.relative_to(images).parent / name for path, name in zip(paths, names, strict=True)]
    taken = Counter(targets)
    for path, target in zip(paths, targets, strict=True):
        if taken[target] > 1:
            raise ConfigError(f"The mask of '{path}' would share the name '{target}' with another's: rename the image.")
    return targets


def predict_probability(cli: Session, task: SegmentationTask, image: UInt8Array, device: torch.device) -> torch.Tensor:
    """Predict one image (h, w, 3) at the recipe's size.

    Returns:
        Foreground probabilities at that size, (1, H, W), float32.
    """
    pixels = torch.from_numpy(resize_image(image, cli.datamodule.size).copy()).permute(2, 0, 1)[None]
    with torch.inference_mode(), cli.trainer.precision_plugin.forward_context():
        return task.predict_probability(pixels.to(device).float() / 255)[0]


def at_native_size(probability: torch.Tensor, image: UInt8Array) -> torch.Tensor:
    """Bring a prediction to the size of its image, (h, w)."""
    native, size = (image.shape[0], image.shape[1]), (probability.shape[-2], probability.shape[-1])
    return to_native_size(probability, resize_affine(size, native), native)[0]


def mask_of(
    image: UInt8Array, probability: torch.Tensor, refinement: Refinement | None, name: str
) -> tuple[BoolArray, list[Region]]:
    """Make the mask of an image from probabilities at its size, refined if it is to be.

    Args:
        image: The image, (h, w, 3).
        probability: Of the foreground, (h, w).
        refinement: What refines; None for a plain mask.
        name: What the table of regions calls the image.

    Returns:
        The mask (h, w), and the regions that the refinement looked at.
    """
    if refinement is None:
        return (probability >= THRESHOLD).cpu().numpy(), []
    refined = refinement.refiner.refine(image, probability, refinement.thresholds)
    return refined.after, regions_of(name, refined)


def save_mask(mask: BoolArray, target: Path) -> None:
    """Write a mask as PNG, 0 and 255, atomically."""
    with atomic_writer(target) as file:
        Image.fromarray((mask * 255).astype("uint8")).save(file, format="PNG")
