"""A data module without data: what a prediction needs to know of a net's input, where no dataset is at hand."""

from collections.abc import Sequence

from lightning.pytorch import LightningDataModule

from polybench.data.value_range import check_bits


class ImagesOnly(LightningDataModule):
    """Stands in for the dataset of a checkpoint when masks of other images are predicted.

    Args:
        size: Height and width of the net's input, pixels.
        eval_batch_size: Images that the net sees at once.
        bits: How many bits count in images of more than 8, as in training.
        seed: Of no use here; the command line fills it from `--seed_everything`.
    """

    short_name = "images"

    def __init__(self, size: Sequence[int], eval_batch_size: int = 1, bits: int | None = None, seed: int = 0) -> None:
        super().__init__()
        check_bits(bits)
        self.bits = bits
        self.size = (size[0], size[1])
        self.eval_batch_size = eval_batch_size
        self.seed = seed
