"""Foundations: errors, atomic writes, checksums, randomness and wording; imports nothing of polybench."""
