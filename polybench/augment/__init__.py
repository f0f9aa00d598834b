"""Augmentation of batches on any device, as a pure function of one key per sample."""

from polybench.augment.policies import POLICY_NAMES, Policy, named_policy
from polybench.augment.transform import Transform

__all__ = ["POLICY_NAMES", "Policy", "Transform", "named_policy"]
