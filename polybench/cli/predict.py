"""`polybench predict`: one mask for each image of a folder, under its name, at its size."""

import sys
from collections import Counter
from pathlib import Path

import torch
from lightning.pytorch.cli import LightningArgumentParser
from PIL import Image

from polybench.atomic import atomic_writer
from polybench.cli.benchmark import BenchmarkCLI
from polybench.cli.complaints import mismatch
from polybench.data.images import find_images, read_image, resize_image
from polybench.data.progress import progress
from polybench.errors import ConfigError, DataError
from polybench.metrics import THRESHOLD
from polybench.metrics.prepare import resize_affine, to_native_size
from polybench.tasks import SegmentationTask


def main(args: list[str]) -> int:
    """Run the command and return its exit code: 0 when every image has its mask."""
    cli = BenchmarkCLI("predict", args, add_arguments)
    checkpoint = cli.required_checkpoint()
    if not cli.config.images or not cli.config.out:
        raise ConfigError("predict needs --images DIR, a folder of images, and --out DIR, where the masks go.")
    images, out = Path(cli.config.images), Path(cli.config.out)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out '{out}' is a file: name a folder.")
    paths = find_images(images, recursive=True)
    targets = mask_paths(paths, images, out)
    task: SegmentationTask = cli.model
    load_weights(cli, task, checkpoint)
    device = cli.trainer.strategy.root_device
    task.eval().to(device)
    problems: list[str] = []
    for path, target in progress(list(zip(paths, targets, strict=True)), "Predicting"):
        try:
            save_mask(predict_mask(cli, task, path, device), target)
        except (DataError, OSError) as error:
            problems.append(str(error))
    done = len(paths) - len(problems)
    print(f"{done} of {len(paths)} images have their mask in '{out}'.")
    for problem in problems:
        print(f"polybench: error: no mask for this image: {problem}", file=sys.stderr)
    return 1 if problems else 0


def add_arguments(parser: LightningArgumentParser) -> None:
    """Add where the images are and where the masks go."""
    parser.add_argument("--images", type=str | None, default=None, help="Folder of images, searched recursively.")
    parser.add_argument(
        "--out", type=str | None, default=None, help="Folder for the masks: PNG, 0 and 255, same names and sizes."
    )


def mask_paths(paths: list[Path], images: Path, out: Path) -> list[Path]:
    """Name the masks: the image's relative path with the suffix .png, or .<type>.png where two images share a stem.

    Raises:
        ConfigError: If the masks would fall among the images, or on each other.
    """
    if out.resolve().is_relative_to(images.resolve()):
        raise ConfigError(f"--out must be another folder than --images '{images}' and not in it, or masks are images.")
    shared = Counter(path.with_suffix("") for path in paths)
    names = [path.name + ".png" if shared[path.with_suffix("")] > 1 else path.stem + ".png" for path in paths]
    targets = [out / path.relative_to(images).parent / name for path, name in zip(paths, names, strict=True)]
    taken = Counter(targets)
    for path, target in zip(paths, targets, strict=True):
        if taken[target] > 1:
            raise ConfigError(f"The mask of '{path}' would share the name '{target}' with another's: rename the image.")
    return targets


def load_weights(cli: BenchmarkCLI, task: SegmentationTask, checkpoint: str) -> None:
    """Put a checkpoint's weights into the task.

    Raises:
        ConfigError: If they belong to another net; the first key that differs is named.
    """
    state = cli.trainer.strategy.checkpoint_io.load_checkpoint(checkpoint)
    if "state_dict" not in state:
        raise ConfigError(f"'{checkpoint}' has no 'state_dict': it is not a checkpoint of a polybench run.")
    try:
        task.load_state_dict(state["state_dict"])
    except RuntimeError as error:
        raise ConfigError(mismatch(checkpoint, error)) from error


def predict_mask(cli: BenchmarkCLI, task: SegmentationTask, path: Path, device: torch.device) -> torch.Tensor:
    """Predict one image at the recipe's size and bring the result to the image's own size.

    Returns:
        Boolean mask at native size, (h, w).
    """
    image = read_image(path)
    native = (image.shape[0], image.shape[1])
    size = cli.datamodule.size
    pixels = torch.from_numpy(resize_image(image, size).copy()).permute(2, 0, 1)[None].to(device).float() / 255
    with torch.inference_mode(), cli.trainer.precision_plugin.forward_context():
        probability = task.predict_probability(pixels)[0]
    return to_native_size(probability, resize_affine(size, native), native)[0] >= THRESHOLD


def save_mask(mask: torch.Tensor, target: Path) -> None:
    """Write a mask as PNG, 0 and 255, atomically."""
    with atomic_writer(target) as file:
        Image.fromarray((mask.cpu().numpy() * 255).astype("uint8")).save(file, format="PNG")
