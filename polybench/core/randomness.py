"""Randomness as a pure function: the same (seed, epoch, sample id) gives the same draw at any time."""

import hashlib

import torch


def generator(*key: int | str) -> torch.Generator:
    """Create a CPU generator that depends only on the key.

    Args:
        key: For example a purpose, the seed, the epoch and a sample's id.

    Returns:
        A new generator; two calls with equal keys give equal draws.
    """
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
