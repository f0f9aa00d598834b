"""Check that masks and predictions can be scored in memory, before they are read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polybench.data.memory import Sized, refuse_too_large

if TYPE_CHECKING:  # imports torch, which --help doesn't need
    from polybench.metrics.protocols import Protocol


def refuse_too_large_to_score(images: list[Sized], protocols: "Sequence[Protocol]", *, dataset: bool = False) -> None:
    """Refuse images that don't fit into memory.

    Args:
        images: Masks or predictions.
        protocols: Protocols of the score.
        dataset: Whether the protocols are the dataset's, so that no option can leave one out.

    Raises:
        DataError: If one doesn't fit.
    """
    from polybench.metrics.memory import bytes_per_pixel

    names = {protocol.name for protocol in protocols}
    needed = bytes_per_pixel(names)
    without = {option: bytes_per_pixel(names - {option}) for option in ("membranes", "instances")}
    least = min(without, key=lambda option: without[option])
    advice = f"leave out --{least} ({without[least]} bytes per pixel then), " if without[least] < needed else ""
    refuse_too_large(images, needed, "scoring it", "" if dataset else advice)
