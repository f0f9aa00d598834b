"""Layer-wise fine-tuning: how deep to tune a pretrained net, with how much data, against training from scratch."""

from polybench.methods.finetuning.depth import LayerwiseTuning

__all__ = ["LayerwiseTuning"]
