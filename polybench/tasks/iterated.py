"""Tasks whose net is shown its own mask again and again, iteration by iteration."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from polybench.data.images import UInt8Array
from polybench.tasks.base import FloatArray


@runtime_checkable
class IteratedTask(Protocol):
    """A task that predicts an image in iterations, each of which is shown the mask of the one before.

    Attributes:
        start: What the mask of the first iteration is called.
        iterations: Iterations of an evaluation.
    """

    start: ClassVar[str]
    iterations: int

    @property
    def counted(self) -> int | None:
        """The iteration whose mask is scored; None where that differs from image to image."""

    def predict_iterations(self, image: UInt8Array) -> Sequence[FloatArray]:
        """Predict probabilities (h, w) of an image (h, w, 3) at native size after each iteration.

        Args:
            image: RGB, uint8.

        Returns:
            The first mask, as 0 and 1, and one prediction for each iteration.
        """
