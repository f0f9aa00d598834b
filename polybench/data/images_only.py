"""A data module without data: the input size of a net, for predictions without a dataset."""

from collections.abc import Sequence

from lightning.pytorch import LightningDataModule

from polybench.data.crops import Crop
from polybench.data.fitting import Fit, Fitting
from polybench.data.value_range import check_bits


class ImagesOnly(LightningDataModule):
    """Replacement of a checkpoint's data module, for predicting masks of other images.

    Args:
        size: Height and width of the net's input, pixels.
        eval_batch_size: Images per batch, or tiles of an image.
        bits: Number of significant bits of images of more than 8, as in training; None where no image needs it.
        fit: How images become the net's input, as in training.
        pad_value: Grey level of the padding.
        crop: The crops that the net was trained on, by whose tiles images are predicted; None for whole images.
        seed: Not used; the command line fills it from `--seed_everything`.
    """

    short_name = "images"

    def __init__(
        self,
        size: Sequence[int],
        eval_batch_size: int = 1,
        bits: int | None = None,
        fit: Fit = "stretch",
        pad_value: int = 0,
        crop: Crop | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_bits(bits)
        self.bits = bits
        self.size = (size[0], size[1])
        self.fitting = Fitting(fit, pad_value)
        self.crop = crop
        self.eval_batch_size = eval_batch_size
        self.seed = seed
