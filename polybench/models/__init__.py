"""Nets of the papers: raw logits (N, C, H, W), or (N, C) for patches, and SMP's encoder contract at `.encoder`."""

from polybench.models.bsan import BSAN
from polybench.models.efen import EFEN
from polybench.models.fanet import FANet, FANetSeries
from polybench.models.fcn16s import FCN16sAtrous, JointFCN16sAtrous, PatchClassifier

__all__ = ["BSAN", "EFEN", "FANet", "FANetSeries", "FCN16sAtrous", "JointFCN16sAtrous", "PatchClassifier"]
