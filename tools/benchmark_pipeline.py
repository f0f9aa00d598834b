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
from collections.abc import Callable, Iterator, Sequence

import segmentation_models_pytorch as smp
import torch
from lightning.pytorch import Trainer

from polybench import datasets
from polybench.data.images import resize_image, resize_mask
from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Batch
from polybench.losses import BCEDiceLoss

SIZE, BATCH = (256, 256), 8


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def prepare(name: str, root: str) -> SegmentationDataModule:
    """Set a data module up as a trainer on one process would."""
    module = getattr(datasets, name)(root, SIZE, batch_size=BATCH, augment="efen25", allow_missing=True)
    assert isinstance(module, SegmentationDataModule)
    module.trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    module.trainer.training = True
    module.prepare_data()
    module.setup("fit")
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


def batches(data: SegmentationDataModule) -> Iterator[Batch]:
    """Training batches without end, as the trainer gets them."""
    while True:
        for batch in data.train_dataloader():
            yield data.on_after_batch_transfer(batch, 0)


def steps(data: SegmentationDataModule, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of the fed step, of the step on a batch in memory, and of fetching and augmenting alone."""
    net = smp.Unet("resnet34", encoder_weights=None)
    loss = BCEDiceLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    source = batches(data)

    def train(batch: Batch) -> None:
        optimizer.zero_grad()
        loss(net(batch["image"]), batch["mask"], batch["valid"]).backward()
        optimizer.step()

    fixed = next(source)
    train(fixed)
    fed, held, fetched = [], [], []
    for _ in range(rounds):
        fed.append(timed(lambda: train(next(source))))
        held.append(timed(lambda: train(fixed)))
        fetched.append(timed(lambda: next(source)))
    return fed, held, fetched


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description="Ratios of the data pipeline.")
    parser.add_argument("--data", default="SyntheticPolypDataModule", help="class of the dataset (%(default)s)")
    parser.add_argument("--root", help="folder of the datasets; a temporary one for the synthetic set")
    parser.add_argument("--rounds", type=int, default=12, help="pairs of steps (%(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        data = prepare(options.data, options.root or folder)
        ratios = epochs(data, 3)
        print(f"{options.data}, {len(data.ids('train'))} training images, {torch.get_num_threads()} threads")
        print(f"epoch, decoding / cached: median {statistics.median(ratios):.1f} of {len(ratios)}")
        fed, held, fetched = steps(data, options.rounds)
    pairs = [one / other for one, other in zip(fed, held, strict=True)]
    print(f"step, fed / held in memory: median of {len(pairs)} pairs {statistics.median(pairs):.3f}")
    print(f"step, minimum / minimum: {min(fed) / min(held):.3f}; median / median: ", end="")
    print(f"{statistics.median(fed) / statistics.median(held):.3f}")
    share = statistics.median(fetched) / statistics.median(held)
    print(f"fetching and augmenting alone / step: {share:.3f} ({1000 * statistics.median(fetched):.0f} ms)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
