"""Mean field of a fully connected conditional random field on the pixels of an image, for two classes.

Paper: Kraehenbuehl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", NIPS 2011:
unary energies are the logarithms of the net's probabilities; a Potts model charges every pair of pixels of different
classes with a Gaussian of their positions and one of their positions and colours; both kernels are normalised
symmetrically, and all pixels are updated at once. As in the authors' code, the sums include the pixel itself. The
kernel of positions is computed exactly, that of colours on the permutohedral lattice.

Jha et al. ("A Comprehensive Study on Colorectal Polyp Segmentation With ResUNet++, Conditional Random Field and
Test-Time Augmentation", 2021) apply it to ResUNet++. Their code has the kernel of positions alone (3 pixels, weight 3,
10 updates), on labels that count as 70 % sure; here the net's probabilities take their place, and the kernel of colours
has the usual values of DenseCRF's example (80 pixels, 13 grey levels, weight 10).
"""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.special import expit, logit
from torch import Tensor

from polybench.data.images import UInt8Array
from polybench.methods.postprocessing.lattice import Floats, Lattice
from polybench.metrics.prepare import rounded_to_steps

CERTAIN = 1e-6
"""Probabilities nearer to 0 or 1 than this count as this far away."""

DEVIATIONS = 6
"""Standard deviations after which the exact kernel is 0: less than 1e-7 of its middle."""


@dataclass(frozen=True)
class CRF:
    """A fully connected CRF of two classes.

    Args:
        near: Standard deviation of the kernel of positions, pixels.
        near_weight: Its weight.
        far: Standard deviation of positions in the kernel of colours, pixels.
        colour: Standard deviation of colours in it, grey levels from 0 to 255.
        colour_weight: Its weight.
        updates: Number of mean field updates.
    """

    near: float = 3.0
    near_weight: float = 3.0
    far: float = 80.0
    colour: float = 13.0
    colour_weight: float = 10.0
    updates: int = 10

    def infer(self, image: UInt8Array, probability: Floats) -> Floats:
        """Infer the marginal probability of the foreground.

        Args:
            image: RGB, (h, w, 3).
            probability: Of the net, (h, w).

        Returns:
            Probability, (h, w).
        """
        rows, columns = np.indices(probability.shape)
        places = np.stack([rows, columns], axis=-1).reshape(-1, 2) / self.far
        lattice = Lattice(np.concatenate([places, image.reshape(-1, 3) / self.colour], axis=1))

        def near(values: Floats) -> Floats:
            found: Floats = gaussian_filter(values, self.near, mode="constant", truncate=DEVIATIONS)
            return found

        def alike(values: Floats) -> Floats:
            return lattice.filtered(values.ravel()).reshape(values.shape)

        ones = np.ones(probability.shape)
        kernels = [(self.near_weight, near), (self.colour_weight, alike)]
        scaled = [(weight, kernel, 1 / np.sqrt(kernel(ones))) for weight, kernel in kernels]
        unary = logit(np.clip(probability, CERTAIN, 1 - CERTAIN))
        found: Floats = expit(unary)
        for _ in range(self.updates):
            signs = 2 * found - 1
            found = expit(unary + sum(weight * norm * kernel(norm * signs) for weight, kernel, norm in scaled))
        return found

    def of_native(self, image: UInt8Array, probability: Tensor) -> Tensor:
        """Infer from a probability (h, w) as `to_native_size` gives it, and round the result likewise."""
        return rounded_to_steps(torch.from_numpy(self.infer(image, probability.cpu().double().numpy())))

    @property
    def identity(self) -> dict[str, float]:
        """Its numbers, by name."""
        return asdict(self)
