"""Inputs of a plan's runs that layer-wise fine-tuning adds."""

from polybench.methods.inputs import Input

INPUTS = {
    "detector": Input(
        file="checkpoints/best.ckpt",
        options=("--data.candidates",),
        commands=("fit",),
        values=("boxes",),
    )
}
