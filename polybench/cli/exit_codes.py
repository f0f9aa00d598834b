"""Exit codes of commands that a signal ended."""

SIGTERM = 143
"""128 + 15, as a shell reports a process that SIGTERM ended."""
