"""Patch refinement: a patch classifier sees each predicted region, and regions it takes for no object are removed."""

from polybench.methods.refinement.callback import RefinementCallback

__all__ = ["RefinementCallback"]
