"""Inputs of a plan's runs that patch refinement adds."""

from polybench.methods.inputs import Input

INPUTS = {
    "classifier": Input(
        file="checkpoints/best.ckpt",
        options=("--refine",),
        commands=("test",),
        kinds={"checkpoint": "segmentation", "classifier": "classification"},
        earlier="with",
    )
}
