"""Inputs of a plan's runs that weight transfer adds."""

from polybench.methods.inputs import Input

INPUTS = {
    "encoder": Input(
        file="checkpoints/encoder.safetensors",
        options=("--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.source"),
        commands=("fit",),
        values=("imagenet",),
        exported=True,
        earlier="from",
    )
}
