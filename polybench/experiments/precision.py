"""What a precision costs on a processor that has no arithmetic for it."""

from lightning.pytorch import Trainer

from polybench.core.processor import processor_fact

BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Flags of processors with bfloat16 arithmetic, of Intel, AMD and ARM, as Linux calls them."""


def precision_note(trainer: Trainer) -> str | None:
    """Return a sentence about bfloat16 on a processor without it; None elsewhere, and where its flags are unknown.

    Args:
        trainer: The built trainer.
    """
    precision = str(trainer.precision)
    if trainer.strategy.root_device.type != "cpu" or not precision.startswith("bf16"):
        return None
    flags = processor_fact("flags", "Features")
    if flags is None or BFLOAT16 & set(flags.split()):
        return None
    return (
        f"This processor has no bfloat16 arithmetic, so that --trainer.precision {precision} is computed in software, "
        "several times slower than float32 (measured: 4 to 15 times): --trainer.precision 32-true is fast, and another "
        "training, so another row."
    )
