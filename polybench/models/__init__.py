"""Segmentation nets of the papers: raw logits (N, C, H, W) out, SMP's encoder contract at `.encoder`."""

from polybench.models.efen import EFEN
from polybench.models.fanet import FANet, FANetSeries

__all__ = ["EFEN", "FANet", "FANetSeries"]
