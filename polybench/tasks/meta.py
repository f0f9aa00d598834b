"""Dry runs of a net on the meta device, where tensors have shapes but no values."""

from collections.abc import Callable
from typing import TypeVar

import torch
from lightning.pytorch.utilities import rank_zero_warn

from polybench.core.errors import ConfigError, UserError
from polybench.data.sample import Batch
from polybench.models.unused import CannotCopyError

Found = TypeVar("Found")


def meta_batch(size: tuple[int, int]) -> Batch:
    """Create a batch of two images on the meta device."""
    image, mask = (torch.empty(2, channels, *size, device="meta") for channels in (3, 1))
    names, to_native = ["0", "1"], mask.new_empty(2, 2, 3)
    return Batch(image=image, mask=mask, valid=mask, id=names, group=names, position=[0, 1], to_native=to_native)


def on_meta(run: Callable[[], Found], size: tuple[int, int]) -> Found | None:
    """Run a function on the meta device.

    Args:
        run: The function.
        size: Height and width of the images.

    Returns:
        Its result; None where it needs values.

    Raises:
        ConfigError: If the net can't take such images.
    """
    try:
        return run()
    except UserError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if "meta" not in str(error).lower() and not isinstance(error, CannotCopyError):
            height, width = size
            raise ConfigError(f"The net can't take RGB images of {height}x{width}: {reason}") from error
        rank_zero_warn(f"The net can't be checked before it runs: {reason}")
        return None
