"""What every room builds on: errors, atomic writes, checksums, randomness and wording; imports nothing of polybench."""
