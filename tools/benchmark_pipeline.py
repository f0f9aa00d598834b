"""Ratios of the data pipeline, timed in turn in one run: cached against decoded, fed against held in memory.

`python tools/benchmark_pipeline.py [--data KvasirSEGDataModule --root DIR] [--rounds 12]`. The first ratio is an epoch
over the training images that decodes and resizes every file, divided by one that reads the cache. The second is a
training step (U-Net with ResNet-34, 256x256, batches of 8, `efen25`) that is fed by the loader, divided by the same
step on one batch that lies in memory.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import segmentation_models_pytorch as smp
import torch
from lightning.pytorch import Trainer

from polybench import datasets
from polybench.data.images import resize_image, resize_mask
from polybench.data.module import SegmentationDataModule
from polybench.experiments.profile.timing import time_in_turn
from polybench.experiments.profile.workload import Workload, set_up, step_modes, training_batches
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask

SIZE, BATCH = (256, 256), 8


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def prepare(name: str, root: str, trainer: Trainer) -> SegmentationDataModule:
    """Set a data module up as a trainer on one process would."""
    module = getattr(datasets, name)(root, SIZE, batch_size=BATCH, augment="efen25", allow_missing=True)
    assert isinstance(module, SegmentationDataModule)
    set_up(module, trainer)
    return module


def epochs(data: SegmentationDataModule, rounds: int) -> list[float]:
    """Decoding divided by reading the cache, for an epoch over the training images; one ratio a round."""
    ids = set(data.ids("train"))
    sources = [source for source in data.sources() if source.id in ids]

    def decode() -> None:
        for source in sources:
            decoded = data.decode(source)
            resize_image(decoded.image, SIZE)
            resize_mask(decoded.mask, SIZE)

    def read() -> None:
        for _ in data.train_dataloader():
            pass

    read()
    return [timed(decode) / timed(read) for _ in range(rounds)]


def steps(data: SegmentationDataModule, trainer: Trainer, rounds: int) -> dict[str, list[float]]:
    """Seconds of the training step on real data and on a fixed batch, and of fetching and augmenting alone."""
    work = Workload(SegmentationTask(smp.Unet("resnet34", encoder_weights=None), BCEDiceLoss()), trainer)
    source = training_batches(data, work.device)
    fixed = next(source)
    work.train(fixed)
    return time_in_turn(step_modes(work, fixed, source, data.num_workers), range(rounds))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description="Ratios of the data pipeline.")
    parser.add_argument("--data", default="SyntheticPolypDataModule", help="class of the dataset (%(default)s)")
    parser.add_argument("--root", help="folder of the datasets; a temporary one for the synthetic set")
    parser.add_argument("--rounds", type=int, default=12, help="pairs of steps (%(default)s)")
    options = parser.parse_args(arguments)
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    with tempfile.TemporaryDirectory() as folder:
        data = prepare(options.data, options.root or folder, trainer)
        ratios = epochs(data, 3)
        print(f"{options.data}, {len(data.ids('train'))} training images, {torch.get_num_threads()} threads")
        print(f"epoch, decoding / cached: median {statistics.median(ratios):.1f} of {len(ratios)}")
        seconds = steps(data, trainer, options.rounds)
    real, fixed, fetched = seconds["real"], seconds["fixed"], seconds["data"]
    pairs = [one / other for one, other in zip(real, fixed, strict=True)]
    print(f"step, fed / held in memory: median of {len(pairs)} pairs {statistics.median(pairs):.3f}")
    print(f"step, minimum / minimum: {min(real) / min(fixed):.3f}; median / median: ", end="")
    print(f"{statistics.median(real) / statistics.median(fixed):.3f}")
    share = statistics.median(fetched) / statistics.median(fixed)
    print(f"fetching and augmenting alone / step: {share:.3f} ({1000 * statistics.median(fetched):.0f} ms)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
