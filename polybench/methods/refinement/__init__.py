"""Patch refinement: a patch classifier sees each predicted region, and regions it takes for no object are removed."""

from polybench.methods.refinement.callback import RefinementCallback
from polybench.methods.refinement.postprocessor import Refinement, RefinementMethod

METHOD = RefinementMethod()

__all__ = ["METHOD", "Refinement", "RefinementCallback", "RefinementMethod"]
